package console

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"headstart/bus"
	"headstart/event"
)

// FollowIncidents prints every revision of an incident once, across restarts.
func (c *Console) FollowIncidents(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
	return b.Deliver(ctx, bus.Delivery{
		Stream: event.StreamIncidents, Durable: "console", InFlight: 1,
		Handle: func(_ context.Context, m bus.Message) bus.Retry {
			i, err := event.DecodeIncident(m.Data)
			if err != nil {
				log.Error("unreadable incident", "sequence", m.Sequence, "error", err)
				return bus.Retry{}
			}
			c.Incident(i)
			return bus.Retry{}
		},
	})
}

// maxAlertAge bounds the age of alerts that are printed: many may have been
// stored while alerts were not printed.
const maxAlertAge = time.Hour

// FollowAlerts prints every recent alert once, across restarts.
func (c *Console) FollowAlerts(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
	since := time.Now().Add(-maxAlertAge)
	return b.Deliver(ctx, bus.Delivery{
		Stream: event.StreamAlerts, Durable: "console", InFlight: 1,
		Handle: func(_ context.Context, m bus.Message) bus.Retry {
			a, err := event.DecodeAlert(m.Data)
			switch {
			case err != nil:
				log.Error("unreadable alert", "sequence", m.Sequence, "error", err)
			case m.StoredAt.After(since):
				c.Alert(a)
			}
			return bus.Retry{}
		},
	})
}

// FollowConnections prints what opens and closes since the console was created.
func (c *Console) FollowConnections(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
	var decoder event.ChangesDecoder
	var changes event.Changes
	show := func(m bus.Message) {
		if err := decoder.Decode(m.Data, &changes); err != nil {
			log.Error("unreadable connections", "sequence", m.Sequence, "error", err)
			return
		}
		c.Changes(&changes)
	}
	first := true
	return b.Tail(ctx, event.StreamConnections, func(m bus.Message) {
		if first { // read what was stored before the subscription
			first = false
			if err := b.ReadSince(ctx, event.StreamConnections, c.began, before(m.Sequence, show)); err != nil && !errors.Is(err, errShown) {
				log.Error("connections can't be read back", "error", err)
			}
		}
		show(m)
	})
}

// errShown ends the reading back where the subscription began.
var errShown = errors.New("already shown")

// before passes on the messages before a sequence.
func before(sequence uint64, do func(bus.Message)) func(bus.Message) error {
	return func(m bus.Message) error {
		if m.Sequence >= sequence {
			return errShown
		}
		do(m)
		return nil
	}
}
