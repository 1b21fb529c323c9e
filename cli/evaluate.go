package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"headstart/daemon"
	"headstart/lab/score"
	"headstart/lab/simulate"
)

// replayCompany runs headstart replay on what simulate wrote into a directory
// and writes its JSON lines.
type replayCompany func(ctx context.Context, dir string, p replayPace, out io.Writer) error

// replayPace is how a company is replayed.
type replayPace struct {
	interval time.Duration
	learn    time.Duration
	rules    []string // as --rules names them
}

// evaluateOptions are those of headstart evaluate.
type evaluateOptions struct {
	seeds     string
	intervals []string
	days      int
	hosts     int
	learn     time.Duration
	rules     []string
	output    string
	keep      string
	details   string
	parallel  int
	format    string
}

func evaluateCommand(replay replayCompany) *cobra.Command {
	o := new(evaluateOptions)
	c := &cobra.Command{
		Use:   "evaluate --seeds FROM-TO",
		Short: "Measure detection on many synthetic companies",
		Long: `Measure detection: simulate a company for each seed, replay it at each interval,
and score what was found.

The companies have one intrusion each, of every kind at every level of stealth
in turn, and two of fifteen have none: 45 seeds are three rounds. The result is
one page; --details writes every intrusion and false incident. docs/detection.md
is made like this.`,
		Example: `  headstart evaluate --seeds 201-245 --output docs/detection.md --details details.jsonl`,
		Args:    asUsage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			seeds, intervals, err := o.check(replay)
			if err != nil {
				return err
			}
			results, err := o.run(c.Context(), evaluation{seeds, intervals, replay, &lineWriter{to: c.ErrOrStderr()}})
			if err != nil {
				return err
			}
			if err := o.writeDetails(intervals, results); err != nil {
				return err
			}
			if o.output == "" {
				return o.write(c.OutOrStdout(), intervals, results)
			}
			f, err := os.Create(o.output)
			if err != nil {
				return err
			}
			return errors.Join(o.write(f, intervals, results), f.Close())
		},
	}
	f := c.Flags()
	f.StringVar(&o.seeds, "seeds", "", "`seeds` of the companies, such as 101-145 or 3,7,9")
	f.StringSliceVar(&o.intervals, "intervals", []string{"30s", "10s"}, "`times` between two polls")
	f.IntVar(&o.days, "days", 10, "`number` of days")
	f.IntVar(&o.hosts, "hosts", 50, "`number` of hosts of a company")
	f.DurationVar(&o.learn, "learn", 96*time.Hour, "`time` to learn, without intrusions")
	f.StringSliceVar(&o.rules, "rules", nil, rulesUsage)
	f.StringVar(&o.output, "output", "", "`file` to write; standard output if empty")
	f.StringVar(&o.details, "details", "", "`file` for every intrusion and false incident, as JSON lines; none if empty")
	f.StringVar(&o.keep, "keep", "", "`directory` to keep companies and replays in; a temporary one, which is deleted, if empty")
	f.IntVar(&o.parallel, "parallel", 1, "`number` of companies that are replayed at a time")
	f.StringVar(&o.format, "format", "markdown", "how to print the result: text, `markdown` or json")
	complete(c, "format", "text", "markdown", "json")
	c.MarkFlagDirname("rules")
	c.MarkFlagDirname("keep")
	return c
}

// check returns what the flags say, or every mistake in them.
func (o *evaluateOptions) check(replay replayCompany) (seeds []uint64, intervals []time.Duration, err error) {
	var problems []error
	if replay == nil {
		problems = append(problems, errors.New("this build can't replay"))
	}
	seeds, err = parseSeeds(o.seeds)
	if err != nil {
		problems = append(problems, daemon.Usage("--seeds %q: %w", o.seeds, err))
	}
	for _, text := range o.intervals {
		d, err := time.ParseDuration(text)
		if err != nil || d < time.Second || d > time.Hour {
			problems = append(problems, daemon.Usage("--intervals %q: want times from 1s to 1h such as 30s,10s", text))
		}
		intervals = append(intervals, d)
	}
	if o.parallel < 1 || o.parallel > 256 {
		problems = append(problems, daemon.Usage("--parallel %d: want 1 to 256", o.parallel))
	}
	if scoreFormats[o.format] == nil {
		problems = append(problems, daemon.Usage("--format %q: want text, markdown or json", o.format))
	}
	return seeds, intervals, errors.Join(problems...)
}

const maxSeeds = 10_000

