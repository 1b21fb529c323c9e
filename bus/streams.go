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

// layout is every stream on one screen. Shares are parts of a hundred of
// Storage.Bytes; a stream that is full drops its oldest messages.
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

// duplicateWindow is for how long the server refuses a message id it has
// stored. It serves what is sent twice at once; what is sent again after a
// crash is recognised by reading back.
const duplicateWindow = 2 * time.Minute

// Storage says how the streams and buckets are kept: limits by bytes, and how
// many servers hold each.
type Storage struct {
	Bytes    int64
	Replicas int
}

// Flags defines the flags for the storage. All services of one system have
// the same values.
func (s *Storage) Flags(f *daemon.Flags) {
	f.BytesVar(&s.Bytes, "storage", 10<<30, "`bytes` that all streams together may take; the oldest messages make room")
	f.IntVar(&s.Replicas, "replicas", 1, "`number` of NATS servers that hold each stream: 1, or 3 in a cluster")
}

func (s Storage) check() error {
	if s.Bytes < 16<<20 {
		return daemon.Usage("--storage %d: want at least 16MiB", s.Bytes)
	}
	if s.Replicas != 1 && s.Replicas != 3 && s.Replicas != 5 {
		return daemon.Usage("--replicas %d: want 1, 3 or 5", s.Replicas)
	}
	return nil
}

// config of several replicas lets only the leader answer: the others may not
// have heard yet of what a stage is to find when it reads back.
func (s Storage) config(stream string) jetstream.StreamConfig {
	l := layout[stream]
	return jetstream.StreamConfig{
		Name: stream, Subjects: []string{l.subject},
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage,
		MaxAge: l.age, MaxBytes: s.Bytes / 100 * l.share, MaxMsgSize: event.MaxMessage, MaxMsgsPerSubject: -1,
		Replicas: s.Replicas, Duplicates: duplicateWindow, AllowDirect: s.Replicas == 1,
	}
}

const (
	stateAge    = 30 * day // for how long a bucket keeps what is not written again
	bucketShare = 20       // of a hundred of Storage.Bytes, for one bucket
)

func bucketStream(bucket string) string { return "KV_" + bucket }

// bucket is what jetstream.KeyValueConfig makes, but for who answers, as above.
func (s Storage) bucket(name string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: bucketStream(name), Subjects: []string{"$KV." + name + ".>"},
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, Storage: jetstream.FileStorage,
		MaxAge: stateAge, MaxBytes: s.Bytes / 100 * bucketShare, MaxMsgSize: -1, MaxMsgsPerSubject: 1,
		Replicas: s.Replicas, Duplicates: duplicateWindow, AllowDirect: s.Replicas == 1, DenyDelete: true, AllowRollup: true,
	}
}

const (
	registerAge   = 365 * day
	registerShare = 1 // of a hundred of Storage.Bytes
)

func (s Storage) register(name string) jetstream.StreamConfig {
	c := s.bucket(name)
	c.MaxAge, c.MaxBytes, c.Discard = registerAge, s.Bytes/100*registerShare, jetstream.DiscardOld
	return c
}

// EnsureStreams creates the streams that don't exist. One that exists with
// another configuration is an error that names the field: it is not changed.
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

// askAgain is how often a question is asked that a server doesn't answer within
// the library's five seconds, as was seen on a busy machine where two made the
// same stream at once. Asking twice does no harm.
const askAgain = 6

func (b *Bus) ensureStream(ctx context.Context, want jetstream.StreamConfig) (err error) {
	for range askAgain {
		if err = b.makeStream(ctx, want); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (b *Bus) makeStream(ctx context.Context, want jetstream.StreamConfig) error {
	stream, err := b.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = b.js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = b.js.Stream(ctx, want.Name)
		}
		if err != nil {
			return fmt.Errorf("create with up to %d bytes: %w (the server's JetStream limits may be lower than --storage)", want.MaxBytes, err)
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
	return fmt.Errorf("configured otherwise; change the flags, or the stream with 'nats stream edit': %w", errors.Join(problems...))
}
