package bus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"headstart/event"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Store keeps a stage's state in a key-value bucket: small values by key, the
// newest of each, for 30 days after the last write. A value that is too large
// for a message is kept in chunks, and is whole or the one before: the entry
// that names the chunks is written after them.
type Store struct {
	bus    *Bus
	kv     jetstream.KeyValue
	bucket string
	chunk  int
	slots  map[string]byte // of values in chunks: which of two sets of keys is in force
}

// State is a value to save under a key. A nil value deletes the key.
type State struct {
	Key   string // any name
	Value []byte
}

const stateAge = 30 * day

// OpenStore opens a bucket and creates it if it isn't there.
func (b *Bus) OpenStore(ctx context.Context, bucket string, s Storage) (*Store, error) {
	kv, err := b.js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = b.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: bucket, History: 1, TTL: stateAge, Storage: jetstream.FileStorage, Replicas: s.Replicas, MaxBytes: s.Bytes / 5,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return &Store{
		bus: b, kv: kv, bucket: bucket, slots: map[string]byte{},
		chunk: max(b.MaxPayload(), 1<<20) - 4096,
	}, nil
}

// The first byte of an entry: the value follows, or where its chunks are.
const (
	entryWhole  = 0
	entryChunks = 1 // then the slot, and the number of chunks as two bytes
)

const maxChunks = 32

// Get returns the value of a key, nil if there is none.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := s.get(ctx, stateKey(key))
	if err != nil {
		return nil, fmt.Errorf("bucket %s key %q: %w", s.bucket, key, err)
	}
	return value, nil
}

func (s *Store) get(ctx context.Context, key string) ([]byte, error) {
	entry, err := s.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.value(ctx, key, entry.Value())
}

func (s *Store) value(ctx context.Context, key string, entry []byte) ([]byte, error) {
	switch {
	case len(entry) > 0 && entry[0] == entryWhole:
		return entry[1:], nil
	case len(entry) == 4 && entry[0] == entryChunks:
		n := int(binary.BigEndian.Uint16(entry[2:]))
		if n > maxChunks {
			return nil, fmt.Errorf("%d chunks, more than %d", n, maxChunks)
		}
		var value []byte
		for i := range n {
			part, err := s.kv.Get(ctx, chunkKey(key, entry[1], i))
			if err != nil {
				return nil, fmt.Errorf("chunk %d of %d: %w", i+1, n, err)
			}
			value = append(value, part.Value()...)
		}
		return value, nil
	}
	return nil, fmt.Errorf("an entry of %d bytes that this program doesn't know", len(entry))
}

// All calls yield for every key and its value until it returns false.
func (s *Store) All(ctx context.Context, yield func(key string, value []byte) bool) error {
	watcher, err := s.kv.Watch(ctx, "state.*", jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("bucket %s: %w", s.bucket, err)
	}
	defer watcher.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case entry, ok := <-watcher.Updates():
			if !ok {
				return fmt.Errorf("bucket %s: reading was interrupted", s.bucket)
			}
			if entry == nil {
				return nil
			}
			key, err := event.FromToken(entry.Key()[len("state."):])
			if err != nil {
				return fmt.Errorf("bucket %s: %w", s.bucket, err)
			}
			value, err := s.value(ctx, entry.Key(), entry.Value())
			if err != nil {
				return fmt.Errorf("bucket %s key %q: %w", s.bucket, key, err)
			}
			if !yield(key, value) {
				return nil
			}
		}
	}
}

// save writes all states, of each key the last.
func (s *Store) save(ctx context.Context, states []State) error {
	last := make(map[string]int, len(states))
	for i, state := range states {
		last[state.Key] = i
	}
	entries := make([]*nats.Msg, 0, len(last))
	for i, state := range states {
		if last[state.Key] != i {
			continue
		}
		entry, err := s.entry(ctx, state)
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	return s.bus.publishAll(ctx, entries)
}

// entry returns the message that puts a value in force. Chunks are stored
// before it returns.
func (s *Store) entry(ctx context.Context, state State) (*nats.Msg, error) {
	key := stateKey(state.Key)
	if state.Value == nil {
		return &nats.Msg{Subject: s.subject(key), Header: nats.Header{"KV-Operation": {"DEL"}}}, nil
	}
	if len(state.Value) <= s.chunk {
		return &nats.Msg{Subject: s.subject(key), Data: append([]byte{entryWhole}, state.Value...)}, nil
	}
	n := (len(state.Value) + s.chunk - 1) / s.chunk
	if n > maxChunks {
		return nil, fmt.Errorf("bucket %s key %q: %d bytes, more than %d chunks of %d", s.bucket, state.Key, len(state.Value), maxChunks, s.chunk)
	}
	slot, err := s.nextSlot(ctx, key)
	if err != nil {
		return nil, err
	}
	var chunks []*nats.Msg
	for i := range n {
		part := state.Value[i*s.chunk : min(len(state.Value), (i+1)*s.chunk)]
		chunks = append(chunks, &nats.Msg{Subject: s.subject(chunkKey(key, slot, i)), Data: part})
	}
	if err := s.bus.publishAll(ctx, chunks); err != nil {
		return nil, err
	}
	s.slots[key] = slot
	return &nats.Msg{Subject: s.subject(key), Data: binary.BigEndian.AppendUint16([]byte{entryChunks, slot}, uint16(n))}, nil
}

// nextSlot is the set of chunks that isn't in force.
func (s *Store) nextSlot(ctx context.Context, key string) (byte, error) {
	slot, known := s.slots[key]
	if !known {
		entry, err := s.kv.Get(ctx, key)
		if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
			return 0, err
		}
		if err == nil && len(entry.Value()) == 4 && entry.Value()[0] == entryChunks {
			slot = entry.Value()[1]
		}
	}
	return slot ^ 1, nil
}

func (s *Store) subject(key string) string { return "$KV." + s.bucket + "." + key }

func stateKey(key string) string { return "state." + event.Token(key) }

func chunkKey(key string, slot byte, i int) string {
	return fmt.Sprintf("chunk.%s.%d.%d", key[len("state."):], slot, i)
}

// Position is how far a stage has come in a stream. A stream that is deleted
// and made anew counts from 1 again, which its time of creation tells.
type Position struct {
	Stream   time.Time
	Sequence uint64
}

func (s *Store) position(ctx context.Context, stage string) (Position, error) {
	entry, err := s.kv.Get(ctx, "position."+stage)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Position{}, nil
	}
	if err != nil {
		return Position{}, fmt.Errorf("bucket %s: %w", s.bucket, err)
	}
	v := entry.Value()
	if len(v) != 16 {
		return Position{}, fmt.Errorf("bucket %s: position of %d bytes, want 16", s.bucket, len(v))
	}
	return Position{
		Stream:   time.Unix(0, int64(binary.BigEndian.Uint64(v))),
		Sequence: binary.BigEndian.Uint64(v[8:]),
	}, nil
}

func (s *Store) savePosition(ctx context.Context, stage string, p Position) error {
	v := binary.BigEndian.AppendUint64(nil, uint64(p.Stream.UnixNano()))
	v = binary.BigEndian.AppendUint64(v, p.Sequence)
	return s.bus.publishAll(ctx, []*nats.Msg{{Subject: s.subject("position." + stage), Data: v}})
}
