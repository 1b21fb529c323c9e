package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// All calls yield for every key and its value until it returns false. A key
// that is written meanwhile can come again, its newest value last.
func (s *Store) All(ctx context.Context, yield func(key string, value []byte) bool) error {
	if err := s.all(ctx, yield); err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("bucket %s: %w", s.bucket, err)
	}
	return nil
}

// errEnough says that yield wants no more.
var errEnough = errors.New("enough")

func (s *Store) all(ctx context.Context, yield func(key string, value []byte) bool) error {
	seen := map[string]bool{}
	err := s.bus.Last(ctx, bucketStream(s.bucket), s.subject(keyState+"*"), func(m Message) error {
		key := strings.TrimPrefix(m.Subject, s.subject(""))
		seen[key] = true
		if m.deleted {
			return nil
		}
		return s.yield(ctx, key, m.Data, yield)
	})
	if err != nil {
		return err
	}
	stream, err := s.bus.js.Stream(ctx, bucketStream(s.bucket))
	if err != nil || stream.CachedInfo().State.LastSeq == s.opened {
		return err
	}
	// A key that was written meanwhile may have moved on just before it was
	// reached, each time.
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(s.subject(keyState+"*")))
	if err != nil {
		return err
	}
	for subject := range info.State.Subjects {
		key := strings.TrimPrefix(subject, s.subject(""))
		if seen[key] {
			continue
		}
		entry, err := s.entry(ctx, key)
		if err != nil {
			return err
		}
		if entry == nil {
			continue
		}
		if err := s.yield(ctx, key, entry.Value(), yield); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) yield(ctx context.Context, key string, entry []byte, yield func(key string, value []byte) bool) error {
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
		return errEnough
	}
	return nil
}
