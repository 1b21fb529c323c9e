// Package notifier tells people and ticket systems of incidents, and of loose
// alerts where that is asked for. Each receiver has a durable consumer of its
// own on the stream INCIDENTS or ALERTS, so that one that is down loses nothing
// and holds up no other.
//
// It guarantees that every alert of a receiver's severity reaches it, or goes
// to the dead letters with the reason; and that of every incident that people
// are to be told of, a receiver hears that it was opened, then only later
// states, in their order, up to the last. What is worth telling of an incident
// is either sent, or superseded by a later state that was, or in the dead
// letters.
//
// A notification has the same id at every attempt. It is sent again only when
// its end is not known: when the receiver didn't answer, or the notifier was
// killed between the answer and its own note of it. A receiver that keeps ids
// therefore sees each once. Several notifiers at a time do no harm, but two
// states of an incident that are on their way at the same time can then arrive
// in either order.
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
	f.StringVar(&o.Config, "config", "", "`file` with the receivers: Slack, webhooks (see docs/notifier.md)")
}

// inFlight is how many notifications of a receiver are being sent or wait for
// another try. While a receiver is down no others are tried; while it refuses a
// few, the rest go through.
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
	told, err := o.Bus.OpenKV(ctx, "NOTIFIER", o.Storage)
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
		d := &desk{Receiver: r, bus: o.Bus, told: told, log: o.Log.With("receiver", r.Name), metrics: newMetrics(o.Telemetry.Metrics, r.Name)}
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
