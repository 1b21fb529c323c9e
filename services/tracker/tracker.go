// Package tracker turns every host's snapshots into the connections that
// opened and closed. It reads the stream SNAPSHOTS, publishes for each snapshot
// one message on CONNECTIONS with all its changes in order, and keeps each
// host's table in the bucket TRACKER.
//
// It guarantees what [bus.Stage] does: the changes in the stream are the same,
// once each, wherever the tracker is killed. A snapshot that can't be decoded
// or that names another host than its subject is dead-lettered with the reason;
// a stale one is counted and publishes nothing. Package conntable documents the
// comparison and how it handles faulty snapshots.
package tracker

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"runtime"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
)

// Options are what the tracker needs.
type Options struct {
	Bus       *bus.Bus
	Log       *slog.Logger
	Telemetry *daemon.Telemetry
	Storage   bus.Storage

	// MaxTables bounds the hosts' tables in memory. Others are read from the
	// bucket when their host reports again.
	MaxTables int
}

// Flags defines the tracker's own flags.
func (o *Options) Flags(f *daemon.Flags) {
	f.IntVar(&o.MaxTables, "max-tables", 100_000, "`number` of hosts whose tables are kept in memory, at least 1; others are read when they report")
}

// batch is how many snapshots are compared before their changes are stored
// together.
const batch = 512

// Run tracks until the context ends.
func Run(ctx context.Context, o Options) error {
	if o.MaxTables < 1 {
		return daemon.Usage("--max-tables %d: want at least 1", o.MaxTables)
	}
	if err := o.Bus.EnsureStreams(ctx, o.Storage, event.StreamSnapshots, event.StreamConnections, event.StreamDeadLetters); err != nil {
		return fmt.Errorf("tracker: %w", err)
	}
	store, err := o.Bus.OpenStateStore(ctx, "TRACKER", o.Storage)
	if err != nil {
		return fmt.Errorf("tracker: %w", err)
	}
	o.Telemetry.Help(help)
	t := &tracker{log: o.Log, metrics: newMetrics(o.Telemetry.Metrics), seed: maphash.MakeSeed(), limit: o.Bus.MaxData()}
	t.shards = make([]*shard, runtime.GOMAXPROCS(0))
	for i := range t.shards {
		t.shards[i] = newShard(t, store, max(1, o.MaxTables/len(t.shards)))
	}
	t.metrics.watchHosts(o.Telemetry.Metrics, t)
	return o.Bus.Run(ctx, bus.Stage{
		Name: "tracker", Input: event.StreamSnapshots, Outputs: []string{event.StreamConnections},
		Store: store, Batch: batch, Handle: t.handle,
	})
}
