// Package notifier delivers alerts to people and ticket systems. Each receiver
// has a durable consumer of its own on the stream ALERTS, so that one that is
// down loses nothing and holds up no other.
//
// It guarantees that every alert of a receiver's severity reaches it, or goes
// to the dead letters with the reason. A notification has the same id at every
// attempt. It is sent again only when its end is not known: when the receiver
// didn't answer, or the notifier was killed between the answer and its own
// acknowledgement. A receiver that keeps ids therefore sees each once.
package notifier

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	"headstart/services/notifier/config"
	"headstart/services/notifier/delivery"
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
	if err := o.Bus.EnsureStreams(ctx, o.Storage, event.StreamAlerts, event.StreamDeadLetters); err != nil {
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
		d := &desk{Receiver: r, bus: o.Bus, log: o.Log.With("receiver", r.Name), metrics: newMetrics(o.Telemetry.Metrics, r.Name)}
		d.log.Info("delivering", "severity", r.MinSeverity)
		group.Go(func() error {
			return o.Bus.Deliver(ctx, bus.Delivery{
				Stream: event.StreamAlerts, Durable: "notifier-" + r.Name, InFlight: inFlight, Handle: d.handle,
			})
		})
	}
	return group.Wait()
}

// desk delivers to one receiver.
type desk struct {
	config.Receiver
	bus     *bus.Bus
	log     *slog.Logger
	metrics *receiverMetrics
}

// handle makes one attempt at one alert.
func (d *desk) handle(ctx context.Context, m bus.Message) bus.Retry {
	alert, err := event.DecodeAlert(m.Data)
	if err != nil {
		return d.bury(ctx, m, err.Error())
	}
	if !d.Wants(alert) {
		d.metrics.unwanted.Inc()
		return bus.Retry{}
	}
	began := time.Now()
	outcome, err := d.Send(ctx, delivery.ForAlert(alert, d.Name))
	if err != nil {
		return bus.Retry{Wanted: true}
	}
	outcome = d.Backoff.Next(outcome, uint64(m.Attempt), time.Since(m.StoredAt))
	switch outcome.Verdict {
	case delivery.Done:
		d.metrics.sent.Inc()
		d.metrics.seconds.UpdateDuration(began)
		d.log.Info("delivered", "alert", alert.ID, "rule", alert.Rule)
		return bus.Retry{}
	case delivery.Retry:
		d.metrics.retried.Inc()
		d.log.Warn("not delivered, will try again", "alert", alert.ID, "attempt", m.Attempt, "after", outcome.After, "error", outcome.Reason)
		return bus.Retry{Wanted: true, After: outcome.After}
	}
	return d.bury(ctx, m, outcome.Reason)
}

// buryAgain is when to try to write a dead letter again.
const buryAgain = 5 * time.Second

// bury puts an alert that can't be delivered to the dead letters.
func (d *desk) bury(ctx context.Context, m bus.Message, reason string) bus.Retry {
	data, err := event.EncodeDeadLetter(event.DeadLetter{
		Service: "notifier", Receiver: d.Name, Stream: event.StreamAlerts,
		Subject: m.Subject, Sequence: m.Sequence, At: m.StoredAt.UTC(), Reason: reason, Data: m.Data,
	})
	if err == nil {
		err = d.bus.Publish(ctx, bus.Output{
			Subject: event.DeadLetterSubject("notifier"), Data: data,
			ID: fmt.Sprintf("notifier/%s/%d", d.Name, m.Sequence),
		})
	}
	if err != nil {
		d.log.Error("dead letter not written, will try again", "sequence", m.Sequence, "error", err)
		return bus.Retry{Wanted: true, After: buryAgain}
	}
	d.metrics.dead.Inc()
	d.log.Error("can't be delivered, put to the dead letters", "sequence", m.Sequence, "error", reason)
	return bus.Retry{}
}
