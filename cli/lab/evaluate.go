package lab

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

	"headstart/cli/cmdutil"
	"headstart/cli/history"
	"headstart/cli/replay"
	"headstart/daemon"
	"headstart/detect/incident"
	"headstart/lab/score"
	"headstart/lab/simulate"
)

// replayCompany replays what simulate wrote into a directory, and writes JSON
// lines.
type replayCompany func(ctx context.Context, dir string, p pace, out io.Writer) error

// pace is how a company is replayed.
type pace struct {
	interval time.Duration
	learn    time.Duration
	rules    []string // as in --rules
}

// replayFiles is the [replayCompany] of the command.
func replayFiles(ctx context.Context, dir string, p pace, out io.Writer) error {
	o := replay.Options{
		Traffic: history.Traffic{
			ConnLogs: []string{filepath.Join(dir, "conn.log")}, Inventory: filepath.Join(dir, "inventory.yaml"),
			Interval: p.interval, Learn: p.learn, Seed: 1,
		},
		Rules: p.rules, Threshold: incident.DefaultThreshold, Output: cmdutil.JSONOutput(),
	}
	return o.Run(ctx, out, io.Discard)
}

// evaluateOptions are those of headstart evaluate.
type evaluateOptions struct {
	seeds     string
	intervals []string
	days      int
	hosts     int
	learn     time.Duration
	rules     []string
	out       string
	keep      string
	details   string
	parallel  int
	output    cmdutil.Output
}

// NewEvaluate returns the command headstart evaluate.
func NewEvaluate() *cobra.Command { return newEvaluate(replayFiles) }

func newEvaluate(replay replayCompany) *cobra.Command {
	o := new(evaluateOptions)
	c := &cobra.Command{
		Use:   "evaluate --seeds FROM-TO",
		Short: "Measure detection on many synthetic companies",
		Long: `Measure detection: generate a company for each seed, replay it at each interval,
and score the incidents.

Each company has one intrusion, of every kind at every level of stealth in turn;
two of fifteen companies have none. 45 seeds are three rounds. The result is one
page; --details writes every intrusion and false incident. This command generates
docs/detection.md.`,
		Example: `  headstart evaluate --seeds 201-245 --out docs/detection.md --details details.jsonl`,
		Args:    cmdutil.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			seeds, intervals, err := o.check()
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
			if o.out == "" {
				return o.write(c.OutOrStdout(), intervals, results)
			}
			f, err := os.Create(o.out)
			if err != nil {
				return err
			}
			return errors.Join(o.write(f, intervals, results), f.Close())
		},
	}
	f := c.Flags()
	f.StringVar(&o.seeds, "seeds", "", "`seeds` of the companies, such as 101-145 or 3,7,9")
	f.StringSliceVar(&o.intervals, "intervals", []string{"30s", "10s"}, "`times` between two polls, 1s to 1h")
	f.IntVar(&o.days, "days", 10, "`number` of days, 1 to 60")
	f.IntVar(&o.hosts, "hosts", 50, "`number` of hosts of a company, 10 to 500")
	f.DurationVar(&o.learn, "learn", 96*time.Hour, "learning `period`, without intrusions")
	f.StringSliceVar(&o.rules, "rules", nil, cmdutil.RulesUsage)
	f.StringVar(&o.out, "out", "", "`file` to write (default: standard output)")
	f.StringVar(&o.details, "details", "", "`file` for every intrusion and false incident, as JSON lines (default: none)")
	f.StringVar(&o.keep, "keep", "", "`directory` in which to keep companies and replays (default: a temporary one, which is deleted)")
	f.IntVar(&o.parallel, "parallel", 1, "`number` of companies replayed at once, 1 to 256")
	o.output.Define(c, "markdown", "text", "json")
	cmdutil.Renamed(c, "format", "output")
	c.MarkFlagDirname("rules")
	c.MarkFlagDirname("keep")
	c.MarkFlagFilename("out", "md")
	return c
}

// check returns the values of the flags, or every mistake in them.
func (o *evaluateOptions) check() (seeds []uint64, intervals []time.Duration, err error) {
	var problems []error
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
	if filepath.Ext(o.output.Format) != "" {
		problems = append(problems, daemon.Usage("--output %q: want a format; the file is now --out", o.output.Format))
	} else {
		problems = append(problems, o.output.Check())
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

// round returns the intrusions of fifteen consecutive companies.
var round = []simulate.Options{
	intrusion("exploratory", 0), intrusion("aggressive", 0), intrusion("targeted", 0), intrusion("slow", 0), {},
	intrusion("exploratory", 1), intrusion("aggressive", 1), intrusion("targeted", 1), intrusion("slow", 1), intrusion("reference", 0),
	intrusion("exploratory", 2), intrusion("aggressive", 2), intrusion("targeted", 2), intrusion("slow", 2), {},
}

func intrusion(kind string, stealth int) simulate.Options {
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

// one generates a company and scores it at each interval.
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
	return errors.Join(replay(ctx, dir, pace{interval, o.learn, o.rules}, f), f.Close())
}

// write writes the results.
func (o *evaluateOptions) write(w io.Writer, intervals []time.Duration, results [][]score.Result) error {
	page := score.Page{Command: fmt.Sprintf("headstart evaluate --seeds %s --days %d --hosts %d --learn %s --intervals %s",
		o.seeds, o.days, o.hosts, o.learn, strings.Join(o.intervals, ","))}
	for k, interval := range intervals {
		page.Polls = append(page.Polls, score.Poll{Interval: interval, Summary: score.Sum(results[k])})
	}
	if o.output.Format == "markdown" {
		return page.Write(w)
	}
	for _, poll := range page.Polls {
		if o.output.Format == "text" {
			fmt.Fprintf(w, "\nPolled every %s\n\n", poll.Interval)
		}
		if err := scoreFormats[o.output.Format](poll.Summary, w); err != nil {
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

// lineWriter serialises the lines of several writers.
type lineWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
