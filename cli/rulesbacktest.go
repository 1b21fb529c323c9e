package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/incident"
	"headstart/detect/rule"
	"headstart/replay"
	"headstart/rulekit/backtest"
)

// backtestOptions are those of headstart rules backtest.
type backtestOptions struct {
	history
	dirs       []string
	against    []string
	other      time.Duration // interval to compare with; 0: none
	threshold  float64
	budget     float64
	output     string
	all        bool
	failOnLoss bool
}

func rulesBacktestCommand() *cobra.Command {
	o := new(backtestOptions)
	c := &cobra.Command{
		Use:   "backtest DIR… [--against DIR…]",
		Short: "Say what new rules would have changed, had they been in force last week",
		Long: `Run the same history through the rules in force and through new ones, and say what
is different: alerts and incidents gained and lost, of which people are told, when,
how many a day, on which hosts.

The new rules are in the directories; of several, a later one wins. The old ones
are those in force in the running system, or in the directories that --against
names. The word "default" stands for the pack that comes with headstart.

The history is what the running system keeps (30 days of connections; nothing
changes for the system), or recorded traffic: Zeek's conn.log (--conn-log), or what
'headstart record' recorded (--snapshots). Of a running system the last 7 days are
reported on (--since), and as long as --learn before them is read, so that both
sets of rules know by then what is usual. --learn, --threshold, --alert-budget and
--inventory are the correlator's own: give what it was given.

With --interval, which goes with a conn.log only, it also says what polling at
another interval than every 30 seconds would have changed, with either set.`,
		Example: `  headstart rules backtest ./rules.expr
  headstart rules backtest default ./local --since 14d --inventory inventory.yaml
  headstart rules backtest ./rules.expr --against ./rules.before --conn-log conn.log --interval 10s
  headstart rules backtest ./rules.expr --output json --fail-on-loss`,
		Args: asUsage(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, dirs []string) error {
			o.dirs = dirs
			return o.run(c)
		},
	}
	o.history.flags(c)
	f := c.Flags()
	f.StringSliceVar(&o.against, "against", nil, "`directories` with the old rules (default: the rules in force in the running system; with a recording the pack that comes with headstart)")
	f.DurationVar(&o.other, "interval", 0, "`time` between two polls to compare with the usual 30s; with --conn-log only")
	f.Float64Var(&o.threshold, "threshold", incident.DefaultThreshold, "`score` from which an incident is sent to people")
	f.Float64Var(&o.budget, "alert-budget", 0, "about how many incidents a `day` may be sent; 0 for no limit")
	f.StringVar(&o.output, "output", "text", "how to print what was found: `text` or json (one object)")
	f.BoolVar(&o.all, "all", false, "list everything, not only the first of each kind")
	f.BoolVar(&o.failOnLoss, "fail-on-loss", false, "exit with code 1 if people are no longer told of an incident")
	complete(c, "output", "text", "json")
	c.MarkFlagDirname("against")
	c.ValidArgsFunction = completeLayers
	return c
}

// backtestPlan is what the options and the files that they name say.
type backtestPlan struct {
	historyPlan
	new     *rule.Set
	old     *rule.Set // nil: the rules in force
	oldName string
}

func (o *backtestOptions) check() (p backtestPlan, err error) {
	var problems []error
	p.historyPlan, err = o.history.check()
	problems = append(problems, err, checkOutput(o.output), checkTelling(o.threshold, o.budget))
	if len(o.dirs) == 0 {
		problems = append(problems, daemon.Usage("name the directory of the new rules"))
	}
	if o.given("interval") {
		switch {
		case len(o.connLogs) == 0:
			problems = append(problems, daemon.Usage("--interval: only of a conn.log can be said what polling at another interval would have shown; it goes with --conn-log"))
		case o.other < time.Second || o.other > time.Hour || o.other == o.interval:
			problems = append(problems, daemon.Usage("--interval %s: want 1s to 1h, and another than the usual %s", o.other, o.interval))
		}
	}
	if len(o.dirs) > 0 {
		if p.new, err = loadRules(o.dirs, p.internal()); err != nil {
			problems = append(problems, daemon.Usage("the new rules have mistakes:\n%w", err))
		}
	}
	against := o.against
	if len(against) == 0 && !o.isRunning() {
		against = []string{defaultPack}
	}
	if len(against) > 0 {
		p.oldName = rulesName(against)
		if p.old, err = loadRules(against, p.internal()); err != nil {
			problems = append(problems, daemon.Usage("--against: want directories of rules that have no mistakes:\n%w", err))
		}
	}
	return p, errors.Join(problems...)
}

