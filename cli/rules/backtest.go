package rules

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/cli/history"
	"headstart/daemon"
	"headstart/detect/incident"
	"headstart/replay"
	"headstart/rulekit/backtest"
)

// backtestOptions are those of headstart rules backtest.
type backtestOptions struct {
	history.History
	dirs       []string
	against    []string
	other      time.Duration // interval to compare with; 0 for none
	threshold  float64
	budget     float64
	output     cmdutil.Output
	all        bool
	failOnLoss bool
}

func newBacktest() *cobra.Command {
	o := new(backtestOptions)
	c := &cobra.Command{
		Use:   "backtest DIRECTORY… [--against DIRECTORY…]",
		Short: "Compare new rules with the active ones on past traffic",
		Long: `Replay the same history with the active rules and with new ones, and report the
differences: alerts and incidents gained and lost, which of them are notified, when,
how many a day, and on which hosts.

The new rules are in the directories; later directories win. The old rules are the
active ones of the running system, or those in the directories of --against. The
word "default" stands for the default ruleset.

The history is what the running system has stored (30 days of connections; the
system is not affected), or recorded traffic: Zeek's conn.log (--conn-log), or a
recording of 'headstart record' (--snapshots). For a running system the report
covers the last 7 days (--since), and the replay begins --learn earlier, so that
both sets of rules have learned the baseline by then. --learn, --threshold,
--alert-budget and --inventory are options of the correlator: use its values.

With --interval and a conn.log, the report also compares polling at another
interval than every 30 seconds, for both sets of rules.`,
		Example: `  headstart rules backtest ./rules.expr
  headstart rules backtest default ./local --since 14d --inventory inventory.yaml
  headstart rules backtest ./rules.expr --against ./rules.before --conn-log conn.log --interval 10s
  headstart rules backtest ./rules.expr --output json --fail-on-loss`,
		Args: cmdutil.Args(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, dirs []string) error {
			o.dirs = dirs
			return o.run(c)
		},
	}
	o.History.Flags(c)
	f := c.Flags()
	f.StringSliceVar(&o.against, "against", nil, "`directories` of the old rules (default: the active rules of the running system; with a recording the default ruleset)")
	f.DurationVar(&o.other, "interval", 0, "`time` between two polls to compare with 30s, 1s to 1h; with --conn-log only")
	cmdutil.NotificationFlags(c, &o.threshold, &o.budget)
	o.output.Define(c, "text", "json (one object)")
	f.BoolVar(&o.all, "all", false, "list everything, not only the first of each kind")
	f.BoolVar(&o.failOnLoss, "fail-on-loss", false, "exit with code 1 if an incident is no longer notified")
	c.MarkFlagDirname("against")
	c.ValidArgsFunction = cmdutil.CompleteRuleLayers
	return c
}

// backtestPlan holds the content of the options and of the files that they name.
type backtestPlan struct {
	history.Plan
	new, old ruleset
}

func (o *backtestOptions) check() (p backtestPlan, err error) {
	var problems []error
	p.Plan, err = o.History.Check()
	problems = append(problems, err, o.output.Check(), cmdutil.CheckNotification(o.threshold, o.budget))
	if o.other != 0 {
		switch {
		case len(o.ConnLogs) == 0:
			problems = append(problems, daemon.Usage("--interval: only a conn.log can be polled at another interval; use it with --conn-log"))
		case o.other < time.Second || o.other > time.Hour || o.other == o.Interval:
			problems = append(problems, daemon.Usage("--interval %s: want 1s to 1h, other than %s", o.other, o.Interval))
		}
	}
	if len(o.dirs) == 0 {
		problems = append(problems, daemon.Usage("want the directory of the new rules"))
	} else if err = p.new.load(o.dirs, p.Internal()); err != nil {
		problems = append(problems, daemon.Usage("the new rules are invalid:\n%w", err))
	}
	if err = p.old.loadFor(&o.History, o.against, p.Internal()); err != nil {
		problems = append(problems, daemon.Usage("--against: want directories with valid rules:\n%w", err))
	}
	return p, errors.Join(problems...)
}

func (o *backtestOptions) run(c *cobra.Command) error {
	p, err := o.check()
	if err != nil {
		return err
	}
	var report *backtest.Report
	err = p.old.onHistory(c, &o.History, p.Plan, func(ctx context.Context, h *history.Past) error {
		report, err = o.compare(ctx, &p, h)
		return err
	})
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if o.output.JSON() {
		err = cmdutil.WriteJSON(out, report)
	} else {
		err = cmdutil.Write(out, report.Text(cmdutil.Page(out), o.all))
	}
	if lost := len(report.Incidents.LostNotified); err == nil && o.failOnLoss && lost > 0 {
		err = fmt.Errorf("incidents no longer notified: %d", lost)
	}
	return err
}

// outcomes replays a history with the old and the new rules.
func (o *backtestOptions) outcomes(ctx context.Context, p *backtestPlan, h *history.Past, feed replay.Feed) (outcomes [2]*backtest.Outcome, err error) {
	var sides []replay.Variant
	var recorders []*backtest.Recorder
	options := h.Detect
	options.Incident = incident.Options{Threshold: o.threshold, PerDay: o.budget}
	for _, set := range []*ruleset{&p.old, &p.new} {
		r := backtest.NewRecorder(h.From)
		recorders = append(recorders, r)
		sides = append(sides, replay.Variant{Sink: r, Options: replay.Options{Rules: set.Set, Correlation: options}})
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

// compare returns the report on both sets of rules.
func (o *backtestOptions) compare(ctx context.Context, p *backtestPlan, h *history.Past) (*backtest.Report, error) {
	began := time.Now()
	both, err := o.outcomes(ctx, p, h, h.Feed)
	if err != nil {
		return nil, err
	}
	totals := both[0].Totals
	if totals.Snapshots == 0 {
		return nil, errors.New("the history is empty")
	}
	h.Replayed(totals)
	span := backtest.Span{HistoryFrom: h.First, From: h.From, Until: h.Until, LearnedAfter: h.First.Add(o.Learn), Interval: o.Interval}
	report := &backtest.Report{
		OldRules: backtest.DescribeSet(p.old.name, p.old.Set), NewRules: backtest.DescribeSet(p.new.name, p.new.Set),
		Changes: backtest.CompareRules(p.old.Set, p.new.Set), Result: backtest.Compare(both[0], both[1], span),
		Notes: append(append([]string{}, h.Notes()...), h.LearningNotes()...),
	}
	for i, out := range both {
		if out.Totals.Failures > 0 {
			report.Notes = append(report.Notes, fmt.Sprintf("Failed evaluations of the %s rules: %d. The first: %v.", []string{"old", "new"}[i], out.Totals.Failures, out.Totals.FirstError))
		}
	}
	if o.other > 0 {
		feed, err := h.Faster(o.other)
		if err != nil {
			return nil, err
		}
		others, err := o.outcomes(ctx, p, h, feed)
		if err != nil {
			return nil, err
		}
		report.OldPace = backtest.ComparePaces(both[0], others[0], span, o.other)
		report.NewPace = backtest.ComparePaces(both[1], others[1], span, o.other)
	}
	report.Snapshots, report.Connections, report.Wall = totals.Snapshots, totals.Connections, time.Since(began).Seconds()
	return report, nil
}
