package main

import (
	"context"
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

// followConnections prints what opens and closes from now on.
func (c *console) followConnections(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
	var decoder event.ChangesDecoder
	var changes event.Changes
	return b.Tail(ctx, event.StreamConnections, func(m bus.Message) {
		if err := decoder.Decode(m.Data, &changes); err != nil {
			log.Error("unreadable connections", "sequence", m.Sequence, "error", err)
			return
		}
		c.changes(&changes)
	})
}
