package conntable_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"headstart/conntable"
	"headstart/event"
)

// FuzzTable holds the table to what it promises, on histories that the fuzzer
// writes.
func FuzzTable(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomBytes(seed, 200))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			return
		}
		var comparer conntable.Comparer
		var changes event.Changes
		kept, restored, codec, books := new(conntable.Table), new(conntable.Table), new(conntable.Codec), newLedger()
		for i, s := range history(data) {
			lag := time.Duration(i) * time.Millisecond
			result := comparer.Apply(kept, s, lag, &changes)

			// What was saved and restored goes on as what was not.
			var again event.Changes
			if got := new(conntable.Comparer).Apply(restored, s, lag, &again); got != result {
				t.Fatalf("snapshot %d is %v, after a restart %v", i, result, got)
			}
			if result != conntable.Compared {
				continue
			}
			if !bytes.Equal(encodeChanges(t, &changes), encodeChanges(t, &again)) {
				t.Fatalf("snapshot %d: changes after a restart differ:\n%+v\n%+v", i, changes, again)
			}
			restored = saveAndRestore(t, codec, restored, s)

			if err := books.enter(s, &changes); err != nil {
				t.Fatalf("snapshot %d: %v", i, err)
			}
			nothingNew(t, codec, kept, s)
		}
	})
}

// nothingNew checks that a snapshot that a table had already changes nothing,
// and that another one with the same rows changes nothing.
func nothingNew(t *testing.T, codec *conntable.Codec, tab *conntable.Table, s *event.Snapshot) {
	t.Helper()
	var comparer conntable.Comparer
	untouched := event.Changes{Host: "untouched"}
	if result := comparer.Apply(tab, s, 0, &untouched); result != conntable.Repeated || untouched.Host != "untouched" {
		t.Fatalf("the snapshot again is %v and gives %+v", result, untouched)
	}
	later := clone(s)
	later.Sequence++
	later.Uptime++
	later.TakenAt = later.TakenAt.Add(1)
	var changes event.Changes
	result := comparer.Apply(saveAndRestore(t, codec, tab, s), later, 0, &changes)
	if result != conntable.Compared || len(changes.Connections) > 0 {
		t.Fatalf("the same rows again are %v and give %+v", result, changes.Connections)
	}
}

// TestComparerServesManyTables compares many hosts in turn with one Comparer,
// and each with one of its own.
func TestComparerServesManyTables(t *testing.T) {
	const hosts = 30
	var shared conntable.Comparer
	var changes event.Changes
	type one struct {
		snapshots    []*event.Snapshot
		together     conntable.Table
		alone        conntable.Table
		aloneChanges event.Changes
	}
	all := make([]one, hosts)
	for i := range all {
		all[i].snapshots = history(randomBytes(uint64(i), 50+10*i))
	}
	for step := 0; step < len(all[hosts-1].snapshots); step++ {
		for i := range all {
			h := &all[i]
			if step >= len(h.snapshots) {
				continue
			}
			got := shared.Apply(&h.together, h.snapshots[step], 0, &changes)
			want := new(conntable.Comparer).Apply(&h.alone, h.snapshots[step], 0, &h.aloneChanges)
			if got != want {
				t.Fatalf("host %d snapshot %d: %v with a shared comparer, else %v", i, step, got, want)
			}
			if got == conntable.Compared && !bytes.Equal(encodeChanges(t, &changes), encodeChanges(t, &h.aloneChanges)) {
				t.Fatalf("host %d snapshot %d: changes differ with a shared comparer", i, step)
			}
		}
	}
}

