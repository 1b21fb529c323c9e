package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// DeadLetter returns the output that stores a message that can't be handled, with
// the reason.
func DeadLetter(service, stream string, m Message, reason error) (Output, error) {
	data, err := event.EncodeDeadLetter(event.DeadLetter{
		Service: service, Stream: stream, Subject: m.Subject, Sequence: m.Sequence,
		At: m.StoredAt.UTC(), Reason: reason.Error(), Data: m.Data,
	})
	return Output{
		Subject: event.DeadLetterSubject(service),
		ID:      fmt.Sprintf("%s/%s/%d", service, stream, m.Sequence),
		Data:    data, Source: m.Sequence, dead: true,
	}, err
}

// publishDeadLetters publishes dead letters. Other services write to the stream
// too, but none to the same subject: the subject's last message shows what is
// stored, and each dead letter is conditional on the one before.
func (r *runner) publishDeadLetters(ctx context.Context, c commit, outputs []Output) error {
	var last, done uint64
	for i, o := range outputs {
		if i == 0 || o.Subject != outputs[i-1].Subject {
			var err error
			if last, done, err = r.lastDeadLetter(ctx, c, o.Subject); err != nil {
				return err
			}
		}
		if o.Source <= done {
			continue
		}
		ack, err := r.bus.js.PublishMsg(ctx, r.message(c, o), jetstream.WithRetryAttempts(0), jetstream.WithExpectLastSequencePerSubject(last))
		if err != nil {
			return fmt.Errorf("publish to %s: %w", o.Subject, err)
		}
		last = ack.Sequence
	}
	return nil
}

// lastDeadLetter returns the last sequence of a dead-letter subject, and the
// message of the input up to which the stage has published its dead letters.
func (r *runner) lastDeadLetter(ctx context.Context, c commit, subject string) (last, done uint64, err error) {
	stream, err := r.bus.js.Stream(ctx, event.StreamDeadLetters)
	if err != nil {
		return 0, 0, fmt.Errorf("stream %s: %w", event.StreamDeadLetters, err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", subject, err)
	}
	if o, ok := parseOrigin(m.Header); ok && o.stage == r.Name && o.Stream.Equal(c.position.Stream) && !c.back {
		done = o.Sequence
	}
	return m.Sequence, done, nil
}
