package notifier

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"headstart/bus"
	"headstart/event"
	"headstart/services/notifier/config"
	"headstart/services/notifier/delivery"
)

// desk delivers to one receiver.
type desk struct {
	config.Receiver
	bus     *bus.Bus
	told    *bus.KV // threads, by receiver and incident
	log     *slog.Logger
	metrics *receiverMetrics
}

// alert makes one attempt at one alert.
func (d *desk) alert(ctx context.Context, m bus.Message) bus.Retry {
	alert, err := event.DecodeAlert(m.Data)
	if err != nil {
		return d.bury(ctx, event.StreamAlerts, m, err.Error())
	}
	if !d.Wants(alert.Severity) {
		d.metrics.unwanted.Inc()
		return bus.Retry{}
	}
	_, retry := d.send(ctx, event.StreamAlerts, m, delivery.ForAlert(alert, d.Name))
	return retry
}

// send makes one attempt at a notification of a message, and puts it to the
// dead letters if it was the last.
func (d *desk) send(ctx context.Context, stream string, m bus.Message, n delivery.Notification) (delivery.Verdict, bus.Retry) {
	began := time.Now()
	outcome, err := d.Send(ctx, n)
	if err != nil {
		return delivery.Retry, bus.Retry{Wanted: true}
	}
	outcome = d.Backoff.Next(outcome, uint64(m.Attempt), time.Since(m.StoredAt))
	switch outcome.Verdict {
	case delivery.Done:
		d.metrics.sent.Inc()
		d.metrics.seconds.UpdateDuration(began)
		d.log.Info("delivered", "notification", n.ID)
		return delivery.Done, bus.Retry{}
	case delivery.Retry:
		d.metrics.retried.Inc()
		d.log.Warn("not delivered, will try again", "notification", n.ID, "attempt", m.Attempt, "after", outcome.After, "error", outcome.Reason)
		return delivery.Retry, bus.Retry{Wanted: true, After: outcome.After}
	}
	return delivery.Dead, d.bury(ctx, stream, m, outcome.Reason)
}

// again is when to try again what NATS didn't do.
const again = 5 * time.Second

// bury puts a message that can't be delivered to the dead letters.
func (d *desk) bury(ctx context.Context, stream string, m bus.Message, reason string) bus.Retry {
	data, err := event.EncodeDeadLetter(event.DeadLetter{
		Service: "notifier", Receiver: d.Name, Stream: stream,
		Subject: m.Subject, Sequence: m.Sequence, At: m.StoredAt.UTC(), Reason: reason, Data: m.Data,
	})
	if err == nil {
		err = d.bus.Publish(ctx, bus.Output{
			Subject: event.DeadLetterSubject("notifier"), Data: data,
			ID: fmt.Sprintf("notifier/%s/%s/%d", d.Name, stream, m.Sequence),
		})
	}
	if err != nil {
		d.log.Error("dead letter not written, will try again", "stream", stream, "sequence", m.Sequence, "error", err)
		return bus.Retry{Wanted: true, After: again}
	}
	d.metrics.dead.Inc()
	d.log.Error("can't be delivered, put to the dead letters", "stream", stream, "sequence", m.Sequence, "error", reason)
	return bus.Retry{}
}
