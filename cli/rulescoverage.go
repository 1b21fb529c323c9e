package cli

import (
	"context"
	"encoding/json"
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
	"headstart/daemon"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/inventory"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/replay"
	"headstart/rulekit/coverage"
)

// coverageOptions are those of headstart rules coverage.
type coverageOptions struct {
	history
	dirs      []string
	navigator string
	output    string
	all       bool
}

func rulesCoverageCommand() *cobra.Command {
	o := new(coverageOptions)
	c := &cobra.Command{
		Use:   "coverage [DIR…]",
		Short: "Say what rules can find and what they can't: by technique, by host, by what has fired",
		Long: `Say which of ATT&CK's techniques the enabled rules cover, which they don't though
connections show them, and which nobody can see in connections. A technique that no
enabled rule names is not covered; whether a rule finds all of what it names is for
its author to say.

With a history it also says which rules have never fired in it, which can't fire
because no host has a role that they need, which look for shorter connections than
a host's polls can prove, and when hosts were not polled at all. The history is what
the running system keeps (30 days of connections, 90 days of alerts; nothing changes
for the system), or recorded traffic (--conn-log, --snapshots). Without either, only
the techniques are said.

The rules are in the directories, of which a later one wins; "default" stands for
the pack that comes with headstart. Without directories they are those in force in
the running system, else the pack.`,
		Example: `  headstart rules coverage
  headstart rules coverage ./rules.expr --navigator layer.json
  headstart rules coverage default ./local --conn-log conn.log --inventory inventory.yaml --output json`,
		Args: asUsage(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, dirs []string) error {
			o.dirs = dirs
			return o.run(c)
		},
	}
	o.history.flags(c)
	f := c.Flags()
	f.StringVar(&o.navigator, "navigator", "", "`file` to write a layer for MITRE's ATT&CK Navigator to")
	f.StringVar(&o.output, "output", "text", "how to print what was found: `text` or json (one object)")
	f.BoolVar(&o.all, "all", false, "list everything, not only the first of each kind")
	complete(c, "output", "text", "json")
	c.MarkFlagFilename("navigator", "json")
	f.Lookup("since").Usage = "`time` from which on is looked at: back from the end, such as 7d or 36h, or 2025-06-05T00:00:00Z\n(default: all that there is)"
	f.MarkHidden("warm-up")
	c.ValidArgsFunction = completeLayers
	return c
}

// coveragePlan is what the options and the files that they name say.
type coveragePlan struct {
	historyPlan
	set  *rule.Set // nil: the rules in force
	name string
}

func (o *coverageOptions) check() (p coveragePlan, err error) {
	var problems []error
	p.historyPlan, err = o.history.check()
	problems = append(problems, err, checkOutput(o.output))
	if o.isRunning() && o.since == "" {
		p.since.back = keptFor
	}
	p.warmUp = 0
	if dir := filepath.Dir(o.navigator); o.navigator != "" {
		if _, err := os.Stat(dir); err != nil {
			problems = append(problems, daemon.Usage("--navigator: %w", err))
		}
	}
	dirs := o.dirs
	if len(dirs) == 0 && !o.isRunning() {
		dirs = []string{defaultPack}
	}
	if len(dirs) > 0 {
		p.name = rulesName(dirs)
		if p.set, err = loadRules(dirs, p.internal()); err != nil {
			problems = append(problems, daemon.Usage("the rules have mistakes:\n%w", err))
		}
	}
	return p, errors.Join(problems...)
}

func (o *coverageOptions) run(c *cobra.Command) error {
	p, err := o.check()
	if err != nil {
		return err
	}
	bar := newProgress(c.ErrOrStderr())
	defer bar.done()
	report := &coverage.Report{Attack: coverage.Version, Notes: []string{}}
	reached := false
	err = o.open(c, p.historyPlan, bar, func(ctx context.Context, h *past) error {
		reached = true
		if p.set == nil {
			if p.set, p.name, err = rulesInForce(ctx, h.bus, p.internal()); err != nil {
				return err
			}
		}
		return o.look(ctx, report, p, h)
	})
	bar.done()
	var usage *daemon.UsageError
	switch {
	case err == nil:
	case o.isRunning() && !reached && !c.Flags().Changed("server") && !errors.As(err, &usage) && c.Context().Err() == nil:
		report.Notes = append(report.Notes, "No running system answers, and no recorded traffic is named: what has fired, and where rules were blind, can't be said.")
		if p.set == nil {
			p.name = defaultPackName
			if p.set, err = loadRules([]string{defaultPack}, p.internal()); err != nil {
				return err
			}
		}
	default:
		return err
	}
	report.Rules, report.Hash, report.Techniques = p.name, p.set.Hash, coverage.Matrix(p.set)
	for _, r := range p.set.Rules {
		if r.Enabled {
			report.Enabled++
		}
	}
	return o.print(report, c.OutOrStdout())
}

// ignored is a sink for what only has to be counted.
type ignored struct{}

func (ignored) Alert(*event.Alert) error       { return nil }
func (ignored) Incident(*event.Incident) error { return nil }

// look replays the history and reads the alerts that are kept.
func (o *coverageOptions) look(ctx context.Context, report *coverage.Report, p coveragePlan, h *past) error {
	hearts := coverage.NewHeartbeats()
	totals, err := replay.RunAll(ctx, h.feed, []replay.Side{{
		Sink: ignored{},
		Look: func(changes *event.Changes, _ time.Time) { hearts.See(changes) },
		Options: replay.Options{Rules: p.set, Correlation: detect.Options{
			Inventory: p.inventory, Baseline: baseline.Options{Learning: o.learn},
		}},
	}})
	if err != nil {
		return err
	}
	t := totals[0]
	if t.Snapshots == 0 {
		report.Notes = append(report.Notes, "There are no connections to look at yet.")
		return nil
	}
	h.ended(t)
	stored, err := storedAlerts(ctx, h.bus)
	if err != nil {
		return err
	}
	hosts := hearts.Hosts(h.until)
	report.History = &coverage.History{
		From: h.first.UTC(), Until: h.until.UTC(), Hosts: len(hosts),
		Activities: coverage.Activities(p.set, t.Fired, t.Muted, stored), Missing: coverage.WithoutHosts(p.set, knownHosts(hosts, p.inventory)),
		Blind: coverage.TooSeldom(p.set, hosts), Silent: coverage.Silences(hosts),
	}
	if learnt := h.first.Add(o.learn); o.learn >= 24*time.Hour && learnt.After(h.first) {
		report.Notes = append(report.Notes, fmt.Sprintf("Until %s hosts were still learnt (--learn): rules that ask what is unusual could not fire by then.", utcMinute(learnt)))
	}
	if h.unread > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%d messages of the history could not be read; the first: %v.", h.unread, h.example))
	}
	if hearts.Left > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%d messages were of more hosts than are looked at.", hearts.Left))
	}
	return nil
}

// storedAlerts counts the alerts that a running system keeps by their subjects.
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
	if err != nil {
		return nil, fmt.Errorf("%w (the correlator makes the stream: does one run there?)", err)
	}
	return all, nil
}

// knownHosts are those that report, and those that the inventory lists. A host
// has the roles that either says.
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
		err = writeFileWith(o.navigator, func(w io.Writer) error { return write(w, string(layer)+"\n") })
		if err != nil {
			return err
		}
	}
	if o.output == "json" {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	return write(out, r.Text(pageOf(out), o.all))
}
