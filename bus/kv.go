package bus

import (
	"bytes"
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// KV keeps small values by key in a bucket, for a year after the last change.
// Any number of processes may change a value, one after another. When the
// bucket is full, the oldest values are dropped.
type KV struct{ bucket }

const (
	kvAge   = 365 * day
	kvShare = 1 // percent of Storage.Bytes
)

func (s Storage) kv(name string) jetstream.StreamConfig {
	c := s.bucket(name)
	c.MaxAge, c.MaxBytes, c.Discard = kvAge, s.Bytes/100*kvShare, jetstream.DiscardOld
	return c
}

// OpenKV opens a bucket and creates it if it doesn't exist.
func (b *Bus) OpenKV(ctx context.Context, name string, storage Storage) (*KV, error) {
	k, err := b.openBucket(ctx, storage, storage.kv(name))
	return &KV{k}, err
}

// Get returns the value of a key, nil if there is none. A key is made of subject
// tokens separated by dots.
func (k *KV) Get(ctx context.Context, key string) ([]byte, error) {
	value, _, err := k.get(ctx, key)
	return value, k.wrap(key, err)
}

// Update replaces the value of a key by what change returns, and returns that.
// When another process was faster, it calls change again with the new value. It
// retries for as long as NATS is away and the context lasts.
func (k *KV) Update(ctx context.Context, key string, change func(old []byte) []byte) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		var value []byte
		err := k.bus.try(ctx, func(ctx context.Context) error {
			old, revision, err := k.get(ctx, key)
			if err != nil {
				return err
			}
			if value = change(old); bytes.Equal(value, old) {
				return nil
			}
			_, err = k.kv.Update(ctx, key, value, revision)
			return err
		})
		if err == nil {
			return value, nil
		}
		if outdated(err) && ctx.Err() == nil {
			continue
		}
		if pause(ctx, retryWait(attempt)) != nil {
			return nil, k.wrap(key, err)
		}
	}
}

func (k *KV) get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	entry, err := k.entry(ctx, key)
	if err != nil || entry == nil {
		return nil, 0, err
	}
	return entry.Value(), entry.Revision(), nil
}
