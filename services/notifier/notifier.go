// Package notifier sends incidents, and single alerts if configured, to
// receivers: chat, ticket systems, any webhook. Each receiver has its own durable
// consumer on the stream INCIDENTS or ALERTS, so a receiver that is down loses
// nothing and doesn't block the others.
//
// It guarantees that every alert of a receiver's severity is delivered, or
// dead-lettered with the reason; and that a receiver of a notified incident is
// sent the opening first, then only later states, in order, up to the last. Each
// state that deserves a notification is sent, superseded by a later state that
// was sent, or dead-lettered.
//
// A notification has the same id at every attempt. It is sent again only when
// the result is unknown: the receiver didn't answer, or the notifier was killed
// between the answer and storing it. A receiver that remembers ids therefore
// handles each once. Several notifiers may run at a time, but then two states of
// an incident that are in flight at once can arrive in either order.
package notifier

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"golang.org/x/sync/errgroup"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	"headstart/services/notifier/config"
)

// Options are what the notifier needs.
type Options struct {
	Bus       *bus.Bus
	Log       *slog.Logger
	Telemetry *daemon.Telemetry
	Storage   bus.Storage

	Config string // file with the receivers; empty: none
}

// Flags defines the notifier's own flags.
func (o *Options) Flags(f *daemon.Flags) {
	f.StringVar(&o.Config, "config", "", "`file` with the receivers, Slack and webhooks (see docs/notifier.md); none if empty")
}

// inFlight is the maximum number of notifications of a receiver that are being
// sent or wait for a retry. While a receiver is down, no others are tried; while
// it rejects a few, the rest are delivered.
const inFlight = 32

// Run delivers until the context ends.
func Run(ctx context.Context, o Options) error {
	var receivers []config.Receiver
	if o.Config != "" {
		var err error
		receivers, err = config.Load(o.Config, config.Environment{ReadFile: os.ReadFile, LookupEnv: os.LookupEnv, Version: daemon.Version()})
		if err != nil {
			return daemon.Usage("--config: %w", err)
		}
	}
	if err := o.Bus.EnsureStreams(ctx, o.Storage, event.StreamIncidents, event.StreamAlerts, event.StreamDeadLetters); err != nil {
		return fmt.Errorf("notifier: %w", err)
	}
	entries, err := o.Bus.OpenKV(ctx, "NOTIFIER", o.Storage)
	if err != nil {
		return fmt.Errorf("notifier: %w", err)
	}
	o.Telemetry.Ready("notifier", nil)
	if len(receivers) == 0 {
		o.Log.Info("no receivers")
		<-ctx.Done()
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, r := range receivers {
		d := &dispatcher{Receiver: r, bus: o.Bus, entries: entries, log: o.Log.With("receiver", r.Name), metrics: newMetrics(o.Telemetry, r.Name)}
		d.log.Info("delivering", "incidents", r.Deliver.Incidents, "alerts", r.Deliver.Alerts, "severity", r.MinSeverity)
		deliver := func(from bus.Delivery) {
			from.Durable, from.InFlight = "notifier-"+r.Name, inFlight
			group.Go(func() error { return o.Bus.Deliver(ctx, from) })
		}
		if r.Deliver.Incidents {
			deliver(bus.Delivery{Stream: event.StreamIncidents, InOrder: true, Handle: d.incident})
		}
		if r.Deliver.Alerts {
			deliver(bus.Delivery{Stream: event.StreamAlerts, Handle: d.alert})
		}
	}
	return group.Wait()
}
