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

// dispatcher delivers to one receiver.
type dispatcher struct {
	config.Receiver
	bus     *bus.Bus
	entries *bus.KV // of package nflog, by receiver and incident
	log     *slog.Logger
	metrics *receiverMetrics
}

// alert makes one attempt to deliver an alert.
func (d *dispatcher) alert(ctx context.Context, m bus.Message) bus.Retry {
	alert, err := event.DecodeAlert(m.Data)
	if err != nil {
		return d.deadLetter(ctx, event.StreamAlerts, m, err.Error())
	}
	if !d.Wants(alert.Severity) {
		d.metrics.unwanted.Inc()
		return bus.Retry{}
	}
	_, retry := d.send(ctx, event.StreamAlerts, m, delivery.ForAlert(alert, d.Name))
	return retry
}

// send makes one attempt to send the notification of a message, and dead-letters
// the message if that was the last attempt.
func (d *dispatcher) send(ctx context.Context, stream string, m bus.Message, n delivery.Notification) (delivery.Verdict, bus.Retry) {
	began := time.Now()
	outcome, err := d.Send(ctx, n)
	if err != nil {
		return delivery.Retry, bus.Retry{Wanted: true}
	}
	outcome = d.Backoff.Next(outcome, uint64(m.Attempt), time.Since(m.StoredAt))
	switch outcome.Verdict {
	case delivery.Done:
		d.metrics.sent.Inc()
		d.metrics.duration.UpdateDuration(began)
		d.log.Info("delivered", "notification", n.ID)
		return delivery.Done, bus.Retry{}
	case delivery.Retry:
		d.metrics.retried.Inc()
		d.log.Warn("not delivered, retrying", "notification", n.ID, "attempt", m.Attempt, "after", outcome.After, "error", outcome.Reason)
		return delivery.Retry, bus.Retry{Wanted: true, After: outcome.After}
	}
	return delivery.Dead, d.deadLetter(ctx, stream, m, outcome.Reason)
}

// busRetry is the wait after a failure of NATS.
const busRetry = 5 * time.Second

// deadLetter publishes the dead letter of a message that can't be delivered.
func (d *dispatcher) deadLetter(ctx context.Context, stream string, m bus.Message, reason string) bus.Retry {
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
		d.log.Error("dead letter not published, retrying", "stream", stream, "sequence", m.Sequence, "error", err)
		return bus.Retry{Wanted: true, After: busRetry}
	}
	d.metrics.dead.Inc()
	d.log.Error("not deliverable, dead-lettered", "stream", stream, "sequence", m.Sequence, "error", reason)
	return bus.Retry{}
}
