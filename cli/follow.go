package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"headstart/bus"
	"headstart/event"
)

// followIncidents prints every revision of an incident once, also over restarts.
func (c *console) followIncidents(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
	return b.Deliver(ctx, bus.Delivery{
		Stream: event.StreamIncidents, Durable: "console", InFlight: 1,
		Handle: func(_ context.Context, m bus.Message) bus.Retry {
			i, err := event.DecodeIncident(m.Data)
			if err != nil {
				log.Error("unreadable incident", "sequence", m.Sequence, "error", err)
				return bus.Retry{}
			}
			c.incident(i)
			return bus.Retry{}
		},
	})
}

// lookBack is how old an alert can be that is printed. There can be many that
// were raised while nobody wanted to see them.
const lookBack = time.Hour

// followAlerts prints every alert once, also over restarts, but for those that
// were raised long before.
func (c *console) followAlerts(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
	since := time.Now().Add(-lookBack)
	return b.Deliver(ctx, bus.Delivery{
		Stream: event.StreamAlerts, Durable: "console", InFlight: 1,
		Handle: func(_ context.Context, m bus.Message) bus.Retry {
			a, err := event.DecodeAlert(m.Data)
			switch {
			case err != nil:
				log.Error("unreadable alert", "sequence", m.Sequence, "error", err)
			case m.StoredAt.After(since):
				c.alert(a)
			}
			return bus.Retry{}
		},
	})
}

// followConnections prints what opens and closes from the console's beginning on.
func (c *console) followConnections(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
	var decoder event.ChangesDecoder
	var changes event.Changes
	show := func(m bus.Message) {
		if err := decoder.Decode(m.Data, &changes); err != nil {
			log.Error("unreadable connections", "sequence", m.Sequence, "error", err)
			return
		}
		c.changes(&changes)
	}
	first := true
	return b.Tail(ctx, event.StreamConnections, func(m bus.Message) {
		if first { // what was stored while this was starting
			first = false
			if err := b.ReadSince(ctx, event.StreamConnections, c.began, before(m.Sequence, show)); err != nil && !errors.Is(err, errShown) {
				log.Error("connections not read back", "error", err)
			}
		}
		show(m)
	})
}

// errShown ends what is read back where following began.
var errShown = errors.New("shown already")

// before hands on the messages up to a sequence.
func before(sequence uint64, do func(bus.Message)) func(bus.Message) error {
	return func(m bus.Message) error {
		if m.Sequence >= sequence {
			return errShown
		}
		do(m)
		return nil
	}
}
