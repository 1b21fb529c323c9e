package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"headstart/bus"
)

func TestRevisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := func() *bus.Bus { return connect(t, bus.Options{Server: w.server.URL}) }
	if _, err := client().FindRevisions(t.Context(), "BOOKS"); !errors.Is(err, bus.ErrNoBucket) {
		t.Errorf("before it is made: %v", err)
	}
	a, err := client().OpenRevisions(t.Context(), "BOOKS", storage)
	if err != nil {
		t.Fatal(err)
	}
	b, err := client().FindRevisions(t.Context(), "BOOKS")
	if err != nil {
		t.Fatal(err)
	}
	add := func(t *testing.T, key, value string, after uint64) uint64 {
		t.Helper()
		revision, err := a.Add(t.Context(), key, []byte(value), after)
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	t.Run("keeps every revision", func(t *testing.T) {
		if v, err := b.Latest(t.Context(), "x"); v != nil || err != nil {
			t.Errorf("before the first: %v, %v", v, err)
		}
		if all, err := b.List(t.Context(), "x"); len(all) != 0 || err != nil {
			t.Errorf("before the first: %v, %v", all, err)
		}
		first := add(t, "x", "one", 0)
		add(t, "y", "else", 0)
		second := add(t, "x", "two", first)
		all, err := b.List(t.Context(), "x")
		if err != nil || len(all) != 2 || string(all[0].Value) != "one" || string(all[1].Value) != "two" || all[1].Number != second {
			t.Errorf("got %v, %v", all, err)
		}
		if v, err := b.Latest(t.Context(), "x"); err != nil || string(v.Value) != "two" || v.Number != second || v.StoredAt.IsZero() {
			t.Errorf("last is %v, %v", v, err)
		}
	})
	t.Run("rejects a revision after another than the latest", func(t *testing.T) {
		last, err := a.Latest(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		add(t, "x", "three", last.Number)
		for _, after := range []uint64{0, last.Number} {
			if _, err := b.Add(t.Context(), "x", []byte("four"), after); !errors.Is(err, bus.ErrConflict) {
				t.Errorf("after %d: %v", after, err)
			}
		}
	})
	t.Run("drops the oldest revisions when it is full", func(t *testing.T) {
		a, err := client().OpenRevisions(t.Context(), "SMALL", bus.Storage{Bytes: 16 << 20, Replicas: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Add(t.Context(), "x", []byte("three"), 0); err != nil {
			t.Fatal(err)
		}
		large := bytes.Repeat([]byte("x"), 40<<10) // of which 320 KiB hold less than eight
		after := uint64(0)
		for n := range 20 {
			large[0] = byte(n)
			if after, err = a.Add(t.Context(), "large", large, after); err != nil {
				t.Fatal(err)
			}
		}
		all, err := a.List(t.Context(), "large")
		if err != nil || len(all) < 2 || all[len(all)-1].Value[0] != 19 {
			t.Errorf("%d versions, %v", len(all), err)
		}
		if v, err := a.Latest(t.Context(), "x"); err != nil || string(v.Value) != "three" {
			t.Errorf("another value: %v, %v", v, err)
		}
		if _, err := a.Add(t.Context(), "larger", make([]byte, a.MaxValue()+1), 0); err == nil {
			t.Error("a value that is larger than a message is added")
		}
	})
	t.Run("announcements have no history and expire", func(t *testing.T) {
		for n := range 3 {
			for _, who := range []string{"a", "b=2E"} {
				if err := a.Announce(t.Context(), "note."+who, fmt.Appendf(nil, "%s %d", who, n), time.Hour); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := a.Announce(t.Context(), "note.short", []byte("gone"), time.Second); err != nil {
			t.Fatal(err)
		}
		if all, err := b.List(t.Context(), "note.a"); err != nil || len(all) != 1 {
			t.Errorf("versions: %v, %v", all, err)
		}
		await(t, "the note is gone", func() bool {
			all, err := b.Announcements(t.Context(), "note")
			return err == nil && len(all) == 2 && string(all[0].Value) == "a 2" && string(all[1].Value) == "b=2E 2"
		})
	})
	t.Run("can be followed across a restart of the server", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		got, done := make(chan string, 100), make(chan struct{})
		go func() {
			defer close(done)
			b.Follow(ctx, "followed", func(v bus.Revision) { got <- string(v.Value) })
		}()
		revision := add(t, "followed", "one", 0)
		if v := <-got; v != "one" {
			t.Errorf("got %q", v)
		}
		w.server.Stop(t)
		w.server.Restart(t)
		await(t, "the server takes another version", func() bool {
			_, err := a.Add(t.Context(), "followed", []byte("two"), revision)
			return err == nil || errors.Is(err, bus.ErrConflict)
		})
		if v := <-got; v != "two" {
			t.Errorf("got %q", v)
		}
		cancel()
		<-done
	})
}

// A listing misses no announcement, though each is replaced all the time.
func TestAnnouncementsWhileTheyAreReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	writer, err := connect(t, bus.Options{Server: w.server.URL}).OpenRevisions(t.Context(), "BOOKS", storage)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := connect(t, bus.Options{Server: w.server.URL}).FindRevisions(t.Context(), "BOOKS")
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{"status.a", "status.b", "status.c"}
	ctx, stop := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	announce := func(ctx context.Context) (err error) {
		for _, key := range keys {
			err = errors.Join(err, writer.Announce(ctx, key, []byte(key), time.Hour))
		}
		return err
	}
	if err := announce(ctx); err != nil {
		t.Fatal(err)
	}
	go func() {
		var err error
		for ctx.Err() == nil && err == nil {
			err = announce(context.WithoutCancel(ctx))
		}
		failed <- err
	}()
	for n := range 100 {
		all, err := reader.Announcements(t.Context(), "status")
		if err != nil || len(all) != len(keys) {
			t.Errorf("listing %d: %d announcements, %v; want %d", n, len(all), err, len(keys))
		}
	}
	stop()
	if err := <-failed; err != nil {
		t.Error(err)
	}
}
