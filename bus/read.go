package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	readAhead = 512

	// readIdle is the time without a message after which a reader looks it up
	// in the stream, and readAttempts the number of those before the stream is
	// opened again.
	readIdle     = time.Second
	readAttempts = 5
)

// Read calls do with the messages of a stream between two sequences, both
// included, in order; to 0 is the current end of the stream. It publishes and
// saves nothing. It skips messages that the stream doesn't have any more: the
// sequences show the gap, and Message.Stream shows a recreated stream.
//
// It survives restarts of the server, and returns an error of do unchanged.
func (b *Bus) Read(ctx context.Context, stream string, from, to uint64, do func(Message) error) error {
	return b.read(ctx, reading{stream: stream, at: Position{Sequence: max(from, 1) - 1}, to: to, do: do})
}

// ReadSince is Read from the first message stored at a time or later to the
// current end of the stream.
func (b *Bus) ReadSince(ctx context.Context, stream string, since time.Time, do func(Message) error) error {
	return b.read(ctx, reading{stream: stream, since: since, do: do})
}

// Last calls do with the last message of every subject that matches a filter,
// the oldest first. A subject that gets a new message meanwhile can appear twice.
func (b *Bus) Last(ctx context.Context, stream, filter string, do func(Message) error) error {
	return b.read(ctx, reading{stream: stream, last: filter, do: do})
}

// LastFor returns the last message of a subject, nil if there is none.
func (b *Bus) LastFor(ctx context.Context, stream, subject string) (*Message, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", stream, err)
	}
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", subject, err)
	}
	return &Message{
		Subject: m.Subject, ID: m.Header.Get(headerID), Data: m.Data, Stream: s.CachedInfo().Created,
		Sequence: m.Sequence, StoredAt: m.Time, SentAt: parseSent(m.Header),
	}, nil
}

// reading is a running Read.
type reading struct {
	stream string
	at     Position // everything up to it is done; without Stream before the stream is opened
	since  time.Time
	last   string
	to     uint64 // 0 before the stream is opened: its end
	do     func(Message) error
}

func (r *reading) start() start {
	from := start{after: r.at, last: r.last}
	if r.at.Sequence == 0 {
		from.since = r.since
	}
	return from
}

func (b *Bus) read(ctx context.Context, r reading) error {
	input, err := b.openReader(ctx, r.stream, r.start(), readAhead)
	for err == nil {
		var interrupted error
		if interrupted, err = r.takeAll(ctx, input); interrupted == nil {
			return err
		}
		b.log.Debug("reading again", "stream", r.stream, "position", r.at.Sequence, "error", interrupted)
		input, err = b.reopen(ctx, &r)
	}
	return err
}

// reopen opens the stream at r.at, as soon as the server is back.
func (b *Bus) reopen(ctx context.Context, r *reading) (input *reader, err error) {
	for attempt := 0; ; attempt++ {
		if err := pause(ctx, retryWait(attempt)); err != nil {
			return nil, err
		}
		err := b.try(ctx, func(ctx context.Context) (err error) {
			input, err = b.openReader(ctx, r.stream, r.start(), readAhead)
			return err
		})
		if err == nil || errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, nats.ErrConnectionClosed) {
			return input, err
		}
	}
}

// takeAll passes on messages up to the end of the reading, or returns the error
// that interrupted it.
func (r *reading) takeAll(ctx context.Context, input *reader) (interrupted, err error) {
	defer input.close()
	at := input.position
	switch {
	case r.at.Stream.IsZero():
		r.at.Stream = at.Stream
		if r.to == 0 || r.to > input.end {
			r.to = input.end
		}
	case !r.at.Stream.Equal(at.Stream):
		return nil, fmt.Errorf("stream %s: recreated while it was read", r.stream)
	case r.last != "":
		r.to = input.end // the last message of a subject may have been replaced
	}
	for r.at.Sequence < r.to {
		m, ok, err := r.next(ctx, input)
		switch {
		case errors.Is(err, errInterrupted):
			return err, nil
		case err != nil:
			return nil, err
		case !ok || m.Sequence > r.to:
			return nil, nil
		case m.Sequence <= r.at.Sequence:
			continue
		}
		if err := r.do(m); err != nil {
			return nil, err
		}
		r.at.Sequence = m.Sequence
	}
	return nil, nil
}

// next returns the next message, or none at the end. The consumer's count of
// pending messages is not enough to know the end: its replica may be behind, and
// it counts messages that the stream has dropped.
func (r *reading) next(ctx context.Context, input *reader) (m Message, ok bool, err error) {
	if m, ok = input.ready(); ok {
		return m, true, nil
	}
	if input.pending == 0 && r.at.Sequence == 0 && !r.since.IsZero() {
		return m, false, nil // only the consumer knows which stored message is the first
	}
	for range readAttempts {
		if input.pending > 0 {
			limited, cancel := context.WithTimeout(ctx, readIdle)
			m, err = input.next(limited)
			cancel()
			if err == nil || errors.Is(err, errInterrupted) || ctx.Err() != nil {
				return m, err == nil, err
			}
		}
		next, err := input.stream.GetMsg(ctx, r.at.Sequence+1, jetstream.WithGetMsgSubject(cmp.Or(r.last, ">")))
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && next.Sequence > r.to {
			return m, false, nil
		}
		if err != nil {
			return m, false, fmt.Errorf("%w: %w", errInterrupted, err)
		}
		input.pending = max(input.pending, 1)
	}
	return m, false, fmt.Errorf("%w: no message after %d", errInterrupted, r.at.Sequence)
}
