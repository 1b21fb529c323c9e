package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Published returns the position of the last input message that has an output in
// one of a stage's output streams; the zero Position if there is none. A stage
// that was killed may have published part of a batch beyond its saved position,
// but nothing beyond this one.
func (b *Bus) Published(ctx context.Context, stage string, outputs ...string) (Position, error) {
	var latest Position
	for _, name := range outputs {
		stream, err := b.js.Stream(ctx, name)
		if err != nil {
			return Position{}, fmt.Errorf("stream %s: %w", name, err)
		}
		last := stream.CachedInfo().State.LastSeq
		if last == 0 {
			continue
		}
		m, err := stream.GetMsg(ctx, last)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return Position{}, fmt.Errorf("read %s: message %d: %w", name, last, err)
		}
		if o, ok := parseOrigin(m.Header); ok && o.stage == stage && (latest.before(o.Position) || latest.Stream.IsZero()) {
			latest = o.Position
		}
	}
	return latest, nil
}
