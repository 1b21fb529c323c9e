package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"headstart/daemon"
	"headstart/event"

	"github.com/nats-io/nats.go/jetstream"
)

const day = 24 * time.Hour

// layout defines every stream. share is in percent of Storage.Bytes. A stream
// that is full drops its oldest messages.
var layout = map[string]struct {
	subject string
	age     time.Duration
	share   int64
}{
	event.StreamSnapshots:   {"snapshot.*", day, 55},
	event.StreamConnections: {"connection.*", 30 * day, 30},
	event.StreamAlerts:      {"alert.*.*", 90 * day, 5},
	event.StreamIncidents:   {"incident.*", 365 * day, 5},
	event.StreamDeadLetters: {"deadletter.*", 90 * day, 5},
}

// duplicateWindow is the time for which the server rejects a message id that it
// has stored. It covers immediate retries; a stage recognizes what it had
// published before a crash by reading back.
const duplicateWindow = 2 * time.Minute

// Storage is the space and the replicas of the streams and buckets.
type Storage struct {
	Bytes    int64
	Replicas int
}

// Flags defines the flags for the storage. All services of a system need the
// same values.
func (s *Storage) Flags(f *daemon.Flags) {
	f.BytesVar(&s.Bytes, "storage", 10<<30, "maximum `bytes` of all streams together, at least 16MiB; when full, the oldest messages are dropped")
	f.IntVar(&s.Replicas, "replicas", 1, "`number` of NATS servers that hold each stream: 1, 3 or 5")
}

func (s Storage) check() error {
	if s.Bytes < 16<<20 {
		return daemon.Usage("--storage %d: must be at least 16MiB", s.Bytes)
	}
	if s.Replicas != 1 && s.Replicas != 3 && s.Replicas != 5 {
		return daemon.Usage("--replicas %d: must be 1, 3 or 5", s.Replicas)
	}
	return nil
}

// config allows direct reads only without replicas: a follower may not yet have
// the messages that a stage must find when it reads back.
func (s Storage) config(stream string) jetstream.StreamConfig {
	l := layout[stream]
	return jetstream.StreamConfig{
		Name: stream, Subjects: []string{l.subject},
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage,
		MaxAge: l.age, MaxBytes: s.Bytes / 100 * l.share, MaxMsgSize: event.MaxMessage, MaxMsgsPerSubject: -1,
		Replicas: s.Replicas, Duplicates: duplicateWindow, AllowDirect: s.Replicas == 1,
	}
}

// EnsureStreams creates the streams that don't exist. It doesn't change a stream
// that exists with another configuration, but returns an error that names the
// field.
func (b *Bus) EnsureStreams(ctx context.Context, s Storage, streams ...string) error {
	if err := s.check(); err != nil {
		return err
	}
	for _, name := range streams {
		if err := b.ensureStream(ctx, s.config(name)); err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
	}
	return nil
}

// ensureAttempts bounds the attempts to look up or create a stream that time out
// after the library's five seconds, as happens on a busy machine when two
// processes create the same stream. The request is idempotent.
const ensureAttempts = 6

func (b *Bus) ensureStream(ctx context.Context, want jetstream.StreamConfig) (err error) {
	for range ensureAttempts {
		if err = b.createStream(ctx, want); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (b *Bus) createStream(ctx context.Context, want jetstream.StreamConfig) error {
	stream, err := b.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = b.js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = b.js.Stream(ctx, want.Name)
		}
		if err != nil {
			return fmt.Errorf("create with up to %d bytes: %w: lower --storage, or raise the server's JetStream limits", want.MaxBytes, err)
		}
	}
	if err != nil {
		return err
	}
	return sameConfig(stream.CachedInfo().Config, want)
}

func sameConfig(got, want jetstream.StreamConfig) error {
	var problems []error
	differ := func(field string, got, want any) {
		if got != want {
			problems = append(problems, fmt.Errorf("%s is %v, want %v", field, got, want))
		}
	}
	if !slices.Equal(got.Subjects, want.Subjects) {
		problems = append(problems, fmt.Errorf("subjects are %v, want %v", got.Subjects, want.Subjects))
	}
	differ("retention", got.Retention, want.Retention)
	differ("discard", got.Discard, want.Discard)
	differ("storage", got.Storage, want.Storage)
	differ("max age", got.MaxAge, want.MaxAge)
	differ("max bytes (--storage)", got.MaxBytes, want.MaxBytes)
	differ("max message size", got.MaxMsgSize, want.MaxMsgSize)
	differ("replicas (--replicas)", got.Replicas, want.Replicas)
	differ("duplicate window", got.Duplicates, want.Duplicates)
	differ("allow direct", got.AllowDirect, want.AllowDirect)
	differ("max messages per subject", got.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	differ("deny delete", got.DenyDelete, want.DenyDelete)
	differ("allow rollup", got.AllowRollup, want.AllowRollup)
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("configuration differs: change the flags, or the stream with 'nats stream edit': %w", errors.Join(problems...))
}
