package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// publisher publishes messages to one stream, each on the condition that the
// stream ends with the one before. The server rejects all that follow a message
// that was lost with a connection. If another client writes n messages to the
// stream meanwhile, the server rejects n messages and may store those after
// them.
type publisher struct {
	bus   *Bus
	after uint64 // last sequence of the stream

	// ackEach waits for an acknowledgement of each message, which shows the
	// rejected ones and why. Otherwise only every [maxPending]th and the last
	// message are acknowledged, which costs a third less.
	ackEach bool
}

// Bounds of unacknowledged messages. A server drops messages when its disk is
// too slow.
const (
	maxPending      = 512
	maxPendingBytes = 8 << 20
)

// publish sends the messages in order and returns when the server has stored
// all of them. It returns the acknowledgements by message, nil for those that
// are not requested or rejected.
func (p publisher) publish(ctx context.Context, messages []*nats.Msg) ([]*jetstream.PubAck, error) {
	acks := make([]*jetstream.PubAck, len(messages))
	waiting := make([]pendingAck, 0, 8)
	var problems []error
	pending, pendingBytes := 0, 0
	for i, m := range messages {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		m.Header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(p.after+uint64(i), 10)}
		pending, pendingBytes = pending+1, pendingBytes+len(m.Data)
		full := pending == maxPending || pendingBytes > maxPendingBytes
		if !p.ackEach && !full && i < len(messages)-1 {
			if err := p.bus.nc.PublishMsg(m); err != nil {
				return acks, fmt.Errorf("publish to %s: %w", m.Subject, err)
			}
			continue
		}
		// The library's retry of a message would overtake the messages after it.
		future, err := p.bus.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
		if err != nil {
			problems = append(problems, fmt.Errorf("publish to %s: %w", m.Subject, err))
			break
		}
		waiting = append(waiting, pendingAck{m.Subject, future, &acks[i]})
		if full {
			problems = append(problems, p.wait(ctx, waiting)...)
			waiting, pending, pendingBytes = waiting[:0], 0, 0
			if len(problems) > 0 {
				break
			}
		}
	}
	problems = append(problems, p.wait(ctx, waiting)...)
	return acks, errors.Join(problems[:min(len(problems), 3)]...)
}

// pendingAck is an acknowledgement to wait for, and where it goes.
type pendingAck struct {
	subject string
	future  jetstream.PubAckFuture
	ack     **jetstream.PubAck
}

func (p publisher) wait(ctx context.Context, waiting []pendingAck) (problems []error) {
	for _, w := range waiting {
		select {
		case *w.ack = <-w.future.Ok():
		case err := <-w.future.Err():
			problems = append(problems, fmt.Errorf("publish to %s: %w", w.subject, err))
		case <-p.bus.closed:
			return append(problems, nats.ErrConnectionClosed)
		case <-ctx.Done():
			return append(problems, ctx.Err())
		}
	}
	return problems
}
