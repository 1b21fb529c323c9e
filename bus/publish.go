package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// publish publishes what an earlier life has not, and returns when the server
// has stored all of it. After a failure it reads back first: the server may
// have stored what it didn't live to acknowledge.
func (r *runner) publish(ctx context.Context, outputs []Output) error {
	failed := false
	return r.retry(ctx, "publish", func() error {
		if failed {
			if err := r.readBack(ctx); err != nil {
				return err
			}
		}
		failed = true
		messages := make([]*nats.Msg, 0, len(outputs))
		for _, o := range outputs {
			if !r.published[o.ID] {
				messages = append(messages, &nats.Msg{Subject: o.Subject, Data: o.Data, Header: nats.Header{
					headerID:     {o.ID},
					headerStage:  {r.Name},
					headerSource: {strconv.FormatUint(o.Source, 10)},
				}})
			}
		}
		return r.bus.publishAll(ctx, messages)
	})
}

// readBackLimit bounds how far back a stage looks. It can't have published
// more than its two batches in flight and other writers' messages between
// them.
const readBackLimit = 100_000

// readBack notes which outputs of messages after the saved position are in the
// output stream already. The stage publishes in the order of its input, batch
// by batch, so the first message of a batch before the position ends the
// search.
func (r *runner) readBack(ctx context.Context) error {
	stream, err := r.bus.js.Stream(ctx, r.Output)
	if err != nil {
		return err
	}
	saved, err := r.Store.position(ctx, r.Name)
	if err != nil {
		return err
	}
	if !saved.Stream.Equal(r.position.Stream) {
		saved = Position{}
	}
	r.published = map[string]bool{}
	last := stream.CachedInfo().State.LastSeq
	first := stream.CachedInfo().State.FirstSeq
	for sequence := last; sequence >= max(first, 1) && last-sequence < readBackLimit; sequence-- {
		m, err := stream.GetMsg(ctx, sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if m.Header.Get(headerStage) != r.Name {
			continue
		}
		source, err := strconv.ParseUint(m.Header.Get(headerSource), 10, 64)
		if err != nil {
			return fmt.Errorf("message %d: %s: %w", sequence, headerSource, err)
		}
		if source <= saved.Sequence {
			break
		}
		r.published[m.Header.Get(headerID)] = true
	}
	if n := len(r.published); n > 0 {
		r.log.Info("found outputs published before", "count", n)
	}
	return nil
}

// publishAll sends all messages and waits for the server's word on each.
func (b *Bus) publishAll(ctx context.Context, messages []*nats.Msg) error {
	futures := make([]jetstream.PubAckFuture, 0, len(messages))
	var problems []error
	for _, m := range messages {
		future, err := b.js.PublishMsgAsync(m)
		if err != nil {
			problems = append(problems, fmt.Errorf("publish to %s: %w", m.Subject, err))
			break
		}
		futures = append(futures, future)
	}
	for i, future := range futures {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			if len(problems) < 3 {
				problems = append(problems, fmt.Errorf("publish to %s: %w", messages[i].Subject, err))
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.Join(problems...)
}

// Publish publishes one message and returns when the server has stored it. The
// same id within the duplicate window is stored once. The message says when it
// was sent, so that a reader can tell the sender's clock from the time it
// waited.
func (b *Bus) Publish(ctx context.Context, o Output) error {
	_, err := b.js.PublishMsg(ctx, &nats.Msg{Subject: o.Subject, Data: o.Data, Header: nats.Header{
		headerID:   {o.ID},
		headerSent: {strconv.FormatInt(time.Now().UnixNano(), 10)},
	}}, jetstream.WithRetryAttempts(0))
	if err != nil {
		return fmt.Errorf("publish to %s: %w", o.Subject, err)
	}
	return nil
}

// MaxPayload is the largest message that the server takes, in bytes; zero
// while it isn't known.
func (b *Bus) MaxPayload() int { return int(b.nc.MaxPayload()) }
