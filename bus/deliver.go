package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Delivery hands the messages of a stream to a handler, several at a time and
// in no particular order but for InOrder. The server keeps what is not done: a
// process that is killed or a handler that asks for another try loses nothing.
type Delivery struct {
	Stream  string
	Durable string // names the server's record of what is done

	// InFlight bounds the messages that are being handled or wait for another
	// try. A handler that fails for long holds up no more than these.
	InFlight int

	// InOrder hands out the messages of one subject one at a time, as they
	// come from the server: in the order of the stream, but for those that
	// come again, which are late.
	InOrder bool

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
	answerTime   = 30 * time.Second // to tell the server what became of it
	lookBack     = time.Hour        // what a new durable starts with
)

// Deliver delivers until the context ends, then waits for the handlers. A
// durable that is new starts with the messages of the last hour. It returns an
// error when it can't start, or when the durable is gone.
func (b *Bus) Deliver(ctx context.Context, d Delivery) error {
	consumer, err := b.durable(ctx, d)
	if err != nil {
		return fmt.Errorf("durable %s on %s: %w", d.Durable, d.Stream, err)
	}
	finish, cancel := afterwards(ctx)
	defer cancel()
	slots, ended, doubt := make(chan struct{}, d.InFlight), make(chan struct{}), make(chan error, 1)
	defer close(ended)
	turns := turns{last: map[string]chan struct{}{}}
	consuming, err := consumer.Consume(func(raw jetstream.Msg) {
		select {
		case slots <- struct{}{}:
			turn, done := turns.take(d.line(raw))
			go func() {
				defer func() { done(); <-slots }()
				b.handle(ctx, finish, d, arrival{raw, turn})
			}()
		case <-ended:
		}
	}, jetstream.PullMaxMessages(d.InFlight), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		select {
		case doubt <- err:
		default:
		}
	}))
	if err != nil {
		return fmt.Errorf("durable %s on %s: %w", d.Durable, d.Stream, err)
	}
	b.telemetry.Ready(d.Durable, nil)
	gone := b.watchDurable(ctx, d, consuming, doubt)
	b.stop(finish, consuming)
	for range d.InFlight {
		slots <- struct{}{}
	}
	return gone
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
		Durable: d.Durable, AckPolicy: jetstream.AckExplicitPolicy, AckWait: deliveryTime + answerTime,
		MaxDeliver: -1, MaxAckPending: d.InFlight,
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &start,
	})
	if errors.Is(err, jetstream.ErrConsumerExists) {
		return b.js.Consumer(ctx, d.Stream, d.Durable) // another instance was faster
	}
	return consumer, err
}

// watchDurable waits until the context ends, or returns an error when the
// durable is gone. A pull request that is lost with its consumer looks like one
// that nothing answers.
func (b *Bus) watchDurable(ctx context.Context, d Delivery, consuming jetstream.ConsumeContext, doubt <-chan error) error {
	closed := consuming.Closed()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case err = <-doubt:
			b.log.Warn("delivery was interrupted", "durable", d.Durable, "error", err)
			_, err = b.js.Consumer(ctx, d.Stream, d.Durable)
		case <-closed:
			err = jetstream.ErrConsumerNotFound
		}
		if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			err = fmt.Errorf("durable %s on %s is gone: was it deleted, or the stream made anew? %w", d.Durable, d.Stream, err)
			b.telemetry.Ready(d.Durable, err)
			return err
		}
	}
}

// stop lets what was received go back to the server, and returns when nothing
// more comes.
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

// arrival is a message that has come, and whose turn comes when that channel is
// closed.
type arrival struct {
	jetstream.Msg
	turn <-chan struct{}
}

// line is the key of the messages that go one at a time: of one subject, or of
// this one only.
func (d *Delivery) line(raw jetstream.Msg) string {
	if d.InOrder {
		return raw.Subject()
	}
	return raw.Reply()
}

func (b *Bus) handle(ctx, finish context.Context, d Delivery, raw arrival) {
	meta, err := raw.Metadata()
	if err != nil {
		b.log.Error("message without metadata", "durable", d.Durable, "error", err)
		return
	}
	m := messageOf(raw, meta)
	limited, cancel := context.WithTimeout(finish, deliveryTime)
	defer cancel()
	answer := raw.DoubleAck
	select {
	case <-raw.turn:
	case <-limited.Done():
	case <-ctx.Done():
	}
	if ctx.Err() != nil || limited.Err() != nil {
		answer = func(context.Context) error { return raw.Nak() }
	} else if retry := d.Handle(limited, m); retry.Wanted {
		answer = func(context.Context) error { return raw.NakWithDelay(retry.After) }
	}
	if err := b.answer(ctx, finish, answer); err != nil {
		// It will be delivered again.
		b.log.Warn("acknowledgement failed", "durable", d.Durable, "sequence", m.Sequence, "error", err)
	}
}

// answer tells the server what became of a message. It outlasts a server that
// is restarted.
func (b *Bus) answer(ctx, finish context.Context, do func(context.Context) error) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	for attempt := 0; ; attempt++ {
		once, cancel := context.WithTimeout(limited, answerTime/6)
		err := do(once)
		cancel()
		if err == nil || limited.Err() != nil || finish.Err() != nil {
			return err
		}
		if pause(finish, backoff(attempt)) != nil {
			return err
		}
	}
}
