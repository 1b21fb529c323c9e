package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Tail calls do with every message that a stream stores from now on, in order,
// until the context ends.
func (b *Bus) Tail(ctx context.Context, stream string, do func(Message)) error {
	consumer, err := b.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy})
	if err != nil {
		return fmt.Errorf("tail %s: %w", stream, err)
	}
	consuming, err := consumer.Consume(func(raw jetstream.Msg) {
		m, err := messageOf(raw)
		if err != nil {
			b.log.Error("message without metadata", "stream", stream, "error", err)
			return
		}
		do(m)
	})
	if err != nil {
		return fmt.Errorf("tail %s: %w", stream, err)
	}
	<-ctx.Done()
	consuming.Stop()
	return nil
}

// Listen calls do with every core NATS message on a subject until the context
// ends.
func (b *Bus) Listen(ctx context.Context, subject string, do func(data []byte)) error {
	subscription, err := b.nc.Subscribe(subject, func(m *nats.Msg) { do(m.Data) })
	if err != nil {
		return fmt.Errorf("listen on %s: %w", subject, err)
	}
	<-ctx.Done()
	if err := subscription.Unsubscribe(); err != nil && b.nc.IsConnected() {
		return fmt.Errorf("stop listening on %s: %w", subject, err)
	}
	return nil
}
