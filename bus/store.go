package bus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// Store keeps a stage's state in a key-value bucket: small values by key, the
// newest of each, for 30 days after the last write. A value that is too large
// for a message is kept in chunks, up to 512 of them, and is whole or the one
// before: the entry that names the chunks is written after them. Both are there
// for that time, so the bucket has to have room for twice the value.
//
// A store belongs to one stage. A second instance of the stage has a Store of
// its own on the same bucket.
type Store struct {
	bus    *Bus
	kv     jetstream.KeyValue
	bucket string
	chunk  int    // bytes of a value that one message holds
	opened uint64 // revision of the entry by which the bucket was opened

	// What follows is the committing goroutine's, while a stage runs.
	positions map[string]Position // by stage, as saved
	owned     bool                // as far as is known; then the following is true
	owner     uint64              // revision of the entry that says so
	last      uint64              // revision of the bucket
	trouble   bool                // saving has failed, and not succeeded since
	slots     map[string]byte     // of values in chunks: which of two sets of keys is in force

	mu      sync.Mutex
	unsaved map[string]unsaved
}

// State is a value to save under a key. A nil value deletes the key.
type State struct {
	Key   string // any name
	Value []byte
}

// unsaved is the newest value of a key that waits to be saved, and how many
// batches that hold one do.
type unsaved struct {
	value   []byte
	batches int
}

// Keys of the bucket.
const (
	keyState    = "state."    // and the key as a token
	keyChunk    = "chunk."    // and the key as a token, the slot, the number
	keyPosition = "position." // and the stage
	keyOwner    = "owner"     // its revision tells one owner from the next
)

// OpenStore opens a bucket and creates it if it isn't there. What a stage reads
// from the store is not older than the position from which it goes on, also
// when another instance writes meanwhile.
func (b *Bus) OpenStore(ctx context.Context, bucket string, storage Storage) (*Store, error) {
	s, err := b.openStore(ctx, bucket, storage)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return s, nil
}

func (b *Bus) openStore(ctx context.Context, bucket string, storage Storage) (*Store, error) {
	if err := storage.check(); err != nil {
		return nil, err
	}
	if err := b.ensureStream(ctx, storage.bucket(bucket)); err != nil {
		return nil, err
	}
	kv, err := b.js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, err
	}
	payload := b.MaxPayload()
	if payload == 0 {
		payload = 1 << 20
	}
	s := &Store{
		bus: b, kv: kv, bucket: bucket, chunk: payload - headroom,
		positions: map[string]Position{}, slots: map[string]byte{}, unsaved: map[string]unsaved{},
	}
	if s.opened, err = kv.Put(ctx, keyOwner, nil); err != nil {
		return nil, err
	}
	keys, err := kv.ListKeysFiltered(ctx, keyPosition+"*")
	if err != nil {
		return nil, err
	}
	var stages []string
	for key := range keys.Keys() {
		stages = append(stages, strings.TrimPrefix(key, keyPosition))
	}
	for _, stage := range stages {
		if s.positions[stage], err = s.position(ctx, stage); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// headroom is what headers, subject and the entry's own bytes take at most.
const headroom = 4096

// The first byte of an entry: the value follows, or where its chunks are.
const (
	entryWhole  = 0
	entryChunks = 1 // then the slot, and the number of chunks as two bytes
)

// maxChunks bounds a value to half a gibibyte, where a message may have one
// mebibyte.
const maxChunks = 512

// Position returns the position of a stage as it is saved: that with which the
// store was opened, or a later one that the stage itself has saved. It is not to
// be asked for while the stage runs.
func (s *Store) Position(stage string) Position { return s.positions[stage] }

// Saved returns the position that a stage has saved in a bucket, whichever
// process it runs in; the zero one when there is none. What follows from the
// messages up to it is stored.
func (b *Bus) Saved(ctx context.Context, bucket, stage string) (Position, error) {
	kv, err := b.js.KeyValue(ctx, bucket)
	if err != nil {
		return Position{}, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	p, err := (&Store{kv: kv}).position(ctx, stage)
	if err != nil {
		return Position{}, fmt.Errorf("bucket %s: position of %s: %w", bucket, stage, err)
	}
	return p, nil
}

// Get returns the value of a key, nil if there is none: the one that the stage
// has last returned from Handle, saved or not.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	waiting, ok := s.unsaved[key]
	s.mu.Unlock()
	if ok {
		return waiting.value, nil
	}
	value, err := s.get(ctx, stateKey(key))
	if err != nil {
		return nil, fmt.Errorf("bucket %s key %q: %w", s.bucket, key, err)
	}
	return value, nil
}

func (s *Store) get(ctx context.Context, key string) ([]byte, error) {
	entry, err := s.entry(ctx, key)
	for err == nil && entry != nil {
		value, problem := s.value(ctx, key, entry.Value())
		if problem == nil && entry.Value()[0] == entryWhole {
			return value, nil
		}
		// The chunks are those of the entry if it is still in force.
		read := entry.Revision()
		if entry, err = s.entry(ctx, key); err == nil && entry != nil && entry.Revision() == read {
			return value, problem
		}
	}
	return nil, err
}

// entry returns nil for a key that isn't there.
func (s *Store) entry(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	entry, err := s.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	return entry, err
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
			if i == 0 {
				value = make([]byte, 0, n*len(part.Value())) // all but the last are of one size
			}
			value = append(value, part.Value()...)
		}
		return value, nil
	}
	return nil, fmt.Errorf("an entry of %d bytes that this program doesn't know", len(entry))
}

func (s *Store) subject(key string) string { return "$KV." + s.bucket + "." + key }

func stateKey(key string) string { return keyState + event.Token(key) }

func chunkKey(key string, slot byte, i int) string {
	return fmt.Sprintf("%s%s.%d.%d", keyChunk, strings.TrimPrefix(key, keyState), slot, i)
}

// position returns a stage's position as it is saved; the zero one when none is.
func (s *Store) position(ctx context.Context, stage string) (Position, error) {
	entry, err := s.entry(ctx, keyPosition+stage)
	if err != nil || entry == nil {
		return Position{}, err
	}
	v := entry.Value()
	if len(v) != 16 {
		return Position{}, fmt.Errorf("position of %d bytes, want 16", len(v))
	}
	return Position{
		Stream:   time.Unix(0, int64(binary.BigEndian.Uint64(v))),
		Sequence: binary.BigEndian.Uint64(v[8:]),
	}, nil
}
