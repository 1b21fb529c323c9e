package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/lab/score"
	"headstart/lab/simulate"
)

// scoreOptions are those of headstart score.
type scoreOptions struct {
	truths   []string
	outputs  []string
	interval time.Duration
	format   string
}

func scoreCommand() *cobra.Command {
	o := new(scoreOptions)
	c := &cobra.Command{
		Use:   "score --truth FILE --output FILE",
		Short: "Compare what replay found with what intruders really did",
		Long: `Compare what headstart replay printed with the truth that headstart simulate
wrote: how many intrusions were notified and how soon, how much of their paths
was seen, and which notified incidents were false.

An intrusion is detected when a notified incident names one of its connections:
the same source, destination and port, from 60 s before it began to an interval
and 120 s after, or while it lived. The delay runs from the first lateral
connection that a poll is certain to show to when an incident was notified and
named it. Path recall counts the intrusion's successful edges between monitored
hosts. A notified incident that names no intrusion's connection is false.

--truth and --output can be given several times, in the same order.`,
		Example: `  headstart replay --conn-log D/conn.log --inventory D/inventory.yaml --learn 96h --output json > D/replay.jsonl
  headstart score --truth D/truth.json --output D/replay.jsonl`,
		Args: asUsage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if len(o.truths) == 0 || len(o.truths) != len(o.outputs) {
				return daemon.Usage("--truth, --output: want one output of replay for each truth, have %d and %d", len(o.outputs), len(o.truths))
			}
			write, ok := scoreFormats[o.format]
			if !ok {
				return daemon.Usage("--format %q: want text, markdown or json", o.format)
			}
			var results []score.Result
			for k := range o.truths {
				r, err := o.pair(o.truths[k], o.outputs[k])
				if err != nil {
					return err
				}
				results = append(results, r)
			}
			return write(score.Sum(results), c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.truths, "truth", nil, "`file` that simulate wrote: truth.json")
	f.StringArrayVar(&o.outputs, "output", nil, "`file` that replay printed with --output json")
	f.DurationVar(&o.interval, "interval", 30*time.Second, "`time` between two polls of that replay")
	f.StringVar(&o.format, "format", "text", "how to print the result: `text`, markdown or json")
	complete(c, "format", "text", "markdown", "json")
	c.MarkFlagFilename("truth", "json")
	c.MarkFlagFilename("output", "jsonl", "json")
	return c
}

// pair scores one replay. Its name is the directory that the truth is in.
func (o *scoreOptions) pair(truthFile, outputFile string) (score.Result, error) {
	truth, err := readTruth(truthFile)
	if err != nil {
		return score.Result{}, err
	}
	return scoreFile(filepath.Base(filepath.Dir(truthFile)), truth, outputFile, o.interval)
}

func scoreFile(name string, truth *simulate.Truth, outputFile string, interval time.Duration) (score.Result, error) {
	f, err := os.Open(outputFile)
	if err != nil {
		return score.Result{}, err
	}
	defer f.Close()
	replay, err := score.Read(f)
	if err != nil {
		return score.Result{}, fmt.Errorf("%s: %w", outputFile, err)
	}
	return score.Score(name, truth, replay, interval), nil
}

func readTruth(file string) (*simulate.Truth, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	truth := new(simulate.Truth)
	if err := json.Unmarshal(data, truth); err != nil {
		return nil, fmt.Errorf("parse %s: %w", file, err)
	}
	return truth, nil
}

var scoreFormats = map[string]func(score.Summary, io.Writer) error{
	"text":     score.Summary.WriteText,
	"markdown": score.Summary.WriteMarkdown,
	"json":     score.Summary.WriteJSON,
}
