package bus

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// All calls yield for every key and its value until it returns false. A key
// that is written meanwhile can come again, its newest value last.
func (s *Store) All(ctx context.Context, yield func(key string, value []byte) bool) error {
	if err := s.all(ctx, yield); err != nil {
		return fmt.Errorf("bucket %s: %w", s.bucket, err)
	}
	return nil
}

func (s *Store) all(ctx context.Context, yield func(key string, value []byte) bool) error {
	seen := map[string]bool{}
	more, err := s.watch(ctx, func(entry jetstream.KeyValueEntry) (bool, error) {
		seen[entry.Key()] = true
		return s.yield(ctx, entry, yield)
	})
	if err != nil || !more {
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
		if more, err := s.yield(ctx, entry, yield); err != nil || !more {
			return err
		}
	}
	return nil
}

// watch calls each for every key that has a value.
func (s *Store) watch(ctx context.Context, each func(jetstream.KeyValueEntry) (more bool, err error)) (more bool, err error) {
	watcher, err := s.kv.WatchFiltered(ctx, []string{keyState + "*", keyOwner})
	if err != nil {
		return false, err
	}
	defer func() {
		_ = watcher.Stop()
		for range watcher.Updates() { // or its callback would wait for ever
		}
	}()
	// A replica may be behind: what was there when the bucket was opened has
	// come when the entry by which it was opened has.
	opened := false
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case entry, ok := <-watcher.Updates():
			if !ok {
				return false, errInterrupted
			}
			if entry == nil {
				continue
			}
			opened = opened || entry.Revision() >= s.opened
			if entry.Operation() == jetstream.KeyValuePut && entry.Key() != keyOwner {
				if more, err := each(entry); err != nil || !more {
					return false, err
				}
			}
			if opened && entry.Delta() == 0 {
				return true, nil
			}
		}
	}
}

func (s *Store) yield(ctx context.Context, entry jetstream.KeyValueEntry, yield func(key string, value []byte) bool) (more bool, err error) {
	key, err := event.FromToken(strings.TrimPrefix(entry.Key(), keyState))
	if err != nil {
		return false, err
	}
	value := entry.Value()
	if len(value) > 0 && value[0] == entryWhole {
		return yield(key, value[1:]), nil
	}
	if value, err = s.get(ctx, entry.Key()); err != nil {
		return false, fmt.Errorf("key %q: %w", key, err)
	}
	return value == nil || yield(key, value), nil
}
