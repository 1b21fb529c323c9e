package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Delivery hands the messages of a stream to a handler, several at a time and
// in no particular order. The server keeps what is not done: a process that
// is killed or a handler that asks for another try loses nothing.
type Delivery struct {
	Stream  string
	Durable string // names the server's record of what is done

	// InFlight bounds the messages that are being handled or wait for another
	// try. A handler that fails for long holds up no more than these.
	InFlight int

	// Handle returns the zero Retry when it is done with the message. It has
	// until the context ends.
	Handle func(ctx context.Context, m Message) Retry
}

// Retry asks for a message again after a time, if Wanted.
type Retry struct {
	Wanted bool
	After  time.Duration
}

const (
	deliveryTime = 90 * time.Second // for one handling of one message
	lookBack     = time.Hour        // what a new durable starts with
)

// Deliver delivers until the context ends, then waits for the handlers. A
// durable that is new starts with the messages of the last hour.
func (b *Bus) Deliver(ctx context.Context, d Delivery) error {
	start := time.Now().Add(-lookBack)
	consumer, err := b.js.Consumer(ctx, d.Stream, d.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		consumer, err = b.js.CreateConsumer(ctx, d.Stream, jetstream.ConsumerConfig{
			Durable: d.Durable, AckPolicy: jetstream.AckExplicitPolicy, AckWait: deliveryTime + 30*time.Second,
			MaxDeliver: -1, MaxAckPending: d.InFlight,
			DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &start,
		})
	}
	if err != nil {
		return fmt.Errorf("durable %s on %s: %w", d.Durable, d.Stream, err)
	}
	finish, cancel := afterwards(ctx)
	defer cancel()
	slots := make(chan struct{}, d.InFlight)
	var handlers sync.WaitGroup
	consuming, err := consumer.Consume(func(raw jetstream.Msg) {
		slots <- struct{}{}
		handlers.Go(func() {
			defer func() { <-slots }()
			b.handle(ctx, finish, d, raw)
		})
	}, jetstream.PullMaxMessages(d.InFlight), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		b.log.Warn("delivery was interrupted", "durable", d.Durable, "error", err)
	}))
	if err != nil {
		return fmt.Errorf("durable %s on %s: %w", d.Durable, d.Stream, err)
	}
	b.telemetry.Ready(d.Durable, nil)
	select {
	case <-ctx.Done():
		consuming.Stop()
		<-consuming.Closed()
		handlers.Wait()
		return nil
	case <-consuming.Closed():
		handlers.Wait()
		return fmt.Errorf("durable %s on %s: delivery ended: was the consumer deleted?", d.Durable, d.Stream)
	}
}

func (b *Bus) handle(ctx, finish context.Context, d Delivery, raw jetstream.Msg) {
	m, err := messageOf(raw)
	if err != nil {
		b.log.Error("message without metadata", "durable", d.Durable, "error", err)
		return
	}
	if ctx.Err() != nil {
		b.answer(d, m, raw.Nak())
		return
	}
	limited, cancel := context.WithTimeout(finish, deliveryTime)
	defer cancel()
	if retry := d.Handle(limited, m); retry.Wanted {
		b.answer(d, m, raw.NakWithDelay(retry.After))
		return
	}
	b.answer(d, m, raw.DoubleAck(limited))
}

// answer notes that the server may not know what became of a message. It will
// deliver it again.
func (b *Bus) answer(d Delivery, m Message, err error) {
	if err != nil {
		b.log.Warn("acknowledgement failed", "durable", d.Durable, "sequence", m.Sequence, "error", err)
	}
}
