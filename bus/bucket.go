package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// bucket is a key-value bucket: what [KV], [Revisions] and [StateStore] share.
type bucket struct {
	bus  *Bus
	kv   jetstream.KeyValue
	name string
}

// ErrNoBucket means that a bucket doesn't exist: the service that creates it
// has not run yet.
var ErrNoBucket = errors.New("bucket not found")

const bucketPrefix = "KV_" // of the stream of a bucket

// bucket returns what jetstream.KeyValueConfig stands for, except for
// AllowDirect: see [Storage.config].
func (s Storage) bucket(name string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: bucketPrefix + name, Subjects: []string{"$KV." + name + ".>"},
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, Storage: jetstream.FileStorage,
		MaxMsgSize: -1, MaxMsgsPerSubject: 1,
		Replicas: s.Replicas, Duplicates: duplicateWindow, AllowDirect: s.Replicas == 1, DenyDelete: true, AllowRollup: true,
	}
}

// openBucket opens a bucket and creates it if it doesn't exist.
func (b *Bus) openBucket(ctx context.Context, s Storage, config jetstream.StreamConfig) (bucket, error) {
	name := strings.TrimPrefix(config.Name, bucketPrefix)
	err := s.check()
	if err == nil {
		err = b.ensureStream(ctx, config)
	}
	if err != nil {
		return bucket{}, fmt.Errorf("bucket %s: %w", name, err)
	}
	return b.findBucket(ctx, name)
}

// findBucket opens a bucket that exists. The error is [ErrNoBucket] if it
// doesn't.
func (b *Bus) findBucket(ctx context.Context, name string) (bucket, error) {
	kv, err := b.js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		err = ErrNoBucket
	}
	if err != nil {
		return bucket{}, fmt.Errorf("bucket %s: %w", name, err)
	}
	return bucket{b, kv, name}, nil
}

// entry returns nil for a key that doesn't exist.
func (k bucket) entry(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	entry, err := k.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	return entry, err
}

func (k bucket) stream(ctx context.Context) (jetstream.Stream, error) {
	return k.bus.js.Stream(ctx, bucketPrefix+k.name)
}

func (k bucket) subject(key string) string { return "$KV." + k.name + "." + key }

// wrap names the bucket and the key in an error; nil stays nil.
func (k bucket) wrap(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bucket %s: key %s: %w", k.name, key, err)
}