// TestConnectionID shows one connection to tables that differ in one thing:
// whatever names it is in its id, and nothing else.
func TestConnectionID(t *testing.T) {
	id := func(change func(*event.Snapshot)) event.ConnectionID {
		s := &event.Snapshot{
			Host: "web-01", BootID: "b1", Run: "r1", Sequence: 1, Part: 1, Parts: 1,
			TakenAt: time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC), Uptime: time.Hour, Sockets: []event.Socket{keys[4]},
		}
		s.Sockets[0].State = event.Established
		change(s)
		var changes event.Changes
		new(conntable.Comparer).Apply(new(conntable.Table), s, 0, &changes)
		return changes.Connections[0].ID
	}
	ids := map[event.ConnectionID]string{id(func(*event.Snapshot) {}): "nothing"}
	for name, change := range map[string]func(*event.Snapshot){
		"the host":           func(s *event.Snapshot) { s.Host = "web-02" },
		"the boot":           func(s *event.Snapshot) { s.BootID = "b2" },
		"where a name ends":  func(s *event.Snapshot) { s.Host, s.BootID = "web-0", "1b1" },
		"when it was seen":   func(s *event.Snapshot) { s.Uptime++ },
		"the local address":  func(s *event.Snapshot) { s.Sockets[0].Local.Lo++ },
		"the local network":  func(s *event.Snapshot) { s.Sockets[0].Local.Hi++ },
		"the remote address": func(s *event.Snapshot) { s.Sockets[0].Remote.Lo++ },
		"the remote network": func(s *event.Snapshot) { s.Sockets[0].Remote.Hi++ },
		"the local port":     func(s *event.Snapshot) { s.Sockets[0].LocalPort++ },
		"the remote port":    func(s *event.Snapshot) { s.Sockets[0].RemotePort++ },
	} {
		got := id(change)
		if same, known := ids[got]; known {
			t.Errorf("%s and %s make no difference", name, same)
		}
		ids[got] = name
	}
	for name, change := range map[string]func(*event.Snapshot){
		"the run":        func(s *event.Snapshot) { s.Run = "r2" },
		"the sequence":   func(s *event.Snapshot) { s.Sequence++ },
		"the wall clock": func(s *event.Snapshot) { s.TakenAt = s.TakenAt.Add(time.Hour) },
		"the inode":      func(s *event.Snapshot) { s.Sockets[0].Inode++ },
		"the state":      func(s *event.Snapshot) { s.Sockets[0].State = event.SynSent },
	} {
		if ids[id(change)] != "nothing" {
			t.Errorf("%s makes a difference", name)
		}
	}
}

// TestSnapshotIsNotKept changes a snapshot after it was compared: the table
// must not notice.
func TestSnapshotIsNotKept(t *testing.T) {
	var comparer conntable.Comparer
	var a, b event.Changes
	kept, spoiled := new(conntable.Table), new(conntable.Table)
	for i, s := range history(randomBytes(7, 500)) {
		mine := clone(s)
		comparer.Apply(kept, s, 0, &a)
		if comparer.Apply(spoiled, mine, 0, &b) == conntable.Compared && !bytes.Equal(encodeChanges(t, &a), encodeChanges(t, &b)) {
			t.Fatalf("snapshot %d: the table noticed what happened to the one before", i)
		}
		clear(mine.Sockets)
	}
}

// FuzzRestore reads saved tables from anywhere: what can be read works.
func FuzzRestore(f *testing.F) {
	var comparer conntable.Comparer
	var changes event.Changes
	for seed := range uint64(5) {
		tab := new(conntable.Table)
		for _, s := range history(randomBytes(seed, 150)) {
			if comparer.Apply(tab, s, time.Second, &changes) == conntable.Compared {
				f.Add(new(conntable.Codec).Append(nil, tab, encode(f, s)))
			}
		}
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		tab, err := new(conntable.Codec).Restore(state)
		if err != nil {
			return
		}
		id := tab.At()
		s := &event.Snapshot{
			Host: id.Host, BootID: id.BootID, Run: id.Run, Sequence: id.Sequence + 1,
			TakenAt: time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC), Uptime: event.MaxUptime, Part: 1, Parts: 1,
		}
		var changes event.Changes
		if new(conntable.Comparer).Apply(tab, s, 0, &changes) == conntable.Compared {
			encodeChanges(t, &changes)
		}
	})
}

func randomBytes(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func encodeChanges(t testing.TB, c *event.Changes) []byte {
	t.Helper()
	data, err := new(event.ChangesEncoder).Append(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
