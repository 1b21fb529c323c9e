// Package correlator evaluates the analysts' rules on every host's connections,
// finds patterns and paths across hosts, knows what is normal, raises alerts and
// groups them into incidents. It reads the stream CONNECTIONS, publishes to
// ALERTS and INCIDENTS, sends controls for adaptive polling while an incident is
// open, and saves its state in the bucket CORRELATOR.
//
// It guarantees what [bus.Stage] does: the alerts and incidents in the streams
// are the same, once each, wherever the correlator is killed. The state is saved
// as one checkpoint at an interval. A restarted correlator restores it and replays
// the messages since, without publishing, up to the last one that the previous
// process had handled. Rules are read again when their files change; a set that
// doesn't compile is rejected and reported once.
//
// The work is done by the engine of package detect, which is pure.
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

	Rules     []string // directories, [rulestore.DefaultRules] or [rulestore.PushedRules], of which a later one wins; none for the default ruleset
	Default   fs.FS    // the default ruleset
	Inventory string   // file; empty for none
	MaxHosts  int      // that are known at a time
	Learn     time.Duration
	Threshold float64 // 0: [incident.DefaultThreshold]
	Budget    float64 // incidents a day; 0: no limit

	// RuleBudget is the average time that an evaluation of a rule may take. A
	// slower rule is disabled until the rules change. 0: no limit.
	RuleBudget time.Duration

	// Instance names this correlator among others; empty: the machine's name.
	Instance string

	// Checkpoint is the interval of checkpoints, in the messages' time. A restart
	// replays the messages since the last one. 0: [DefaultCheckpoint].
	Checkpoint time.Duration
}

// Flags defines the correlator's own flags.
func (o *Options) Flags(f *daemon.Flags) {
	f.ListVar(&o.Rules, "rules", "`directory` of rules, default for the default ruleset, or pushed for the pushed rules; repeatable, later ones win: --rules default --rules ./local; changes are active within seconds (default: default)")
	f.StringVar(&o.Inventory, "inventory", "", "inventory `file`: hosts with their addresses and roles, and the internal networks (docs/operations.md)")
	f.DurationVar(&o.Learn, "learn", 7*24*time.Hour, "learning `period` of a new host, during which nothing counts as unusual; below 24h, learning never ends")
	f.Float64Var(&o.Threshold, "threshold", incident.DefaultThreshold, "risk `score` from which an incident is notified, 0 to 1000")
	f.Float64Var(&o.Budget, "alert-budget", 0, "approximate `number` of notified incidents a day: the threshold rises to keep to it, at most twofold; 0 for no limit")
	f.DurationVar(&o.Checkpoint, "checkpoint", DefaultCheckpoint, "`interval` between two checkpoints of the state; a restart replays the messages since the last one")
	f.DurationVar(&o.RuleBudget, "rule-budget", 0, "average `time` that an evaluation of a rule may take, such as 100us; a slower rule is disabled until the rules change; 0 for no limit")
	f.IntVar(&o.MaxHosts, "max-hosts", 200_000, "maximum `number` of known hosts, at least 1")
}

// DefaultCheckpoint is the default interval of checkpoints.
const DefaultCheckpoint = 5 * time.Minute

// Check reads the inventory and returns a usage error with every problem.
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

// batch is the number of messages whose outputs are made durable together.
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
	o.Telemetry.Help(help)
	c := &correlator{
		bus: o.Bus, log: o.Log, rules: rules, set: rules.current(), metrics: newMetrics(o.Telemetry.Metrics),
		engine: detect.New(rules.current().Set, options), maxHosts: o.MaxHosts, every: cmp.Or(o.Checkpoint, DefaultCheckpoint),
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

// internalOf returns the internal networks of an inventory.
func internalOf(inv *inventory.Inventory) []netip.Prefix {
	if inv == nil {
		return nil
	}
	return inv.Internal
}
