package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"headstart/event"
)

// Control requests a shorter poll interval of a host's poller, for a while. The
// request is neither stored nor acknowledged: repeat it to extend the time.
func (b *Bus) Control(ctx context.Context, host string, c event.Control) error {
	data, err := event.EncodeControl(c)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = b.nc.Publish(event.ControlSubject(host), data)
	}
	if err != nil {
		return fmt.Errorf("control poller of host %s: %w", host, err)
	}
	return nil
}

// Listen calls do with every core NATS message on a subject until the context
// ends.
func (b *Bus) Listen(ctx context.Context, subject string, do func(data []byte)) error {
	subscription, err := b.nc.SubscribeSync(subject)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", subject, err)
	}
	defer subscription.Unsubscribe()
	for {
		m, err := subscription.NextMsgWithContext(ctx)
		switch {
		case err == nil:
			do(m.Data)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, nats.ErrSlowConsumer):
			b.log.Warn("messages dropped: the subscriber is too slow", "subject", subject)
		default:
			return fmt.Errorf("listen on %s: %w", subject, err)
		}
	}
}
