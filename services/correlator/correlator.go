// Package correlator evaluates the analysts' rules on every host's connections,
// joins hosts into patterns and paths, knows what is normal, raises alerts and
// groups them into incidents. It reads the stream CONNECTIONS, publishes to
// ALERTS and INCIDENTS, asks hosts to look more often while an incident is
// open, and keeps what it remembers in the bucket CORRELATOR.
//
// It guarantees what [bus.Stage] does: the alerts and incidents in the streams
// are the same, once each, wherever the correlator is killed. All that is
// remembered is saved now and then as one checkpoint; a new life restores it
// and works through the messages since, without saying anything, up to where
// the last one had got. Rules are read again when their files change; a set
// that doesn't compile changes nothing and is reported once.
//
// The work is done by pure packages, which package correlation puts together.
package correlator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"

	"headstart/bus"
	"headstart/daemon"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/incident"
	"headstart/detect/inventory"
	"headstart/event"
	"headstart/rulestore"
)

// Options are what the correlator needs.
type Options struct {
	Bus       *bus.Bus
	Log       *slog.Logger
	Telemetry *daemon.Telemetry
	Storage   bus.Storage

	Rules     []string // directories, [rulestore.DefaultRules] or [rulestore.PushedRules], of which a later one wins; none for the default pack
	Default   fs.FS    // the default pack
	Inventory string   // file; empty for none
	MaxHosts  int      // that are known at a time
	Learn     time.Duration
	Threshold float64 // 0: [incident.DefaultThreshold]
	Budget    float64 // incidents a day; 0: no limit

	// RuleBudget is what an evaluation of a rule may take on average; one that
	// takes longer is no longer evaluated until the rules change. 0: no limit.
	RuleBudget time.Duration

	// Instance names this correlator among others; empty: the machine's name.
	Instance string

	// Checkpoint is how often, of the messages' time, all that is remembered is
	// saved. So much a new life has to work through again. 0:
	// [DefaultCheckpoint].
	Checkpoint time.Duration
}

// Flags defines the correlator's own flags.
func (o *Options) Flags(f *daemon.Flags) {
	f.ListVar(&o.Rules, "rules", "`directory` with rules, default for the pack that comes with headstart, or pushed for what 'headstart rules push' has stored; may be given several times, and a later one wins: --rules default --rules ./local. A change is in force within seconds (default: default)")
	f.StringVar(&o.Inventory, "inventory", "", "`file` with hosts, their addresses and roles, and the internal networks (docs/operations.md)")
	f.DurationVar(&o.Learn, "learn", 7*24*time.Hour, "`time` for which a host is watched before its unusual is told from its usual; less than 24h is for ever")
	f.Float64Var(&o.Threshold, "threshold", incident.DefaultThreshold, "`score` from which an incident is told to people")
	f.Float64Var(&o.Budget, "alert-budget", 0, "`number` of incidents a day that may be told to people, about: the threshold rises, at most twofold; 0 for no limit")
	f.DurationVar(&o.Checkpoint, "checkpoint", DefaultCheckpoint, "`time` between two checkpoints of all that is remembered; so much is worked through again after a restart")
	f.DurationVar(&o.RuleBudget, "rule-budget", 0, "`time` that an evaluation of a rule may take on average, such as 100us; a rule that takes longer is cut off until the rules change; 0 only shows it")
	f.IntVar(&o.MaxHosts, "max-hosts", 200_000, "`number` of hosts that can be known at a time")
}

// DefaultCheckpoint is a checkpoint's interval where nobody says another.
const DefaultCheckpoint = 5 * time.Minute

