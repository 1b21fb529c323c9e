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

// outdated reports whether the server rejected a message because another
// instance was faster.
func outdated(err error) bool {
	var rejected *jetstream.APIError
	return errors.As(err, &rejected) &&
		(rejected.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || rejected.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// Publish publishes one message and returns when the server has stored it. An id
// that is repeated within the duplicate window is stored once. The message has
// the time at which it was sent, so that a reader can tell a wrong clock from a
// long delay.
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

const (
	// headroom is the maximum of what a message has beside its data, in bytes:
	// subject, headers, and the bytes that a bucket adds.
	headroom = 4096

	// DefaultMaxData is [Bus.MaxData] for a server with the default limit.
	DefaultMaxData = 1<<20 - headroom
)

// MaxData returns the maximum size of a message's data in bytes, 0 before the
// first connection.
func (b *Bus) MaxData() int { return max(0, int(b.nc.MaxPayload())-headroom) }
