package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Revisions keeps the revisions of values by key in a bucket. It never drops
// the latest revision of a value. Any process may add a revision if it knows
// the one before.
//
// The bucket also holds announcements: values without history that expire.
type Revisions struct{ bucket }

// Revision is one revision of a value.
type Revision struct {
	Number   uint64 // grows with each revision of any value in the bucket
	StoredAt time.Time
	Value    []byte
}

const (
	maxRevisions   = 64 // of a value; the limit of a bucket
	revisionsShare = 2  // percent of Storage.Bytes
)

// ErrConflict means that another process has added a revision meanwhile.
var ErrConflict = errors.New("another revision was added meanwhile")

func (s Storage) revisions(name string) jetstream.StreamConfig {
	c := s.bucket(name)
	c.MaxBytes, c.MaxMsgsPerSubject, c.AllowMsgTTL = s.Bytes/100*revisionsShare, maxRevisions, true
	return c
}

// OpenRevisions opens a bucket and creates it if it doesn't exist.
func (b *Bus) OpenRevisions(ctx context.Context, name string, storage Storage) (*Revisions, error) {
	k, err := b.openBucket(ctx, storage, storage.revisions(name))
	return &Revisions{k}, err
}

// FindRevisions opens a bucket that exists. The error is [ErrNoBucket] if it
// doesn't.
func (b *Bus) FindRevisions(ctx context.Context, name string) (*Revisions, error) {
	k, err := b.findBucket(ctx, name)
	return &Revisions{k}, err
}

// MaxValue returns the maximum size of a value or an announcement in bytes.
func (r *Revisions) MaxValue() int { return r.bus.MaxData() }

// Latest returns the latest revision of a value, nil if there is none.
func (r *Revisions) Latest(ctx context.Context, key string) (*Revision, error) {
	entry, err := r.entry(ctx, key)
	if err != nil || entry == nil {
		return nil, r.wrap(key, err)
	}
	return revisionOf(entry), nil
}

func revisionOf(entry jetstream.KeyValueEntry) *Revision {
	return &Revision{Number: entry.Revision(), StoredAt: entry.Created(), Value: entry.Value()}
}

// List returns the stored revisions of a value, the oldest first.
func (r *Revisions) List(ctx context.Context, key string) (all []Revision, err error) {
	entries, err := r.kv.History(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, r.wrap(key, err)
	}
	for _, entry := range entries {
		if entry.Operation() == jetstream.KeyValuePut {
			all = append(all, *revisionOf(entry))
		}
	}
	return all, nil
}

// Add adds a revision of a value after the one with a number, 0 for the first,
// and returns its number. The error is [ErrConflict] if that one isn't the
// latest. When the bucket is full, Add drops the oldest revisions of the value.
func (r *Revisions) Add(ctx context.Context, key string, value []byte, after uint64) (number uint64, err error) {
	if len(value) > r.MaxValue() {
		return 0, r.wrap(key, fmt.Errorf("%d bytes, more than the server's limit of %d", len(value), r.MaxValue()))
	}
	for keep := maxRevisions / 2; ; keep /= 2 {
		number, err = r.kv.Update(ctx, key, value, after)
		switch {
		case err == nil:
			return number, nil
		case outdated(err):
			return 0, r.wrap(key, ErrConflict)
		case !full(err) || keep == 0:
			return 0, r.wrap(key, err)
		}
		stream, err := r.stream(ctx)
		if err != nil {
			return 0, r.wrap(key, err)
		}
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject(r.subject(key)), jetstream.WithPurgeKeep(uint64(keep))); err != nil {
			return 0, r.wrap(key, err)
		}
	}
}

// full reports whether the server rejected a message for lack of space.
func full(err error) bool {
	const storeFailed = 10077 // JSStreamStoreFailedF of nats-server: maximum bytes exceeded
	var rejected *jetstream.APIError
	return errors.As(err, &rejected) && rejected.ErrorCode == storeFailed
}

// pollInterval is the interval at which Follow reads the latest revision in
// addition to watching for it.
const pollInterval = 30 * time.Second

// Follow calls do with the latest revision of a value and with each later one,
// until the context ends. It survives restarts of the server.
func (r *Revisions) Follow(ctx context.Context, key string, do func(Revision)) {
	latest := uint64(0)
	see := func(v *Revision) {
		if v != nil && v.Number > latest {
			latest = v.Number
			do(*v)
		}
	}
	for attempt := 0; ctx.Err() == nil; attempt++ {
		err := r.bus.try(ctx, func(ctx context.Context) error {
			watcher, err := r.kv.Watch(ctx, key, jetstream.IgnoreDeletes())
			if err != nil {
				return err
			}
			defer watcher.Stop()
			r.watch(ctx, watcher, key, see)
			return nil
		})
		if err == nil {
			attempt = 0
		}
		if pause(ctx, retryWait(attempt)) != nil {
			return
		}
	}
}

// watch passes on revisions until the connection or the watcher ends.
func (r *Revisions) watch(ctx context.Context, watcher jetstream.KeyWatcher, key string, see func(*Revision)) {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		select {
		case entry, open := <-watcher.Updates():
			if !open {
				return
			}
			if entry != nil {
				see(revisionOf(entry))
			}
		case <-poll.C:
			limited, cancel := context.WithTimeout(ctx, pollInterval)
			if v, err := r.Latest(limited, key); err == nil {
				see(v)
			}
			cancel()
		case <-ctx.Done():
			return
		}
	}
}

// Announce replaces an announcement. It expires after ttl, at least a second.
func (r *Revisions) Announce(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	_, err := r.bus.js.PublishMsg(ctx, &nats.Msg{Subject: r.subject(key), Data: value, Header: nats.Header{
		jetstream.MsgRollup:    {jetstream.MsgRollupSubject},
		jetstream.MsgTTLHeader: {ttl.Truncate(time.Second).String()},
	}})
	return r.wrap(key, err)
}

// Announcements returns the announcements whose keys begin with a token, each
// once, the oldest first.
func (r *Revisions) Announcements(ctx context.Context, token string) ([]Revision, error) {
	latest := map[string]Revision{}
	err := r.each(ctx, token+".*", func(key string, m Message) error {
		latest[key] = Revision{Number: m.Sequence, StoredAt: m.StoredAt, Value: slices.Clone(m.Data)}
		return nil
	})
	if err != nil {
		return nil, r.wrap(token, err)
	}
	return slices.SortedFunc(maps.Values(latest), func(a, b Revision) int { return cmp.Compare(a.Number, b.Number) }), nil
}
