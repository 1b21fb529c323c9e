package conntable_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"headstart/conntable"
	"headstart/event"
)

func TestRestoredFromParts(t *testing.T) {
	one, other := busyServer(1000, 100)
	parts, err := new(event.SnapshotEncoder).Parts(one, 2000)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) < 3 {
		t.Fatalf("%d parts of a snapshot that should not fit into 2", len(parts))
	}
	var comparer conntable.Comparer
	var want, got event.Changes
	tab, codec := new(conntable.Table), new(conntable.Codec)
	comparer.Apply(tab, one, 0, &want)
	restored, err := codec.Restore(codec.Append(nil, tab, parts...))
	if err != nil {
		t.Fatal(err)
	}
	tick(other)
	comparer.Apply(tab, other, 0, &want)
	comparer.Apply(restored, other, 0, &got)
	if len(want.Connections) == 0 || !bytes.Equal(encodeChanges(t, &want), encodeChanges(t, &got)) {
		t.Errorf("%d changes, after a restart %d or others", len(want.Connections), len(got.Connections))
	}
}

func TestRestoreRejects(t *testing.T) {
	one, other := busyServer(1000, 100)
	var comparer conntable.Comparer
	var changes event.Changes
	tab, codec := new(conntable.Table), new(conntable.Codec)
	comparer.Apply(tab, one, 0, &changes)
	parts, err := new(event.SnapshotEncoder).Parts(one, 2000)
	if err != nil {
		t.Fatal(err)
	}
	one.Part, one.Parts = 1, 1
	good := codec.Append(nil, tab, encode(t, one))
	fewer := clone(one)
	fewer.Sockets = fewer.Sockets[:10]
	earlier := clone(one)
	earlier.Uptime -= time.Hour
	other.Part, other.Parts, other.Sequence = 2, uint16(len(parts)), 99
	for _, tt := range []struct {
		name, want string
		state      []byte
	}{
		{"nothing", "another version", nil},
		{"a later version", "another version", append([]byte{9}, good[1:]...)},
		{"half a state", "", good[:len(good)/2]},
		{"all but the last byte", "", good[:len(good)-1]},
		{"bytes after the end", "1 bytes after the end", append(bytes.Clone(good), 0)},
		{"no message", "0 parts of a snapshot", codec.Append(nil, tab)},
		{"a message that is none", "decode snapshot", codec.Append(nil, tab, []byte("hello"))},
		{"a part that is missing", "is part 1 of", codec.Append(nil, tab, parts[0])},
		{"parts in another order", "is part 2 of", codec.Append(nil, tab, append([][]byte{parts[1], parts[0]}, parts[2:]...)...)},
		{"a part of another snapshot", "message 2 of", codec.Append(nil, tab, append([][]byte{parts[0], encode(t, other)}, parts[2:]...)...)},
		{"the entries of other rows", "entries of", codec.Append(nil, tab, encode(t, fewer))},
		{"entries that begin in the future", "at uptime", codec.Append(nil, tab, encode(t, earlier))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := new(conntable.Codec).Restore(tt.state)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, err := codec.Restore(nil); !errors.Is(err, event.ErrVersion) {
		t.Errorf("another version gives %v, want ErrVersion", err)
	}
}

// TestRunsAreForgotten restarts a poller so often that the table forgets the
// first run: it would count as new, were its uptime not in the past.
func TestRunsAreForgotten(t *testing.T) {
	s, _ := busyServer(10, 0)
	var comparer conntable.Comparer
	var changes event.Changes
	tab := new(conntable.Table)
	first := clone(s)
	for run := range 100 {
		tick(s)
		s.Run = string(rune('a' + run))
		if got := comparer.Apply(tab, s, 0, &changes); got != conntable.Compared {
			t.Fatalf("run %d is %v", run, got)
		}
		s.Run = "a"
		if got, want := comparer.Apply(tab, s, 0, &changes), conntable.Superseded; run > 0 && run < 30 && got != want {
			t.Fatalf("the first run after %d others is %v, want %v", run, got, want)
		}
	}
	first.Run = "a"
	if got := comparer.Apply(tab, first, 0, &changes); got != conntable.Late {
		t.Errorf("the first run's snapshot after 100 others is %v, want late", got)
	}
}
