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
	seen := map[string]bool{}
	err := s.bus.Last(ctx, bucketPrefix+s.name, s.subject(keyState+"*"), func(m Message) error {
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
	stream, err := s.stream(ctx)
	if err != nil || stream.CachedInfo().State.LastSeq == s.opened {
		return err
	}
	// The bucket has changed since it was opened. A key that was written again
	// each time just before the reader reached it has not been seen.
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
