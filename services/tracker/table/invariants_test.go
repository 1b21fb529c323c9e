package table_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"headstart/event"
	"headstart/services/tracker/table"
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
		var comparer table.Comparer
		var changes event.Changes
		kept, restored, codec, books := new(table.Table), new(table.Table), new(table.Codec), newLedger()
		for i, s := range history(data) {
			lag := time.Duration(i) * time.Millisecond
			result := comparer.Apply(kept, s, lag, &changes)

			// What was saved and restored goes on as what was not.
			var again event.Changes
			if got := new(table.Comparer).Apply(restored, s, lag, &again); got != result {
				t.Fatalf("snapshot %d is %v, after a restart %v", i, result, got)
			}
			if result != table.Compared {
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
// and that another one with the same rows tells nothing.
func nothingNew(t *testing.T, codec *table.Codec, tab *table.Table, s *event.Snapshot) {
	t.Helper()
	var comparer table.Comparer
	untouched := event.Changes{Host: "untouched"}
	if result := comparer.Apply(tab, s, 0, &untouched); result != table.Repeated || untouched.Host != "untouched" {
		t.Fatalf("the snapshot again is %v and gives %+v", result, untouched)
	}
	later := clone(s)
	later.Sequence++
	later.Uptime++
	later.TakenAt = later.TakenAt.Add(1)
	var changes event.Changes
	result := comparer.Apply(saveAndRestore(t, codec, tab, s), later, 0, &changes)
	if result != table.Compared || len(changes.Connections) > 0 {
		t.Fatalf("the same rows again are %v and give %+v", result, changes.Connections)
	}
}

// TestComparerServesManyTables compares many hosts in turn with one Comparer,
// and each with one of its own.
func TestComparerServesManyTables(t *testing.T) {
	const hosts = 30
	var shared table.Comparer
	var changes event.Changes
	type one struct {
		snapshots    []*event.Snapshot
		together     table.Table
		alone        table.Table
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
			want := new(table.Comparer).Apply(&h.alone, h.snapshots[step], 0, &h.aloneChanges)
			if got != want {
				t.Fatalf("host %d snapshot %d: %v with a shared comparer, else %v", i, step, got, want)
			}
			if got == table.Compared && !bytes.Equal(encodeChanges(t, &changes), encodeChanges(t, &h.aloneChanges)) {
				t.Fatalf("host %d snapshot %d: changes differ with a shared comparer", i, step)
			}
		}
	}
}

// TestSnapshotIsNotKept changes a snapshot after it was compared: the table
// must not notice.
func TestSnapshotIsNotKept(t *testing.T) {
	var comparer table.Comparer
	var a, b event.Changes
	kept, spoiled := new(table.Table), new(table.Table)
	for i, s := range history(randomBytes(7, 500)) {
		mine := clone(s)
		comparer.Apply(kept, s, 0, &a)
		if comparer.Apply(spoiled, mine, 0, &b) == table.Compared && !bytes.Equal(encodeChanges(t, &a), encodeChanges(t, &b)) {
			t.Fatalf("snapshot %d: the table noticed what happened to the one before", i)
		}
		clear(mine.Sockets)
	}
}

// FuzzRestore reads saved tables from anywhere: what can be read works.
func FuzzRestore(f *testing.F) {
	var comparer table.Comparer
	var changes event.Changes
	for seed := range uint64(5) {
		tab := new(table.Table)
		for _, s := range history(randomBytes(seed, 150)) {
			if comparer.Apply(tab, s, time.Second, &changes) == table.Compared {
				f.Add(new(table.Codec).Append(nil, tab, encode(f, s)))
			}
		}
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		tab, err := new(table.Codec).Restore(state)
		if err != nil {
			return
		}
		id := tab.At()
		s := &event.Snapshot{
			Host: id.Host, BootID: id.BootID, Run: id.Run, Sequence: id.Sequence + 1,
			TakenAt: time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC), Uptime: event.MaxUptime, Part: 1, Parts: 1,
		}
		var changes event.Changes
		if new(table.Comparer).Apply(tab, s, 0, &changes) == table.Compared {
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
