package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"headstart/services/poller/spool"
)

// Both kinds of spool behave alike as long as the disk works.
var kinds = []struct {
	name    string
	options func(t *testing.T) spool.Options
}{
	{"memory", func(*testing.T) spool.Options { return spool.Options{} }},
	{"directory", func(t *testing.T) spool.Options { return spool.Options{Dir: t.TempDir()} }},
}

func TestSpoolIsFirstInFirstOut(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			s := open(t, kind.options(t))
			push(t, s, "a", "b", "c")
			if got := drain(t, s); !slices.Equal(got, []string{"a", "b", "c"}) {
				t.Errorf("came out as %q", got)
			}
			if stats := s.Stats(); stats != (spool.Stats{}) {
				t.Errorf("empty again, but %+v", stats)
			}
			push(t, s, "d")
			if got := drain(t, s); !slices.Equal(got, []string{"d"}) {
				t.Errorf("came out as %q", got)
			}
		})
	}
}

func TestSpoolHeadLeavesTheMessage(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			s := open(t, kind.options(t))
			push(t, s, "a", "b")
			for range 2 {
				m, err := s.Head()
				if err != nil || m.ID != "a" || !bytes.Equal(m.Payload, payload("a")) {
					t.Fatalf("%.20q, %v, want a", m.ID, err)
				}
			}
			if s.Stats().Messages != 2 {
				t.Errorf("%d messages, want 2", s.Stats().Messages)
			}
		})
	}
}

func TestPopRemovesOnlyTheHead(t *testing.T) {
	const messages = 3
	for _, kind := range kinds {
		t.Run("nothing before Head/"+kind.name, func(t *testing.T) {
			s := open(t, kind.options(t))
			push(t, s, "a")
			s.Pop()
			if got := drain(t, s); !slices.Equal(got, []string{"a"}) {
				t.Errorf("left %q, want a", got)
			}
		})
		t.Run("nothing twice/"+kind.name, func(t *testing.T) {
			s := open(t, kind.options(t))
			push(t, s, "a", "b")
			head(t, s)
			s.Pop()
			s.Pop()
			if got := drain(t, s); !slices.Equal(got, []string{"b"}) {
				t.Errorf("left %q, want b", got)
			}
		})
		t.Run("nothing else when it was dropped/"+kind.name, func(t *testing.T) {
			options := kind.options(t)
			options.Limit = messages * sizeOfOne(t, kind.options(t))
			s := open(t, options)
			push(t, s, "a", "b", "c")
			head(t, s)
			push(t, s, "d")
			s.Pop()
			if got := drain(t, s); !slices.Equal(got, []string{"b", "c", "d"}) {
				t.Errorf("left %q, want b, c, d", got)
			}
		})
	}
}

func TestSpoolDropsTheOldestWhenFull(t *testing.T) {
	const messages = 3
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			size := sizeOfOne(t, kind.options(t))
			options := kind.options(t)
			options.Limit = messages*size + size/2
			s := open(t, options)
			push(t, s, "a", "b", "c", "d", "e")

			want := spool.Stats{Messages: messages, Bytes: messages * size, DroppedMessages: 2, DroppedBytes: uint64(2 * size)}
			if got := s.Stats(); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			if got := drain(t, s); !slices.Equal(got, []string{"c", "d", "e"}) {
				t.Errorf("left %q, want c, d, e", got)
			}
		})
	}
}

func TestSpoolDropsSeveralForALargeOne(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			options := kind.options(t)
			options.Limit = 64 << 10
			s := open(t, options)
			large := spool.Message{ID: "large", Payload: make([]byte, 36<<10)}
			for _, m := range []spool.Message{{ID: "a", Payload: make([]byte, 20<<10)}, {ID: "b", Payload: make([]byte, 20<<10)}, large} {
				if err := s.Push(m); err != nil {
					t.Fatal(err)
				}
			}
			if got, _ := s.Head(); got.ID != "b" || s.Stats().Messages != 2 {
				t.Errorf("%d messages from %q on, want b and the large one", s.Stats().Messages, got.ID)
			}
			if err := s.Push(large); err != nil {
				t.Fatal(err)
			}
			if got, _ := s.Head(); got.ID != "large" || s.Stats().Messages != 1 {
				t.Errorf("%d messages from %q on, want one large", s.Stats().Messages, got.ID)
			}
		})
	}
}

func TestSpoolRejectsWhatNeverFits(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			options := kind.options(t)
			options.Limit = 8 << 10
			s := open(t, options)
			push(t, s, "a")
			err := s.Push(spool.Message{ID: "large", Payload: make([]byte, options.Limit)})
			if !errors.Is(err, spool.ErrTooLarge) || !strings.Contains(err.Error(), "large") {
				t.Errorf("%v, want ErrTooLarge", err)
			}
			if s.Stats().DroppedMessages != 1 {
				t.Errorf("%+v, want it counted as dropped", s.Stats())
			}
			if got := drain(t, s); !slices.Equal(got, []string{"a"}) {
				t.Errorf("left %q, want a", got)
			}
		})
	}
}

func TestOpenRejectsANegativeLimit(t *testing.T) {
	if _, err := spool.Open(spool.Options{Limit: -1}); err == nil {
		t.Error("no error")
	}
}

func open(t testing.TB, o spool.Options) *spool.Spool {
	t.Helper()
	s, err := spool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// reopen is what a restart of the process does.
func reopen(t testing.TB, s *spool.Spool, o spool.Options) *spool.Spool {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, o)
}

func payload(id string) []byte { return bytes.Repeat([]byte(id), 100) }

func push(t testing.TB, s *spool.Spool, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.Push(spool.Message{ID: id, Payload: payload(id)}); err != nil {
			t.Fatalf("push %s: %v", id, err)
		}
	}
}

func head(t testing.TB, s *spool.Spool) spool.Message {
	t.Helper()
	m, err := s.Head()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func drain(t testing.TB, s *spool.Spool) (ids []string) {
	t.Helper()
	for {
		m, err := s.Head()
		if errors.Is(err, spool.ErrEmpty) {
			return ids
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Payload, payload(m.ID)) {
			t.Errorf("%s came out with another payload", m.ID)
		}
		ids = append(ids, m.ID)
		s.Pop()
	}
}

// sizeOfOne is what a message of push takes.
func sizeOfOne(t testing.TB, o spool.Options) int64 {
	t.Helper()
	s := open(t, o)
	push(t, s, "x")
	size := s.Stats().Bytes
	drain(t, s)
	return size
}

func sequence(name string, from, to int) (ids []string) {
	for i := from; i <= to; i++ {
		ids = append(ids, fmt.Sprintf("%s%d", name, i))
	}
	return ids
}
