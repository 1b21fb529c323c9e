package rules

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/cli/history"
	"headstart/daemon"
	"headstart/detect/inventory"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/replay"
	"headstart/rulekit/coverage"
)

// coverageOptions are those of headstart rules coverage.
type coverageOptions struct {
	history.History
	dirs      []string
	navigator string
	output    cmdutil.Output
	all       bool
}

func newCoverage() *cobra.Command {
	o := new(coverageOptions)
	c := &cobra.Command{
		Use:   "coverage [DIRECTORY…]",
		Short: "Report the coverage of rules: by technique, host and past traffic",
		Long: `Report which ATT&CK techniques the enabled rules cover, which ones connections show
but no rule covers, and which ones connections can't show. A technique is covered if
an enabled rule names it; whether the rule finds all of it is up to its author.

With a history it also reports rules that have never fired, rules that can't fire
because no host has a required role, rules for shorter connections than the polls of
a host can prove, and times in which hosts were not polled. The history is what the
running system has stored (30 days of connections, 90 days of alerts; the system is
not affected), or recorded traffic (--conn-log, --snapshots). Without a history the
report has techniques only.

The rules are in the directories, and later ones win; "default" stands for the
default ruleset. Without directories they are the active rules of the running
system, or the default ruleset.`,
		Example: `  headstart rules coverage
  headstart rules coverage ./rules.expr --navigator layer.json
  headstart rules coverage default ./local --conn-log conn.log --inventory inventory.yaml --output json`,
		Args: cmdutil.Args(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, dirs []string) error {
			o.dirs = dirs
			return o.run(c)
		},
	}
	o.History.Flags(c)
	f := c.Flags()
	f.StringVar(&o.navigator, "navigator", "", "`file` for a layer of MITRE's ATT&CK Navigator")
	o.output.Define(c, "text", "json (one object)")
	f.BoolVar(&o.all, "all", false, "list everything, not only the first of each kind")
	c.MarkFlagFilename("navigator", "json")
	f.Lookup("since").Usage = "`start` of the history: a duration before the end such as 7d or 36h, or a time such as 2025-06-05T00:00:00Z\n(default: all of it)"
	f.MarkHidden("warm-up")
	c.ValidArgsFunction = cmdutil.CompleteRuleLayers
	return c
}

// coveragePlan holds the content of the options and of the files that they name.
type coveragePlan struct {
	history.Plan
	rules ruleset
}

func (o *coverageOptions) check() (p coveragePlan, err error) {
	var problems []error
	p.Plan, err = o.History.Check()
	problems = append(problems, err, o.output.Check())
	if o.IsRunning() && o.Since == "" {
		p.Default(history.Retention)
	}
	p.WarmUp = 0
	if dir := filepath.Dir(o.navigator); o.navigator != "" {
		if _, err := os.Stat(dir); err != nil {
			problems = append(problems, daemon.Usage("--navigator: %w", err))
		}
	}
	if err = p.rules.loadFor(&o.History, o.dirs, p.Internal()); err != nil {
		problems = append(problems, daemon.Usage("the rules are invalid:\n%w", err))
	}
	return p, errors.Join(problems...)
}

func (o *coverageOptions) run(c *cobra.Command) error {
	p, err := o.check()
	if err != nil {
		return err
	}
	report := &coverage.Report{Attack: coverage.Version, Notes: []string{}}
	reached := false
	err = p.rules.onHistory(c, &o.History, p.Plan, func(ctx context.Context, h *history.Past) error {
		reached = true
		return o.evaluate(ctx, report, &p, h)
	})
	var usage *daemon.UsageError
	if err != nil && o.IsRunning() && !reached && !c.Flags().Changed("server") && !errors.As(err, &usage) && c.Context().Err() == nil {
		report.Notes = append(report.Notes, "No running system answers, and no recorded traffic is named: the report has no history.")
		if err = nil; p.rules.Set == nil {
			err = p.rules.load([]string{cmdutil.DefaultRules}, p.Internal())
		}
	}
	if err != nil {
		return err
	}
	report.Rules, report.Hash, report.Techniques = p.rules.name, p.rules.Hash, coverage.Matrix(p.rules.Set)
	for _, r := range p.rules.Rules {
		if r.Enabled {
			report.Enabled++
		}
	}
	return o.print(report, c.OutOrStdout())
}

