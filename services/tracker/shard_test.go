package tracker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
)

func TestEachSnapshotHasOneAnswer(t *testing.T) {
	hosts := []string{"a", "b.example.com", "c", "d", "e"}
	b := newBench(t, 2, hosts...)
	for sequence := uint64(1); sequence <= 4; sequence++ {
		for _, name := range hosts {
			b.takes(snapshotOf(name, sequence), 1)
		}
	}
	work := b.batch()
	got := b.answers(work)
	if len(got) != 4*len(hosts) || len(work.Outputs) != len(got) {
		t.Fatalf("%d answers in %d outputs, want %d", len(got), len(work.Outputs), 4*len(hosts))
	}
	for _, name := range hosts {
		for sequence := uint64(1); sequence <= 4; sequence++ {
			c, ok := got[fmt.Sprintf("%s/b/r/%d", name, sequence)]
			if !ok || c.Open != uint32(sequence) || len(c.Connections) != 1 || c.Missed != 0 {
				t.Errorf("%s, snapshot %d: %+v", name, sequence, c)
			}
		}
	}
	for _, name := range hosts {
		var order []uint64
		for _, o := range work.Outputs {
			if o.Subject == event.ConnectionSubject(name) {
				order = append(order, o.Source)
			}
		}
		if !slices.IsSorted(order) {
			t.Errorf("%s is answered in the order %v", name, order)
		}
	}
	b.metric(`headstart_tracker_snapshots_total{result="compared"} 20`)
	b.metric(`headstart_tracker_connections_total{change="opened"} 20`)
	b.metric(`headstart_tracker_hosts 5`)
}

func TestMessageThatCannotBeHandledStopsNoOther(t *testing.T) {
	b := newBench(t, 1, "a", "b")
	b.takes(snapshotOf("a", 1), 1)
	b.arrives("snapshot.a", []byte("no msgpack"))
	b.arrives("snapshot.a", nil)
	b.takes(snapshotOf("b", 1), 1)
	b.messages[3].Subject = "snapshot.a"
	version, err := new(event.SnapshotEncoder).Append(nil, snapshotOf("a", 1))
	if err != nil {
		t.Fatal(err)
	}
	version[3] = 99
	b.arrives("snapshot.a", version)
	b.takes(snapshotOf("a", 2), 1)
	work := b.batch()
	dead := b.dead(work)
	want := []struct {
		sequence uint64
		reason   string
	}{{2, "not a msgpack map"}, {3, "decode snapshot"}, {4, `host "b" on subject snapshot.a, want snapshot.b`}, {5, "unknown wire version 99"}}
	if len(dead) != len(want) {
		t.Fatalf("%d dead letters, want %d: %+v", len(dead), len(want), dead)
	}
	for i, w := range want {
		if dead[i].Sequence != w.sequence || !strings.Contains(dead[i].Reason, w.reason) || dead[i].Subject != "snapshot.a" {
			t.Errorf("dead letter %d: %+v, want message %d and %q", i, dead[i], w.sequence, w.reason)
		}
	}
	if got := b.answers(work); len(got) != 2 || got["a/b/r/2"].Missed != 0 {
		t.Errorf("answers: %+v", got)
	}
	b.metric(`headstart_tracker_snapshots_total{result="undecodable"} 4`)
}

func TestStaleSnapshotIsAnsweredWithNothing(t *testing.T) {
	b := newBench(t, 1, "a")
	b.takes(snapshotOf("a", 3), 1)
	b.batch()
	superseding := snapshotOf("a", 4)
	superseding.Run = "r2"
	b.takes(snapshotOf("a", 3), 1)
	b.takes(snapshotOf("a", 2), 1)
	if work := b.batch(); len(work.Outputs)+len(work.States) != 0 {
		t.Errorf("%d outputs and %d states", len(work.Outputs), len(work.States))
	}
	b.takes(superseding, 1)
	b.takes(snapshotOf("a", 5), 1)
	if work := b.batch(); len(work.Outputs) != 1 || len(work.States) != 1 {
		t.Errorf("%d outputs and %d states", len(work.Outputs), len(work.States))
	}
	for _, result := range []string{"repeated", "late", "superseded"} {
		b.metric(fmt.Sprintf("headstart_tracker_snapshots_total{result=%q} 1", result))
	}
}

