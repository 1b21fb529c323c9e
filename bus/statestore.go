package bus

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// StateStore keeps a stage's state in a bucket: small values by key, the latest
// of each, for 30 days after the last write. A value that is too large for a
// message is stored in chunks, up to 512 of them, and replaced atomically: the
// entry that names the chunks is written after them. The old and the new chunks
// exist at once, so the bucket needs space for twice the value.
//
// A bucket belongs to one stage. Each instance of the stage has its own
// StateStore on the same bucket.
type StateStore struct {
	bucket
	chunk int // maximum bytes of a value in one message

	// The committing goroutine owns these fields while a stage runs.
	positions map[string]Position // by stage, as saved
	owned     bool                // this store owns the bucket, as far as it knows: owner and last are valid
	owner     uint64              // revision of the entry that made it the owner
	last      uint64              // last revision of the bucket
	failing   bool                // the last save failed
	slots     map[string]byte     // of values in chunks: which of two sets of keys is active

	mu      sync.Mutex
	unsaved map[string]unsaved
}

// State is a value to save under a key. A nil value deletes the key.
type State struct {
	Key   string // any name
	Value []byte
}

// unsaved is the latest value of a key that waits to be saved, and the number
// of waiting batches that hold one.
type unsaved struct {
	value   []byte
	batches int
}

// Keys of the bucket.
const (
	keyState    = "state."    // and the key as a token
	keyChunk    = "chunk."    // and the key as a token, the slot, the number
	keyPosition = "position." // and the stage
	keyOwner    = "owner"     // a new revision takes the bucket over
)

const (
	stateAge   = 30 * day
	stateShare = 20 // percent of Storage.Bytes
)

func (s Storage) states(name string) jetstream.StreamConfig {
	c := s.bucket(name)
	c.MaxAge, c.MaxBytes = stateAge, s.Bytes/100*stateShare
	return c
}

// OpenStateStore opens a bucket and creates it if it doesn't exist. What a stage
// reads from the store is at least as new as the position from which it
// resumes, even if another instance writes meanwhile.
func (b *Bus) OpenStateStore(ctx context.Context, name string, storage Storage) (*StateStore, error) {
	k, err := b.openBucket(ctx, storage, storage.states(name))
	if err != nil {
		return nil, err
	}
	s := &StateStore{
		bucket: k, chunk: cmp.Or(b.MaxData(), DefaultMaxData),
		positions: map[string]Position{}, slots: map[string]byte{}, unsaved: map[string]unsaved{},
	}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return s, nil
}

func (s *StateStore) open(ctx context.Context) (err error) {
	if _, err = s.kv.Put(ctx, keyOwner, nil); err != nil {
		return err
	}
	keys, err := s.kv.ListKeysFiltered(ctx, keyPosition+"*")
	if err != nil {
		return err
	}
	var stages []string
	for key := range keys.Keys() {
		stages = append(stages, strings.TrimPrefix(key, keyPosition))
	}
	for _, stage := range stages {
		if s.positions[stage], err = s.position(ctx, stage); err != nil {
			return err
		}
	}
	return nil
}

// The first byte of an entry.
const (
	entryWhole  = 0 // the value follows
	entryChunks = 1 // the slot follows, and the number of chunks in two bytes
)

// maxChunks bounds a value to half a gibibyte at the server's default limit of
// one mebibyte a message.
const maxChunks = 512

// Position returns the saved position of a stage: the one at which the store was
// opened, or a later one that the stage itself has saved. Don't call it while
// the stage runs.
func (s *StateStore) Position(stage string) Position { return s.positions[stage] }

// Saved returns the position that a stage, in any process, has saved in a
// bucket; the zero Position if there is none. All outputs and states of the
// messages up to it are stored.
func (b *Bus) Saved(ctx context.Context, bucket, stage string) (Position, error) {
	k, err := b.findBucket(ctx, bucket)
	if err != nil {
		return Position{}, err
	}
	p, err := k.position(ctx, stage)
	return p, k.wrap(keyPosition+stage, err)
}

// Get returns the value of a key that Handle has last returned, saved or not;
// nil if there is none.
func (s *StateStore) Get(ctx context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	waiting, ok := s.unsaved[key]
	s.mu.Unlock()
	if ok {
		return waiting.value, nil
	}
	value, err := s.get(ctx, stateKey(key))
	return value, s.wrap(strconv.Quote(key), err)
}

func (s *StateStore) get(ctx context.Context, key string) ([]byte, error) {
	entry, err := s.entry(ctx, key)
	for err == nil && entry != nil {
		value, problem := s.value(ctx, key, entry.Value())
		if problem == nil && entry.Value()[0] == entryWhole {
			return value, nil
		}
		// The chunks belong to the entry if it is still the latest.
		read := entry.Revision()
		if entry, err = s.entry(ctx, key); err == nil && entry != nil && entry.Revision() == read {
			return value, problem
		}
	}
	return nil, err
}

func (s *StateStore) value(ctx context.Context, key string, entry []byte) ([]byte, error) {
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
				value = make([]byte, 0, n*len(part.Value())) // all but the last have this size
			}
			value = append(value, part.Value()...)
		}
		return value, nil
	}
	return nil, fmt.Errorf("entry of %d bytes: unknown format", len(entry))
}

func stateKey(key string) string { return keyState + event.Token(key) }

func chunkKey(key string, slot byte, i int) string {
	return fmt.Sprintf("%s%s.%d.%d", keyChunk, strings.TrimPrefix(key, keyState), slot, i)
}

// position returns a stage's saved position, the zero Position if there is none.
func (k bucket) position(ctx context.Context, stage string) (Position, error) {
	entry, err := k.entry(ctx, keyPosition+stage)
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
