package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/lab/score"
	"headstart/lab/simulate"
)

// scoreOptions are those of headstart score.
type scoreOptions struct {
	truths   []string
	replays  []string
	interval time.Duration
	output   cmdutil.Output
}

// NewScore returns the command headstart score.
func NewScore() *cobra.Command {
	o := new(scoreOptions)
	c := &cobra.Command{
		Use:   "score --truth FILE --replay FILE",
		Short: "Compare the incidents of a replay with the simulated intrusions",
		Long: `Compare the output of headstart replay with the truth that headstart simulate
wrote: how many intrusions were notified and how soon, how much of their paths was
found, and which notified incidents were false.

An intrusion is detected when a notified incident names one of its connections:
the same source, destination and port, from 60 s before its start to one interval
plus 120 s after it, or while it was open. The delay is the time from the first
lateral connection that a poll is certain to show to the notification of the
incident. Path recall counts the successful edges of the intrusion between
monitored hosts. A notified incident that names no connection of an intrusion is
false.

--truth and --replay are repeatable, in the same order.`,
		Example: `  headstart replay --conn-log D/conn.log --inventory D/inventory.yaml --learn 96h --output json > D/replay.jsonl
  headstart score --truth D/truth.json --replay D/replay.jsonl`,
		Args: cmdutil.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if filepath.Ext(o.output.Format) != "" {
				return daemon.Usage("--output %q: want a format; the file is now --replay", o.output.Format)
			}
			if err := o.output.Check(); err != nil {
				return err
			}
			if len(o.truths) == 0 || len(o.truths) != len(o.replays) {
				return daemon.Usage("--truth, --replay: want one replay for each truth, have %d and %d", len(o.replays), len(o.truths))
			}
			var results []score.Result
			for k := range o.truths {
				r, err := o.pair(o.truths[k], o.replays[k])
				if err != nil {
					return err
				}
				results = append(results, r)
			}
			return scoreFormats[o.output.Format](score.Sum(results), c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.truths, "truth", nil, "`file` truth.json of headstart simulate; repeatable")
	f.StringArrayVar(&o.replays, "replay", nil, "`file` with the output of headstart replay --output json; repeatable")
	f.DurationVar(&o.interval, "interval", 30*time.Second, "`time` between two polls in that replay")
	o.output.Define(c, "text", "markdown", "json")
	cmdutil.Renamed(c, "format", "output")
	c.MarkFlagFilename("truth", "json")
	c.MarkFlagFilename("replay", "jsonl", "json")
	return c
}

// pair scores one replay under the name of its directory.
func (o *scoreOptions) pair(truthFile, replayFile string) (score.Result, error) {
	truth, err := readTruth(truthFile)
	if err != nil {
		return score.Result{}, err
	}
	return scoreFile(filepath.Base(filepath.Dir(truthFile)), truth, replayFile, o.interval)
}

func scoreFile(name string, truth *simulate.Truth, replayFile string, interval time.Duration) (score.Result, error) {
	f, err := os.Open(replayFile)
	if err != nil {
		return score.Result{}, err
	}
	defer f.Close()
	replay, err := score.Read(f)
	if err != nil {
		return score.Result{}, fmt.Errorf("%s: %w", replayFile, err)
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