// The clock offset comes from when a message was sent, not from how long it
// waited to be. Without a sending time, the snapshot's own time counts.
func TestClockOffsetIsOfTheSending(t *testing.T) {
	for name, test := range map[string]struct {
		sent time.Duration // before it was stored
		want time.Duration
	}{
		"sent an hour ago by the host's clock": {time.Hour, time.Hour},
		"sent at once, after a long wait":      {0, 0},
		"no sending time":                      {-1, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 1, "a")
			s := snapshotOf("a", 1)
			b.takes(s, 1)
			m := &b.messages[0]
			m.StoredAt = s.TakenAt.Add(2 * time.Hour)
			m.SentAt = m.StoredAt.Add(-test.sent)
			if test.sent < 0 {
				m.SentAt = time.Time{}
			}
			if got := b.answers(b.batch())["a/b/r/1"].ClockOffset; got != test.want {
				t.Errorf("offset %s, want %s", got, test.want)
			}
		})
	}
}

func TestOnlyTheLastTableOfABatchIsSaved(t *testing.T) {
	b := newBench(t, 1, "a")
	for sequence := uint64(1); sequence <= 3; sequence++ {
		b.takes(snapshotOf("a", sequence), 1)
	}
	work := b.batch()
	if len(work.States) != 1 || work.States[0].Key != "snapshot.a" {
		t.Fatalf("%d states", len(work.States))
	}
	b.restart(work.States)
	b.takes(snapshotOf("a", 3), 1)
	b.takes(snapshotOf("a", 4), 1)
	if got := b.answers(b.batch()); len(got) != 1 || got["a/b/r/4"].Open != 4 || len(got["a/b/r/4"].Connections) != 1 {
		t.Errorf("after a restart: %+v", got)
	}
}

func TestPartsOfHostsMix(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		t.Run(fmt.Sprintf("restarted between any two: %t", restarted), func(t *testing.T) {
			b := newBench(t, 1, "a", "b")
			b.takes(snapshotOf("a", 20), 3)
			ofA := b.messages
			b.messages = nil
			b.takes(snapshotOf("b", 20), 3)
			ofB := b.messages
			b.messages = nil
			saved := map[string]bus.State{}
			got := map[string]event.Changes{}
			for _, m := range []bus.Message{ofA[0], ofB[0], ofB[1], ofA[1], ofB[2], ofA[2]} {
				b.messages = []bus.Message{m}
				work := b.batch()
				for id, c := range b.answers(work) {
					got[id] = c
				}
				var states []bus.State
				for _, s := range work.States {
					saved[s.Key] = s
				}
				for _, s := range saved {
					states = append(states, s)
				}
				if restarted {
					b.restart(states)
				}
			}
			if len(got) != 2 || len(got["a/b/r/20"].Connections) != 20 || len(got["b/b/r/20"].Connections) != 20 {
				t.Errorf("answers: %+v", got)
			}
			for _, name := range []string{"a", "b"} {
				if parts, ok := saved[partsKey(event.SnapshotSubject(name))]; !ok || parts.Value != nil {
					t.Errorf("parts of %s stay behind: %d bytes", name, len(parts.Value))
				}
			}
		})
	}
}

func TestMissingPartIsAMissingSnapshot(t *testing.T) {
	for name, parts := range map[string]int{"before one in parts": 3, "before one that is whole": 1} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 1, "a")
			b.takes(snapshotOf("a", 19), 3)
			b.takes(snapshotOf("a", 20), 3)
			b.messages = slices.Delete(b.messages, 4, 5)
			if got := b.answers(b.batch()); len(got) != 1 || got["a/b/r/19"].Open != 19 {
				t.Errorf("answers: %+v", got)
			}
			b.takes(snapshotOf("a", 21), parts)
			work := b.batch()
			last, ok := b.answers(work)["a/b/r/21"]
			if !ok || len(work.Outputs) != 1 || last.Missed != 1 || last.Open != 21 || len(last.Connections) != 2 {
				t.Errorf("%d outputs; %+v", len(work.Outputs), last)
			}
			for _, c := range last.Connections {
				if c.Kind != event.Opened {
					t.Errorf("a missing part makes %s", c.Kind)
				}
			}
			b.metric(`headstart_tracker_snapshots_total{result="incomplete"} 1`)
			if keys := keysOf(work.States); keys != "snapshot.a, snapshot.a.parts" || work.States[1].Value != nil {
				t.Errorf("saved: %s", keys)
			}
			b.takes(snapshotOf("a", 22), 1)
			if keys := keysOf(b.batch().States); keys != "snapshot.a" {
				t.Errorf("saved with the next: %s", keys)
			}
		})
	}
}