// Check reads the inventory and returns a usage error that names every mistake.
func (o *Options) Check() (detect.Options, error) {
	var problems []error
	if o.MaxHosts < 1 {
		problems = append(problems, daemon.Usage("--max-hosts %d: want at least 1", o.MaxHosts))
	}
	if o.Learn < 0 {
		problems = append(problems, daemon.Usage("--learn %s: want a time such as 168h, or 0 to learn nothing", o.Learn))
	}
	if o.Threshold < 0 || o.Threshold > 1000 {
		problems = append(problems, daemon.Usage("--threshold %g: want 0 (for the default) to 1000", o.Threshold))
	}
	if o.Checkpoint < 0 {
		problems = append(problems, daemon.Usage("--checkpoint %s: want a time such as 5m", o.Checkpoint))
	}
	if o.RuleBudget < 0 {
		problems = append(problems, daemon.Usage("--rule-budget %s: want a time such as 100us, or 0", o.RuleBudget))
	}
	if o.Budget < 0 {
		problems = append(problems, daemon.Usage("--alert-budget %g: want 0 or more", o.Budget))
	}
	c := detect.Options{
		MaxHosts: o.MaxHosts, Baseline: baseline.Options{Learning: o.Learn},
		Incident: incident.Options{Threshold: o.Threshold, PerDay: o.Budget},
	}
	if o.Inventory != "" {
		data, err := os.ReadFile(o.Inventory)
		if err == nil {
			c.Inventory, err = inventory.Parse(o.Inventory, data)
		}
		if err != nil {
			problems = append(problems, daemon.Usage("--inventory: %w", err))
		}
	}
	return c, errors.Join(problems...)
}

// batch is how many snapshots' changes are correlated before what follows is
// made durable together.
const batch = 512

// Run correlates until the context ends. It returns an error when the rules
// don't compile at the start.
func Run(ctx context.Context, o Options) error {
	options, err := o.Check()
	if err != nil {
		return err
	}
	rules, err := openRules(o, internalOf(options.Inventory))
	if err != nil {
		return err
	}
	if err := o.Bus.EnsureStreams(ctx, o.Storage, event.StreamConnections, event.StreamAlerts, event.StreamIncidents, event.StreamDeadLetters); err != nil {
		return fmt.Errorf("correlator: %w", err)
	}
	store, err := o.Bus.OpenStateStore(ctx, "CORRELATOR", o.Storage)
	if err != nil {
		return fmt.Errorf("correlator: %w", err)
	}
	pushed, err := rulestore.Create(ctx, o.Bus, o.Storage)
	if err == nil {
		err = rules.attach(ctx, pushed)
	}
	if err != nil {
		return fmt.Errorf("correlator: %w", err)
	}
	began := time.Now()
	options.Clock = func() time.Duration { return time.Since(began) }
	report := newReporter(rules, pushed, o.instance())
	c := &correlator{
		bus: o.Bus, log: o.Log, rules: rules, set: rules.current(), metrics: newMetrics(o.Telemetry.Metrics),
		correlation: detect.New(rules.current().Set, options), maxHosts: o.MaxHosts, every: cmp.Or(o.Checkpoint, DefaultCheckpoint),
		reporter: report, budget: o.RuleBudget, failures: map[string]int{},
	}
	if err := c.resume(ctx, store); err != nil {
		return fmt.Errorf("correlator: %w", err)
	}
	aside, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { rules.follow(aside) })
	beside.Go(func() { report.run(aside) })
	defer func() { cancel(); beside.Wait() }()
	return o.Bus.Run(ctx, bus.Stage{
		Name: stageName, Input: event.StreamConnections, Outputs: []string{event.StreamAlerts, event.StreamIncidents},
		Store: store, Batch: batch, Handle: c.handle,
	})
}

const stageName = "correlator"

func (o *Options) instance() string {
	if o.Instance != "" {
		return o.Instance
	}
	name, err := os.Hostname()
	if err != nil || name == "" {
		return stageName
	}
	return name
}

// internalOf is what an inventory says of internal networks.
func internalOf(inv *inventory.Inventory) []netip.Prefix {
	if inv == nil {
		return nil
	}
	return inv.Internal
}
