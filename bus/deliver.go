package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Delivery passes the messages of a stream to a handler, several at a time and in
// no particular order unless InOrder is set. The server keeps the messages that
// aren't done: nothing is lost when a process is killed or a handler requests a
// retry.
type Delivery struct {
	Stream  string
	Durable string // name of the server's record of what is done

	// InFlight bounds the messages that are being handled or wait for a retry.
	InFlight int

	// InOrder passes on the messages of a subject one at a time, in the order
	// of the stream except for retries, which are late.
	InOrder bool

	// Handle returns the zero Retry when the message is done. It must return
	// when the context ends.
	Handle func(ctx context.Context, m Message) Retry
}

// Retry requests another delivery of a message after a time, if Wanted.
type Retry struct {
	Wanted bool
	After  time.Duration
}

const (
	deliveryTime = 90 * time.Second // for one handling of one message
	ackTime      = 30 * time.Second // for its acknowledgement
	lookBack     = time.Hour        // age of the first message of a new durable
)

// Deliver delivers until the context ends, then waits for the handlers. A new
// durable starts with the messages of the last hour. Deliver returns an error if
// it can't start, or if the durable is deleted.
func (b *Bus) Deliver(ctx context.Context, d Delivery) error {
	consumer, err := b.durable(ctx, d)
	if err != nil {
		return fmt.Errorf("durable %s on %s: %w", d.Durable, d.Stream, err)
	}
	finish, cancel := afterwards(ctx)
	defer cancel()
	slots, ended, problems := make(chan struct{}, d.InFlight), make(chan struct{}), make(chan error, 1)
	defer close(ended)
	queue := keyQueue{last: map[string]chan struct{}{}}
	consuming, err := consumer.Consume(func(raw jetstream.Msg) {
		select {
		case slots <- struct{}{}:
			ready, done := queue.enqueue(d.key(raw))
			go func() {
				defer func() { done(); <-slots }()
				b.handle(ctx, finish, d, received{raw, ready})
			}()
		case <-ended:
		}
	}, jetstream.PullMaxMessages(d.InFlight), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		select {
		case problems <- err:
		default:
		}
	}))
	if err != nil {
		return fmt.Errorf("durable %s on %s: %w", d.Durable, d.Stream, err)
	}
	b.telemetry.Ready(d.Durable, nil)
	err = b.watchDurable(ctx, d, consuming, problems)
	b.stop(finish, consuming)
	for range d.InFlight {
		slots <- struct{}{}
	}
	return err
}

// durable returns the server's record of a delivery.
func (b *Bus) durable(ctx context.Context, d Delivery) (jetstream.Consumer, error) {
	consumer, err := b.js.Consumer(ctx, d.Stream, d.Durable)
	if err == nil {
		if config := consumer.CachedInfo().Config; config.MaxAckPending != d.InFlight {
			config.MaxAckPending = d.InFlight
			return b.js.UpdateConsumer(ctx, d.Stream, config)
		}
		return consumer, nil
	}
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil, err
	}
	start := time.Now().Add(-lookBack)
	consumer, err = b.js.CreateConsumer(ctx, d.Stream, jetstream.ConsumerConfig{
		Durable: d.Durable, AckPolicy: jetstream.AckExplicitPolicy, AckWait: deliveryTime + ackTime,
		MaxDeliver: -1, MaxAckPending: d.InFlight,
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &start,
	})
	if errors.Is(err, jetstream.ErrConsumerExists) {
		return b.js.Consumer(ctx, d.Stream, d.Durable) // another instance was faster
	}
	return consumer, err
}

// watchDurable waits until the context ends, or returns an error if the durable
// is deleted. Without it, a pull request that is lost with its consumer looks
// like one that waits for messages.
func (b *Bus) watchDurable(ctx context.Context, d Delivery, consuming jetstream.ConsumeContext, problems <-chan error) error {
	closed := consuming.Closed()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case err = <-problems:
			b.log.Warn("delivery interrupted", "durable", d.Durable, "error", err)
			_, err = b.js.Consumer(ctx, d.Stream, d.Durable)
		case <-closed:
			err = jetstream.ErrConsumerNotFound
		}
		if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			err = fmt.Errorf("durable %s on %s: deleted, or its stream recreated: restart this process: %w", d.Durable, d.Stream, err)
			b.telemetry.Ready(d.Durable, err)
			return err
		}
	}
}

// stop returns received messages to the server, and returns when no more can be
// received.
func (b *Bus) stop(finish context.Context, consuming jetstream.ConsumeContext) {
	if b.nc.IsConnected() {
		consuming.Drain()
	} else {
		consuming.Stop()
	}
	select {
	case <-consuming.Closed():
	case <-finish.Done():
	}
}

// received is a message, and a channel that is closed when it may be handled.
type received struct {
	jetstream.Msg
	ready <-chan struct{}
}

// key returns the key of messages that are handled one at a time: the subject,
// or one of this message only.
func (d *Delivery) key(raw jetstream.Msg) string {
	if d.InOrder {
		return raw.Subject()
	}
	return raw.Reply()
}

func (b *Bus) handle(ctx, finish context.Context, d Delivery, raw received) {
	meta, err := raw.Metadata()
	if err != nil {
		b.log.Error("message without metadata", "durable", d.Durable, "error", err)
		return
	}
	m := messageOf(raw, meta)
	limited, cancel := context.WithTimeout(finish, deliveryTime)
	defer cancel()
	ack := raw.DoubleAck
	select {
	case <-raw.ready:
	case <-limited.Done():
	case <-ctx.Done():
	}
	if ctx.Err() != nil || limited.Err() != nil {
		ack = func(context.Context) error { return raw.Nak() }
	} else if retry := d.Handle(limited, m); retry.Wanted {
		ack = func(context.Context) error { return raw.NakWithDelay(retry.After) }
	}
	if err := b.acknowledge(ctx, finish, ack); err != nil {
		b.log.Warn("acknowledgement failed: the message will be delivered again", "durable", d.Durable, "sequence", m.Sequence, "error", err)
	}
}

// acknowledge sends the result of a handler to the server. It survives restarts
// of the server.
func (b *Bus) acknowledge(ctx, finish context.Context, do func(context.Context) error) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTime)
	defer cancel()
	for attempt := 0; ; attempt++ {
		once, cancel := context.WithTimeout(limited, ackTime/6)
		err := do(once)
		cancel()
		if err == nil || limited.Err() != nil || finish.Err() != nil {
			return err
		}
		if pause(finish, retryWait(attempt)) != nil {
			return err
		}
	}
}