func (o *backtestOptions) run(c *cobra.Command) error {
	p, err := o.check()
	if err != nil {
		return err
	}
	errs := c.ErrOrStderr()
	bar := newProgress(errs)
	defer bar.done()
	var report *backtest.Report
	err = o.open(c, p.historyPlan, bar, func(ctx context.Context, h *past) error {
		if p.old == nil {
			if p.old, p.oldName, err = rulesInForce(ctx, h.bus, p.internal()); err != nil {
				return err
			}
		}
		report, err = o.compare(ctx, p, h)
		return err
	})
	bar.done()
	if err != nil {
		return err
	}
	if err := o.print(report, c.OutOrStdout()); err != nil {
		return err
	}
	if lost := len(report.Incidents.NoLongerTold); o.failOnLoss && lost > 0 {
		return fmt.Errorf("people are no longer told of %s", count(uint32(lost), "incident"))
	}
	return nil
}

// outcomes are what the old and the new rules make of a history.
func (o *backtestOptions) outcomes(ctx context.Context, p backtestPlan, from time.Time, feed replay.Feed) (outcomes [2]*backtest.Outcome, err error) {
	var sides []replay.Side
	var recorders []*backtest.Recorder
	for _, set := range []*rule.Set{p.old, p.new} {
		r := backtest.NewRecorder(from)
		recorders = append(recorders, r)
		sides = append(sides, replay.Side{Sink: r, Options: replay.Options{Rules: set, Correlation: detect.Options{
			Inventory: p.inventory, Baseline: baseline.Options{Learning: o.learn},
			Incident: incident.Options{Threshold: o.threshold, PerDay: o.budget},
		}}})
	}
	totals, err := replay.RunAll(ctx, feed, sides)
	if err != nil {
		return outcomes, err
	}
	for i, r := range recorders {
		outcomes[i] = r.Outcome(totals[i])
	}
	return outcomes, nil
}

// compare runs the history through both sets.
func (o *backtestOptions) compare(ctx context.Context, p backtestPlan, h *past) (*backtest.Report, error) {
	began := time.Now()
	both, err := o.outcomes(ctx, p, h.from, h.feed)
	if err != nil {
		return nil, err
	}
	totals := both[0].Totals
	if totals.Snapshots == 0 {
		return nil, errors.New("there is no history to try the rules on")
	}
	h.ended(totals)
	span := backtest.Span{HistoryFrom: h.first, From: h.from, Until: h.until, LearnedAfter: h.first.Add(o.learn), Interval: o.interval}
	report := &backtest.Report{
		OldRules: backtest.DescribeSet(p.oldName, p.old), NewRules: backtest.DescribeSet(rulesName(o.dirs), p.new),
		Changes: backtest.CompareRules(p.old, p.new), Result: backtest.Compare(both[0], both[1], span),
		Notes: append([]string{}, h.notes(o.learn)...),
	}
	for i, out := range both {
		if out.Totals.Failures > 0 {
			report.Notes = append(report.Notes, fmt.Sprintf("%d evaluations of the %s rules failed, the first: %v.", out.Totals.Failures, []string{"old", "new"}[i], out.Totals.FirstError))
		}
	}
	if o.other > 0 {
		feed, err := h.faster(o.other)
		if err != nil {
			return nil, err
		}
		others, err := o.outcomes(ctx, p, h.from, feed)
		if err != nil {
			return nil, err
		}
		report.OldPace = backtest.ComparePaces(both[0], others[0], span, o.other)
		report.NewPace = backtest.ComparePaces(both[1], others[1], span, o.other)
	}
	report.Snapshots, report.Connections, report.Wall = totals.Snapshots, totals.Connections, time.Since(began).Seconds()
	return report, nil
}

func (o *backtestOptions) print(r *backtest.Report, out io.Writer) error {
	if o.output == "json" {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	return write(out, r.Text(pageOf(out), o.all))
}
