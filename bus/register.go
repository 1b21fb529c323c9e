package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Register keeps small values by key in a key-value bucket, for a year after
// the last change. Unlike a [Store] it belongs to nobody: any number of
// processes may change a value, one after another. When it is full the oldest
// values go.
type Register struct {
	bus    *Bus
	kv     jetstream.KeyValue
	bucket string
}

// OpenRegister opens a bucket and creates it if it isn't there.
func (b *Bus) OpenRegister(ctx context.Context, bucket string, storage Storage) (*Register, error) {
	err := storage.check()
	if err == nil {
		err = b.ensureStream(ctx, storage.register(bucket))
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	kv, err := b.js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return &Register{b, kv, bucket}, nil
}

// Get returns the value of a key, nil when there is none. A key is made of
// subject tokens with dots between.
func (r *Register) Get(ctx context.Context, key string) ([]byte, error) {
	value, _, err := r.get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("bucket %s key %s: %w", r.bucket, key, err)
	}
	return value, nil
}

// Update changes the value of a key to what change makes of it, and returns
// that. When somebody else was faster it is called again, with their value. It
// tries for as long as NATS is away and the context lasts.
func (r *Register) Update(ctx context.Context, key string, change func(old []byte) []byte) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		var value []byte
		err := r.bus.try(ctx, func(ctx context.Context) error {
			old, revision, err := r.get(ctx, key)
			if err != nil {
				return err
			}
			if value = change(old); bytes.Equal(value, old) {
				return nil
			}
			_, err = r.kv.Update(ctx, key, value, revision)
			return err
		})
		if err == nil {
			return value, nil
		}
		if outdated(err) && ctx.Err() == nil {
			continue
		}
		if pause(ctx, backoff(attempt)) != nil {
			return nil, fmt.Errorf("bucket %s key %s: %w", r.bucket, key, err)
		}
	}
}

func (r *Register) get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	entry, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return entry.Value(), entry.Revision(), nil
}
