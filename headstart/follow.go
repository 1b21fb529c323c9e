package main

import (
	"context"
	"log/slog"

	"headstart/bus"
	"headstart/event"
)

// followAlerts prints every alert once, also over restarts.
func (c *console) followAlerts(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
	return b.Deliver(ctx, bus.Delivery{
		Stream: event.StreamAlerts, Durable: "console", InFlight: 1,
		Handle: func(_ context.Context, m bus.Message) bus.Retry {
			a, err := event.DecodeAlert(m.Data)
			if err != nil {
				log.Error("unreadable alert", "sequence", m.Sequence, "error", err)
				return bus.Retry{}
			}
			c.alert(a)
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