// ignored is a sink that drops everything.
type ignored struct{}

func (ignored) Alert(*event.Alert) error       { return nil }
func (ignored) Incident(*event.Incident) error { return nil }

// evaluate replays the history and reads the stored alerts.
func (o *coverageOptions) evaluate(ctx context.Context, report *coverage.Report, p *coveragePlan, h *history.Past) error {
	hearts := coverage.NewHeartbeats()
	totals, err := replay.RunAll(ctx, h.Feed, []replay.Variant{{
		Sink:    ignored{},
		Look:    func(changes *event.Changes, _ time.Time) { hearts.See(changes) },
		Options: replay.Options{Rules: p.rules.Set, Correlation: h.Detect},
	}})
	if err != nil {
		return err
	}
	t := totals[0]
	if t.Snapshots == 0 {
		report.Notes = append(report.Notes, "The history has no connections yet.")
		return nil
	}
	h.Replayed(t)
	stored, err := storedAlerts(ctx, h.Bus)
	if err != nil {
		return err
	}
	hosts := hearts.Hosts(h.Until)
	report.History = &coverage.History{
		From: h.First.UTC(), Until: h.Until.UTC(), Hosts: len(hosts),
		Activities: coverage.Activities(p.rules.Set, t.Fired, t.Muted, stored), Missing: coverage.WithoutHosts(p.rules.Set, knownHosts(hosts, p.Inventory)),
		Blind: coverage.TooSeldom(p.rules.Set, hosts), Silent: coverage.Silences(hosts),
	}
	if learned := h.First.Add(o.Learn); o.Learn >= 24*time.Hour && learned.After(h.First) {
		report.Notes = append(report.Notes, fmt.Sprintf("Hosts are still learning until %s (--learn): until then, rules for unusual events can't fire.", history.Minute(learned)))
	}
	report.Notes = append(report.Notes, h.UnreadableNotes()...)
	if hearts.Left > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("Messages of hosts beyond the limit: %d.", hearts.Left))
	}
	return nil
}

// storedAlerts counts the stored alerts of a running system by their subjects.
func storedAlerts(ctx context.Context, b *bus.Bus) (map[string]coverage.Stored, error) {
	all := map[string]coverage.Stored{}
	if b == nil {
		return all, nil
	}
	err := b.Read(ctx, event.StreamAlerts, 1, 0, func(m bus.Message) error {
		id := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
		s, there := all[id]
		if there || len(all) < rule.MaxRules {
			all[id] = coverage.Stored{Alerts: s.Alerts + 1, Last: m.StoredAt}
		}
		return nil
	})
	return all, cmdutil.MissingStream(err, "correlator")
}

// knownHosts returns the hosts that report, and those of the inventory. A host has
// the roles of both.
func knownHosts(hosts []*coverage.Host, i *inventory.Inventory) (all []coverage.Known) {
	for _, h := range hosts {
		if listed := i.Host(h.Name); listed != nil {
			h.Roles = slices.Concat(h.Roles, listed.Roles)
		}
		all = append(all, coverage.Known{Name: h.Name, Roles: h.Roles, Reports: true})
	}
	if i != nil {
		for _, h := range i.Hosts {
			all = append(all, coverage.Known{Name: h.Name, Roles: h.Roles})
		}
	}
	return all
}

func (o *coverageOptions) print(r *coverage.Report, out io.Writer) error {
	if o.navigator != "" {
		layer, err := coverage.Layer(r.Techniques, "headstart: "+r.Rules)
		if err != nil {
			return err
		}
		err = cmdutil.ReplaceFile(o.navigator, func(w io.Writer) error { return cmdutil.Write(w, string(layer)+"\n") })
		if err != nil {
			return err
		}
	}
	if o.output.JSON() {
		return cmdutil.WriteJSON(out, r)
	}
	return cmdutil.Write(out, r.Text(cmdutil.Page(out), o.all))
}