func TestPartsThatDoNotFitAreRejected(t *testing.T) {
	b := newBench(t, 1, "a")
	s := snapshotOf("a", 20)
	rows := s.Sockets
	for i, stretch := range [][]event.Socket{rows[10:], rows[:10]} { // the second before the first
		s.Sockets, s.Part, s.Parts = stretch, uint16(i+1), 2
		data, err := new(event.SnapshotEncoder).Append(nil, s)
		if err != nil {
			t.Fatal(err)
		}
		b.arrives("snapshot.a", data)
	}
	b.takes(snapshotOf("a", 21), 3)
	work := b.batch()
	if dead := b.dead(work); len(dead) != 1 || !strings.Contains(dead[0].Reason, "part 2 doesn't follow") {
		t.Errorf("dead letters: %+v", dead)
	}
	if got := b.answers(work); len(got) != 1 || got["a/b/r/21"].Open != 21 {
		t.Errorf("answers: %+v", got)
	}
}

func TestTooManyChangesAreSplitIntoParts(t *testing.T) {
	b := newBench(t, 1, "a")
	b.limit = 600
	b.takes(snapshotOf("a", 60), 1)
	work := b.batch()
	got := b.answers(work)
	if len(got) < 2 {
		t.Fatalf("%d messages within %d bytes", len(got), b.limit)
	}
	opened := map[event.ConnectionID]bool{}
	for i, o := range work.Outputs {
		c := got[o.ID]
		if len(o.Data) > b.limit || int(c.Part) != i+1 || int(c.Parts) != len(got) || c.Open != 60 || o.Source != 1 {
			t.Errorf("message %d: %d bytes, part %d of %d, %d open, from %d", i+1, len(o.Data), c.Part, c.Parts, c.Open, o.Source)
		}
		for _, one := range c.Connections {
			opened[one.ID] = true
		}
	}
	if len(opened) != 60 {
		t.Errorf("%d connections opened, want 60", len(opened))
	}
}

func TestHostsThatAreNotNeededAreEvicted(t *testing.T) {
	recently, longAgo := noon, noon.Add(-2*idle)
	for name, test := range map[string]struct {
		used  map[string]time.Time
		swept time.Time
		most  int
		want  int
		lost  string
	}{
		"idle ones, when half is taken": {map[string]time.Time{"a": recently, "b": longAgo, "c": longAgo}, time.Time{}, 4, 2, "b"},
		"none, when less is taken":      {map[string]time.Time{"a": recently, "b": longAgo}, time.Time{}, 6, 3, ""},
		"none, right after an eviction": {map[string]time.Time{"a": recently, "b": longAgo, "c": longAgo}, noon, 4, 4, ""},
		"any, when there are too many":  {map[string]time.Time{"a": longAgo, "b": longAgo, "c": longAgo}, noon, 2, 2, ""},
		"never those of the batch":      {map[string]time.Time{}, noon, 1, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 1)
			s := b.shards[0]
			s.maxHosts, s.swept = test.most, test.swept
			for subject, used := range test.used {
				s.hosts[subject] = &host{used: used}
			}
			s.hosts["needed"] = &host{used: longAgo}
			s.batch = []bus.Message{{Subject: "needed", StoredAt: noon}}
			s.evict()
			if len(s.hosts) != test.want || s.hosts["needed"] == nil || test.lost != "" && s.hosts[test.lost] != nil {
				t.Errorf("left of %d: %v, want %d", len(test.used)+1, s.hosts, test.want)
			}
			if swept := !s.swept.Equal(test.swept); swept != strings.HasPrefix(name, "idle") {
				t.Errorf("evicted idle ones: %t", swept)
			}
		})
	}
}

func TestMaxTablesIsChecked(t *testing.T) {
	err := Run(t.Context(), Options{MaxTables: 0})
	if _, usage := err.(*daemon.UsageError); !usage || !strings.Contains(err.Error(), "--max-tables") {
		t.Errorf("%v", err)
	}
}