// parseSeeds reads numbers and ranges.
func parseSeeds(text string) ([]uint64, error) {
	var seeds []uint64
	for _, part := range strings.Split(text, ",") {
		low, high, isRange := strings.Cut(part, "-")
		a, err := strconv.ParseUint(low, 10, 64)
		b := a
		if err == nil && isRange {
			b, err = strconv.ParseUint(high, 10, 64)
		}
		if err != nil || b < a || b-a >= maxSeeds || len(seeds) >= maxSeeds {
			return nil, fmt.Errorf("want at most %d numbers such as 101-145 or 3,7,9", maxSeeds)
		}
		for s := a; s < b; s++ {
			seeds = append(seeds, s)
		}
		seeds = append(seeds, b)
	}
	return seeds, nil
}

// round is what fifteen companies in a row suffer.
var round = []simulate.Options{
	suffers("exploratory", 0), suffers("aggressive", 0), suffers("targeted", 0), suffers("slow", 0), {},
	suffers("exploratory", 1), suffers("aggressive", 1), suffers("targeted", 1), suffers("slow", 1), suffers("reference", 0),
	suffers("exploratory", 2), suffers("aggressive", 2), suffers("targeted", 2), suffers("slow", 2), {},
}

func suffers(kind string, stealth int) simulate.Options {
	return simulate.Options{Intrusions: 1, Kinds: []string{kind}, Stealth: []int{stealth}}
}

// evaluation is one run of the command.
type evaluation struct {
	seeds     []uint64
	intervals []time.Duration
	replay    replayCompany
	progress  io.Writer
}

// run returns the results by interval, in the order of the seeds.
func (o *evaluateOptions) run(ctx context.Context, e evaluation) ([][]score.Result, error) {
	results := make([][]score.Result, len(e.intervals))
	for k := range results {
		results[k] = make([]score.Result, len(e.seeds))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.parallel)
	for n, seed := range e.seeds {
		company := round[n%len(round)]
		company.Seed, company.Days, company.Hosts, company.Learn = seed, o.days, o.hosts, o.learn
		g.Go(func() error {
			scored, err := o.one(ctx, e, company)
			if err != nil {
				return fmt.Errorf("seed %d: %w", seed, err)
			}
			for k, r := range scored {
				results[k][n] = r
				missed := len(score.Sum([]score.Result{r}).Missed)
				fmt.Fprintf(e.progress, "%d of %d: seed %d at %s: %d of %d detected, %d false\n", n+1, len(e.seeds), seed, e.intervals[k], len(r.Outcomes)-missed, len(r.Outcomes), len(r.False))
			}
			return nil
		})
	}
	return results, g.Wait()
}

// one makes up a company and scores it at each interval.
func (o *evaluateOptions) one(ctx context.Context, e evaluation, options simulate.Options) (results []score.Result, err error) {
	dir := filepath.Join(o.keep, strconv.FormatUint(options.Seed, 10))
	if o.keep == "" {
		if dir, err = os.MkdirTemp("", "headstart-evaluate-"); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	s, err := simulate.Simulate(options)
	if err != nil {
		return nil, err
	}
	if err := (&simulateOptions{dir: dir}).write(s); err != nil {
		return nil, err
	}
	truth := s.Truth()
	for _, interval := range e.intervals {
		file := filepath.Join(dir, "replay-"+interval.String()+".jsonl")
		if err := o.replayTo(ctx, e.replay, dir, file, interval); err != nil {
			return nil, err
		}
		r, err := scoreFile(fmt.Sprintf("seed %d", options.Seed), truth, file, interval)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

func (o *evaluateOptions) replayTo(ctx context.Context, replay replayCompany, dir, file string, interval time.Duration) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(replay(ctx, dir, replayPace{interval: interval, learn: o.learn, rules: o.rules}, f), f.Close())
}

// write writes the page.
func (o *evaluateOptions) write(w io.Writer, intervals []time.Duration, results [][]score.Result) error {
	page := score.Page{Command: fmt.Sprintf("headstart evaluate --seeds %s --days %d --hosts %d --learn %s --intervals %s",
		o.seeds, o.days, o.hosts, o.learn, strings.Join(o.intervals, ","))}
	for k, interval := range intervals {
		page.Polls = append(page.Polls, score.Poll{Interval: interval, Summary: score.Sum(results[k])})
	}
	if o.format == "markdown" {
		return page.Write(w)
	}
	for _, poll := range page.Polls {
		if o.format == "text" {
			fmt.Fprintf(w, "\nPolled every %s\n\n", poll.Interval)
		}
		if err := scoreFormats[o.format](poll.Summary, w); err != nil {
			return err
		}
	}
	return nil
}

// writeDetails writes the file of --details, if there is one.
func (o *evaluateOptions) writeDetails(intervals []time.Duration, results [][]score.Result) error {
	if o.details == "" {
		return nil
	}
	f, err := os.Create(o.details)
	if err != nil {
		return err
	}
	for k, interval := range intervals {
		err = errors.Join(err, score.Sum(results[k]).WriteDetails(f, interval))
	}
	return errors.Join(err, f.Close())
}

// lineWriter lets several write lines to one writer.
type lineWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
