package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// All calls yield with every key and its value until it returns false. A key
// that is written meanwhile can appear again; its latest value comes last.
func (s *StateStore) All(ctx context.Context, yield func(key string, value []byte) bool) error {
	if err := s.all(ctx, yield); err != nil && !errors.Is(err, errStopped) {
		return fmt.Errorf("bucket %s: %w", s.name, err)
	}
	return nil
}

// errStopped means that yield has returned false.
var errStopped = errors.New("stopped by the caller")

func (s *StateStore) all(ctx context.Context, yield func(key string, value []byte) bool) error {
	return s.each(ctx, keyState+"*", func(key string, m Message) error { return s.yield(ctx, key, m.Data, yield) })
}

// each calls do with the last message of every key that matches a filter. A key
// that is written meanwhile can appear again; its latest message comes last.
func (k bucket) each(ctx context.Context, filter string, do func(key string, m Message) error) error {
	before, err := k.stream(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	err = k.bus.Last(ctx, bucketPrefix+k.name, k.subject(filter), func(m Message) error {
		key := strings.TrimPrefix(m.Subject, k.subject(""))
		seen[key] = true
		if m.deleted {
			return nil
		}
		return do(key, m)
	})
	if err != nil {
		return err
	}
	after, err := k.stream(ctx)
	if err != nil || after.CachedInfo().State.LastSeq == before.CachedInfo().State.LastSeq {
		return err
	}
	// The bucket has changed meanwhile. A key that was written again each time
	// just before the reader reached it has not been seen.
	info, err := after.Info(ctx, jetstream.WithSubjectFilter(k.subject(filter)))
	if err != nil {
		return err
	}
	for subject := range info.State.Subjects {
		key := strings.TrimPrefix(subject, k.subject(""))
		if seen[key] {
			continue
		}
		entry, err := k.entry(ctx, key)
		if err != nil {
			return err
		}
		if entry == nil {
			continue
		}
		if err := do(key, Message{Subject: subject, Sequence: entry.Revision(), StoredAt: entry.Created(), Data: entry.Value()}); err != nil {
			return err
		}
	}
	return nil
}

func (s *StateStore) yield(ctx context.Context, key string, entry []byte, yield func(key string, value []byte) bool) error {
	name, err := event.FromToken(strings.TrimPrefix(key, keyState))
	if err != nil {
		return err
	}
	value := entry
	if len(entry) > 0 && entry[0] == entryWhole {
		value = entry[1:]
	} else if value, err = s.get(ctx, key); err != nil {
		return fmt.Errorf("key %q: %w", name, err)
	} else if value == nil {
		return nil
	}
	if !yield(name, value) {
		return errStopped
	}
	return nil
}
