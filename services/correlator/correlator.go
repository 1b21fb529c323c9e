// Package correlator evaluates the analysts' rules on every host's connections
// and raises alerts. It reads the stream CONNECTIONS, publishes to ALERTS, and
// keeps what it remembers of each host in the bucket CORRELATOR.
//
// It guarantees what [bus.Stage] does: the alerts in the stream are the same,
// once each, wherever the correlator is killed. A rule fires at most once on a
// connection. Rules are read again when their files change; a set that doesn't
// compile changes nothing and is reported once.
//
// The work is done by pure packages: rule (the language), watch (when rules
// fire), directory (which host has which address).
package correlator

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	"headstart/services/correlator/directory"
)

// Options are what the correlator needs.
type Options struct {
	Bus       *bus.Bus
	Log       *slog.Logger
	Telemetry *daemon.Telemetry
	Storage   bus.Storage

	Rules    string // directory; empty for the default pack
	Default  fs.FS  // the default pack
	MaxHosts int    // that are known at a time
}

// Flags defines the correlator's own flags.
func (o *Options) Flags(f *daemon.Flags) {
	f.StringVar(&o.Rules, "rules", "", "`directory` with the rules; a change is in force within seconds (default: the pack that comes with headstart)")
	f.IntVar(&o.MaxHosts, "max-hosts", 200_000, "`number` of hosts that can be known at a time")
}

// batch is how many snapshots' changes are evaluated before the alerts are
// made durable together.
const batch = 512

// Run correlates until the context ends. It returns an error when the rules
// don't compile at the start.
func Run(ctx context.Context, o Options) error {
	if o.MaxHosts < 1 {
		return daemon.Usage("--max-hosts %d: want at least 1", o.MaxHosts)
	}
	rules, err := openRules(o)
	if err != nil {
		return err
	}
	if err := o.Bus.EnsureStreams(ctx, o.Storage, event.StreamConnections, event.StreamAlerts, event.StreamDeadLetters); err != nil {
		return fmt.Errorf("correlator: %w", err)
	}
	store, err := o.Bus.OpenStore(ctx, "CORRELATOR", o.Storage)
	if err != nil {
		return fmt.Errorf("correlator: %w", err)
	}
	c := &correlator{
		log: o.Log, rules: rules, metrics: newMetrics(o.Telemetry.Metrics),
		directory: directory.New(o.MaxHosts), maxHosts: o.MaxHosts, hosts: map[string]*watched{},
	}
	if err := store.All(ctx, c.restore); err != nil {
		return fmt.Errorf("correlator: %w", err)
	}
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan struct{})
	go func() { defer close(stopped); rules.follow(watching) }()
	defer func() { cancel(); <-stopped }()
	return o.Bus.Run(ctx, bus.Stage{
		Name: "correlator", Input: event.StreamConnections, Outputs: []string{event.StreamAlerts},
		Store: store, Batch: batch, Handle: c.handle,
	})
}
