package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// chain is messages of which each says after which sequence of its stream it
// wants to be stored. The server refuses those that follow on one that was lost
// with a connection. When somebody else writes to the stream meanwhile, it
// refuses as many as that one wrote, and may store those after them.
type chain struct {
	after    uint64 // sequence that the stream ends with
	messages []*nats.Msg

	// each asks for the server's word on each message, and so tells which was
	// refused and why. Without it, only on every [maxPending]th and the last,
	// which costs a third less.
	each bool
}

// Bounds of what waits for the server's word. A server drops what its disk
// can't keep up with.
const (
	maxPending      = 512
	maxPendingBytes = 8 << 20
)

// publish sends the messages, in order, and returns when the server has stored
// all of them. It returns the server's word on those that it asked about; nil
// for others, and for what was refused.
func (c chain) publish(ctx context.Context, b *Bus) ([]*jetstream.PubAck, error) {
	acks := make([]*jetstream.PubAck, len(c.messages))
	asked := make([]question, 0, 8)
	var problems []error
	pending, pendingBytes := 0, 0
	for i, m := range c.messages {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		m.Header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(c.after+uint64(i), 10)}
		pending, pendingBytes = pending+1, pendingBytes+len(m.Data)
		full := pending == maxPending || pendingBytes > maxPendingBytes
		if !c.each && !full && i < len(c.messages)-1 {
			if err := b.nc.PublishMsg(m); err != nil {
				return acks, fmt.Errorf("publish to %s: %w", m.Subject, err)
			}
			continue
		}
		// The library's second try of a message would overtake those after it.
		future, err := b.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
		if err != nil {
			problems = append(problems, fmt.Errorf("publish to %s: %w", m.Subject, err))
			break
		}
		asked = append(asked, question{i, future})
		if full {
			problems = append(problems, c.wait(ctx, b, asked, acks)...)
			asked, pending, pendingBytes = asked[:0], 0, 0
			if len(problems) > 0 {
				break
			}
		}
	}
	problems = append(problems, c.wait(ctx, b, asked, acks)...)
	return acks, errors.Join(problems[:min(len(problems), 3)]...)
}

// question is a message on which the server is to have its word.
type question struct {
	message int
	answer  jetstream.PubAckFuture
}

func (c chain) wait(ctx context.Context, b *Bus, asked []question, acks []*jetstream.PubAck) (problems []error) {
	for _, q := range asked {
		select {
		case acks[q.message] = <-q.answer.Ok():
		case err := <-q.answer.Err():
			problems = append(problems, fmt.Errorf("publish to %s: %w", c.messages[q.message].Subject, err))
		case <-b.closed:
			return append(problems, nats.ErrConnectionClosed)
		case <-ctx.Done():
			return append(problems, ctx.Err())
		}
	}
	return problems
}
