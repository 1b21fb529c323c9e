package parts

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/event"
	"headstart/event/wire"
)

var noon = time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)

// part is an incoming part, written "b 2/3": of snapshot b, the second of
// three.
type part struct {
	name     string
	whole    string // the parts in order if the snapshot is whole with it
	dropped  int
	restored bool // saved and restored before it
}

func TestPartsAreAssembled(t *testing.T) {
	for name, parts := range map[string][]part{
		"in order":             {{name: "a 1/3"}, {name: "a 2/3"}, {name: "a 3/3", whole: "a 1/3, a 2/3, a 3/3"}},
		"in any order":         {{name: "a 3/3"}, {name: "a 1/3"}, {name: "a 2/3", whole: "a 1/3, a 2/3, a 3/3"}},
		"one comes twice":      {{name: "a 1/2"}, {name: "a 1/2"}, {name: "a 2/2", whole: "a 1/2, a 2/2"}},
		"one is missing":       {{name: "a 1/3"}, {name: "a 3/3"}, {name: "b 1/2", dropped: 1}, {name: "b 2/2", whole: "b 1/2, b 2/2"}},
		"a missing one late":   {{name: "a 1/2"}, {name: "b 1/2", dropped: 1}, {name: "a 2/2", dropped: 1}, {name: "b 2/2", dropped: 1}},
		"they disagree":        {{name: "a 1/3"}, {name: "a 2/2", dropped: 1}, {name: "a 1/2", whole: "a 1/2, a 2/2"}},
		"again after it":       {{name: "a 1/2"}, {name: "a 2/2", whole: "a 1/2, a 2/2"}, {name: "a 1/2"}, {name: "a 2/2", whole: "a 1/2, a 2/2"}},
		"over a restart":       {{name: "a 2/3"}, {name: "a 3/3", restored: true}, {name: "a 1/3", restored: true, whole: "a 1/3, a 2/3, a 3/3"}},
		"dropped over restart": {{name: "a 2/3"}, {name: "b 1/2", restored: true, dropped: 1}, {name: "b 2/2", restored: true, whole: "b 1/2, b 2/2"}},
	} {
		t.Run(name, func(t *testing.T) {
			var p Pending
			for i, in := range parts {
				if in.restored {
					p = restorePending(t, p.Save())
				}
				s := partOf(in.name)
				whole, dropped := p.Add(s.ID(), s, encodePart(t, in.name))
				if got := namesOf(t, whole); got != in.whole || dropped != in.dropped {
					t.Errorf("part %d, %s: whole is %q and %d dropped, want %q and %d", i+1, in.name, got, dropped, in.whole, in.dropped)
				}
			}
		})
	}
}

func TestWithoutPendingRulesNothingIsSaved(t *testing.T) {
	var p Pending
	if p.Save() != nil || p.Drop() != 0 {
		t.Error("something is pending at first")
	}
	s := partOf("a 1/2")
	p.Add(s.ID(), s, encodePart(t, "a 1/2"))
	if p.Save() == nil || p.Drop() != 1 || p.Save() != nil || p.Drop() != 0 {
		t.Error("what is dropped is still pending")
	}
	if p := restorePending(t, nil); p.Drop() != 0 {
		t.Error("something is pending after nothing was saved")
	}
}

func TestUnusablePartsAreRejected(t *testing.T) {
	var p Pending
	s := partOf("a 1/2")
	p.Add(s.ID(), s, encodePart(t, "a 1/2"))
	sound := p.Save()
	for name, test := range map[string]struct {
		state []byte
		want  string
	}{
		"no array":              {[]byte{7}, "saved parts"},
		"more parts than bytes": {arrayOf(1 << 31), "saved parts: 2147483648 entries"},
		"cut off":               {sound[:len(sound)/2], "saved part 1"},
		"no snapshot":           {arrayOf(1, "x"), "saved part 1: decode snapshot"},
		"nil for a part":        {append(arrayOf(1), 0xc0), "saved part 1: msgpack code 0xc0"},
		"more after the end":    {append(bytes.Clone(sound), 0), "1 bytes after the end"},
	} {
		t.Run(name, func(t *testing.T) {
			var p Pending
			if err := p.Restore(test.state, decodePart); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want an error with %q", err, test.want)
			}
		})
	}
}

