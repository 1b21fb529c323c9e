package bus

import (
	"context"
	"fmt"
)

// tailAhead is the number of messages that are fetched ahead.
const tailAhead = 256

// Tail calls do with every message that a stream stores from now on, in order,
// until the context ends. It returns an error if it can't start.
func (b *Bus) Tail(ctx context.Context, stream string, do func(Message)) error {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return fmt.Errorf("tail %s: %w", stream, err)
	}
	info := s.CachedInfo()
	position := Position{Stream: info.Created, Sequence: info.State.LastSeq}
	input, err := b.openReader(ctx, stream, start{after: position}, tailAhead)
	if err != nil {
		return fmt.Errorf("tail %s: %w", stream, err)
	}
	for {
		for err == nil {
			var m Message
			if m, err = input.next(ctx); err == nil {
				position.Sequence = m.Sequence
				do(m)
			}
		}
		input.close()
		for attempt := 0; err != nil; attempt++ {
			b.log.Debug("reading again", "stream", stream, "position", position.Sequence, "error", err)
			if pause(ctx, retryWait(attempt)) != nil {
				return nil
			}
			err = b.try(ctx, func(ctx context.Context) (err error) {
				input, err = b.openReader(ctx, stream, start{after: position}, tailAhead)
				return err
			})
		}
		position = input.position
	}
}
