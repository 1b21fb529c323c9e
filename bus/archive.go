package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Archive keeps values by key in a key-value bucket, and of each the versions
// before it. It never forgets the last version of a value. Unlike a [Store] it
// belongs to nobody: a version is added by who knows the one before.
//
// Beside values it has notes: what somebody says of himself, without versions
// and for a while.
type Archive struct {
	bus    *Bus
	kv     jetstream.KeyValue
	bucket string
}

// Version is a value as it was added.
type Version struct {
	Revision uint64 // grows with each version of any value
	StoredAt time.Time
	Value    []byte
}

const (
	archiveVersions = 64 // of a value; the limit of a bucket
	archiveShare    = 2  // of a hundred of Storage.Bytes
)

var (
	// ErrOvertaken says that somebody else has added a version meanwhile.
	ErrOvertaken = errors.New("somebody else was faster")

	// ErrNoBucket says that a bucket isn't there: the service that makes it
	// has not run yet.
	ErrNoBucket = errors.New("there is no such bucket")
)

func (s Storage) archive(name string) jetstream.StreamConfig {
	c := s.bucket(name)
	c.MaxAge, c.MaxBytes, c.MaxMsgsPerSubject, c.AllowMsgTTL = 0, s.Bytes/100*archiveShare, archiveVersions, true
	return c
}

// OpenArchive opens a bucket and creates it if it isn't there.
func (b *Bus) OpenArchive(ctx context.Context, bucket string, storage Storage) (*Archive, error) {
	err := storage.check()
	if err == nil {
		err = b.ensureStream(ctx, storage.archive(bucket))
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return b.FindArchive(ctx, bucket)
}

// FindArchive opens a bucket that is there. The error is [ErrNoBucket] where it
// isn't.
func (b *Bus) FindArchive(ctx context.Context, bucket string) (*Archive, error) {
	kv, err := b.js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		err = ErrNoBucket
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return &Archive{b, kv, bucket}, nil
}

// MaxValue is how many bytes a value or a note may have.
func (a *Archive) MaxValue() int {
	if payload := a.bus.MaxPayload(); payload > 0 {
		return payload - headroom
	}
	return 1<<20 - headroom
}

// Last returns the newest version of a value, nil when there is none.
func (a *Archive) Last(ctx context.Context, key string) (*Version, error) {
	entry, err := a.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, a.about(key, err)
	}
	return versionOf(entry), nil
}

func versionOf(entry jetstream.KeyValueEntry) *Version {
	return &Version{Revision: entry.Revision(), StoredAt: entry.Created(), Value: entry.Value()}
}

// Versions returns all that is kept of a value, the oldest first.
func (a *Archive) Versions(ctx context.Context, key string) (all []Version, err error) {
	entries, err := a.kv.History(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, a.about(key, err)
	}
	for _, entry := range entries {
		if entry.Operation() == jetstream.KeyValuePut {
			all = append(all, *versionOf(entry))
		}
	}
	return all, nil
}

// Add adds a version of a value after the one that has the revision, 0 for the
// first. The error is [ErrOvertaken] when that isn't the newest. Where there is
// no room the oldest versions go.
func (a *Archive) Add(ctx context.Context, key string, value []byte, after uint64) (revision uint64, err error) {
	if len(value) > a.MaxValue() {
		return 0, a.about(key, fmt.Errorf("%d bytes; the server takes %d", len(value), a.MaxValue()))
	}
	for keep := archiveVersions / 2; ; keep /= 2 {
		revision, err = a.kv.Update(ctx, key, value, after)
		switch {
		case err == nil:
			return revision, nil
		case outdated(err):
			return 0, a.about(key, ErrOvertaken)
		case !full(err) || keep == 0:
			return 0, a.about(key, err)
		}
		stream, err := a.bus.js.Stream(ctx, bucketStream(a.bucket))
		if err != nil {
			return 0, a.about(key, err)
		}
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject(a.subject(key)), jetstream.WithPurgeKeep(uint64(keep))); err != nil {
			return 0, a.about(key, err)
		}
	}
}

// full reports whether the server had no room for a message.
func full(err error) bool {
	const storeFailed = 10077 // JSStreamStoreFailedF of nats-server: maximum bytes exceeded
	var refused *jetstream.APIError
	return errors.As(err, &refused) && refused.ErrorCode == storeFailed
}

// followAgain is how often a value is looked at in any case, while it is
// followed.
const followAgain = 30 * time.Second

// Follow calls do with the newest version of a value, and with each that comes,
// until the context ends. It outlasts a server that is away.
func (a *Archive) Follow(ctx context.Context, key string, do func(Version)) {
	seen := uint64(0)
	see := func(v *Version) {
		if v != nil && v.Revision > seen {
			seen = v.Revision
			do(*v)
		}
	}
	for attempt := 0; ctx.Err() == nil; attempt++ {
		err := a.bus.try(ctx, func(ctx context.Context) error {
			watcher, err := a.kv.Watch(ctx, key, jetstream.IgnoreDeletes())
			if err != nil {
				return err
			}
			defer watcher.Stop()
			a.watch(ctx, watcher, key, see)
			return nil
		})
		if err == nil {
			attempt = 0
		}
		if pause(ctx, backoff(attempt)) != nil {
			return
		}
	}
}

// watch hands over versions until the connection or the watcher ends.
func (a *Archive) watch(ctx context.Context, watcher jetstream.KeyWatcher, key string, see func(*Version)) {
	again := time.NewTicker(followAgain)
	defer again.Stop()
	for {
		select {
		case entry, open := <-watcher.Updates():
			if !open {
				return
			}
			if entry != nil {
				see(versionOf(entry))
			}
		case <-again.C:
			limited, cancel := context.WithTimeout(ctx, followAgain)
			if v, err := a.Last(limited, key); err == nil {
				see(v)
			}
			cancel()
		case <-ctx.Done():
			return
		}
	}
}

// Note replaces a note. It is forgotten after a time, at least a second, unless
// it is written again.
func (a *Archive) Note(ctx context.Context, key string, value []byte, lasts time.Duration) error {
	_, err := a.bus.js.PublishMsg(ctx, &nats.Msg{Subject: a.subject(key), Data: value, Header: nats.Header{
		jetstream.MsgRollup:    {jetstream.MsgRollupSubject},
		jetstream.MsgTTLHeader: {lasts.Truncate(time.Second).String()},
	}})
	if err != nil {
		return a.about(key, err)
	}
	return nil
}

// Notes returns the notes whose keys begin with a token, the oldest first.
func (a *Archive) Notes(ctx context.Context, token string) (all []Version, err error) {
	err = a.bus.Last(ctx, bucketStream(a.bucket), a.subject(token+".*"), func(m Message) error {
		if !m.deleted {
			all = append(all, Version{Revision: m.Sequence, StoredAt: m.StoredAt, Value: slices.Clone(m.Data)})
		}
		return nil
	})
	if err != nil {
		return nil, a.about(token, err)
	}
	return all, nil
}

func (a *Archive) subject(key string) string { return "$KV." + a.bucket + "." + key }

func (a *Archive) about(key string, err error) error {
	return fmt.Errorf("bucket %s key %s: %w", a.bucket, key, err)
}