func arrayOf(n int, parts ...string) []byte {
	var w wire.Writer
	w.Reset(nil)
	w.Array(n)
	for _, part := range parts {
		w.Binary([]byte(part))
	}
	return w.Bytes()
}

func FuzzRestorePending(f *testing.F) {
	var p Pending
	s := partOf("a 2/3")
	p.Add(s.ID(), s, encodePart(f, "a 2/3"))
	f.Add(p.Save())
	f.Add([]byte{0x92, 0xc4, 0, 0xc4, 0})
	f.Fuzz(func(t *testing.T, state []byte) {
		var p, again Pending
		if p.Restore(state, decodePart) != nil {
			return
		}
		if len(p.parts) > event.MaxParts {
			t.Fatalf("%d parts", len(p.parts))
		}
		saved := p.Save()
		if err := again.Restore(saved, decodePart); err != nil {
			t.Fatalf("what was restored can't be restored again: %v", err)
		}
		if !bytes.Equal(again.Save(), saved) {
			t.Fatal("saved and restored, it is something else")
		}
	})
}

// partOf returns the snapshot of a part's name.
func partOf(name string) *event.Snapshot {
	s := &event.Snapshot{Host: "web-01", BootID: "b1", Run: "r1", Sequence: uint64(name[0]), TakenAt: noon, Uptime: time.Hour}
	s.Part, s.Parts = uint16(name[2]-'0'), uint16(name[4]-'0')
	return s
}

func encodePart(t testing.TB, name string) []byte {
	t.Helper()
	message, err := new(event.SnapshotEncoder).Append(nil, partOf(name))
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func decodePart(message []byte) (*event.Snapshot, error) {
	s := new(event.Snapshot)
	return s, new(event.SnapshotDecoder).Decode(message, s)
}

func namesOf(t *testing.T, whole [][]byte) string {
	t.Helper()
	var names []string
	for _, message := range whole {
		s, err := decodePart(message)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, string([]byte{byte(s.Sequence), ' ', byte(s.Part) + '0', '/', byte(s.Parts) + '0'}))
	}
	return strings.Join(names, ", ")
}

func restorePending(t *testing.T, state []byte) (p Pending) {
	t.Helper()
	if err := p.Restore(state, decodePart); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestJoin(t *testing.T) {
	whole := &event.Snapshot{Host: "web-01", BootID: "b1", Run: "r1", Sequence: 1, TakenAt: noon, Uptime: time.Hour}
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		whole.Sockets = append(whole.Sockets, event.Socket{
			Local: event.AddressFrom4(0x0a000005), LocalPort: 443, Remote: event.AddressFrom4(r.Uint32()), RemotePort: 40000,
			State: event.Established, Inode: r.Uint64N(1 << 40),
		})
	}
	whole.Sockets = event.NormalizeSockets(whole.Sockets)
	messages, err := new(event.SnapshotEncoder).Parts(whole, 4<<10)
	if err != nil || len(messages) < 2 {
		t.Fatalf("%d parts, %v", len(messages), err)
	}
	var decoder event.SnapshotDecoder
	var joined event.Snapshot
	if err := Join(&decoder, messages, &joined); err != nil || !slices.Equal(joined.Sockets, whole.Sockets) {
		t.Errorf("%d of %d sockets, %v", len(joined.Sockets), len(whole.Sockets), err)
	}
	messages[0], messages[1] = messages[1], messages[0]
	if err := Join(&decoder, messages, &joined); err == nil || !strings.Contains(err.Error(), "doesn't follow part") {
		t.Errorf("in the wrong order: %v", err)
	}
	messages[1] = []byte("x")
	if err := Join(&decoder, messages, &joined); err == nil || !strings.Contains(err.Error(), "part 2: decode snapshot") {
		t.Errorf("no snapshot: %v", err)
	}
}
