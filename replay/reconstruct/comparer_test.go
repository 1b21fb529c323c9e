package reconstruct

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"headstart/conntable"
	"headstart/detect/inventory"
	"headstart/event"
	"headstart/replay/zeek"
)

// company is two monitored hosts, and others.
const company = "hosts:\n  a: {addresses: [10.0.0.5]}\n  b: {addresses: [10.0.0.6, '2001:db8::6'], roles: [web]}\n  c: {addresses: [10.0.0.7], monitored: false}\n"

func parseInventory(t testing.TB, text string) *inventory.Inventory {
	t.Helper()
	i, err := inventory.Parse("inventory.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// TestWhatTheTrackerFinds gives the tracker's comparer the tables of random
// connections, each on ports of its own, and checks what it says of each
// against what polls could see.
func TestWhatTheTrackerFinds(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			records := randomRecords(seed, 400)
			fleet := build(t, records, Options{Inventory: parseInventory(t, company), Seed: seed})
			seen := compare(t, fleet)
			for i := range records {
				r := &records[i]
				for host, polls := range seen.polls {
					for _, responder := range []bool{false, true} {
						row := rowOf(r, responder)
						if host == "a" && row.Local == hostA || host == "b" && row.Local == hostB {
							checkEnd(t, observed{r, fleet.began(uint32(i)), responder}, polls, seen.changes[seenKey{host, keyOf(&row)}])
						}
					}
				}
			}
		})
	}
}

var (
	hostA = event.AddressFrom4(0x0a000005)
	hostB = event.AddressFrom4(0x0a000006)
)

type key struct {
	local, remote         event.Address
	localPort, remotePort uint16
}

func keyOf(s *event.Socket) key { return key{s.Local, s.Remote, s.LocalPort, s.RemotePort} }

type seenKey struct {
	host string
	key  key
}

// sightings are what the comparer said of each key, and when hosts were polled.
type sightings struct {
	changes map[seenKey][]event.Connection
	polls   map[string][]int64
}

// compare runs all snapshots through the tracker's comparer and holds them to
// what it demands of them.
func compare(t *testing.T, fleet *Fleet) sightings {
	t.Helper()
	s := sightings{map[seenKey][]event.Connection{}, map[string][]int64{}}
	tables := map[string]*conntable.Table{}
	var comparer conntable.Comparer
	var changes event.Changes
	last := time.Time{}
	for snapshot := range Merge(fleet.Feeds()) {
		if snapshot.TakenAt.Before(last) {
			t.Fatalf("%s after %s", snapshot.TakenAt, last)
		}
		last = snapshot.TakenAt
		for i := 1; i < len(snapshot.Sockets); i++ {
			if snapshot.Sockets[i-1].CompareKey(&snapshot.Sockets[i]) >= 0 {
				t.Fatalf("row %d of %s is not after the one before", i, snapshot.ID())
			}
		}
		if tables[snapshot.Host] == nil {
			tables[snapshot.Host] = new(conntable.Table)
		}
		if result := comparer.Apply(tables[snapshot.Host], snapshot, 0, &changes); result != conntable.Compared {
			t.Fatalf("%s is %s", snapshot.ID(), result)
		}
		s.polls[snapshot.Host] = append(s.polls[snapshot.Host], snapshot.TakenAt.UnixNano())
		for _, c := range changes.Connections {
			k := seenKey{snapshot.Host, key{c.Local, c.Remote, c.LocalPort, c.RemotePort}}
			s.changes[k] = append(s.changes[k], c)
		}
	}
	return s
}

// sees reports whether a poll falls into a time.
func sees(polls []int64, from, to int64) bool {
	for _, at := range polls {
		if at >= from && at < to {
			return true
		}
	}
	return false
}

// observed is one end of a connection.
type observed struct {
	*zeek.Record
	began     int64
	responder bool
}

func checkEnd(t *testing.T, o observed, polls []int64, said []event.Connection) {
	t.Helper()
	r, responder := o.Record, o.responder
	wait := closersOf(r) == originatorFirst && !responder || closersOf(r) == responderFirst && responder
	var want []event.Kind
	switch {
	case kindOf(r) == established:
		seen := sees(polls, o.began, r.End())
		after := wait || closersOf(r) == onlyOriginator || closersOf(r) == onlyResponder
		if seen || after && sees(polls, r.End(), r.End()+timeWait) {
			want = append(want, event.Opened)
			if sees(polls, r.End(), never) {
				want = append(want, event.Closed)
			}
		}
	case kindOf(r) == attempt && !responder && sees(polls, r.Start, attemptEnd(r, r.Start)):
		want = append(want, event.Attempted)
	}
	var got []event.Kind
	for _, c := range said {
		got = append(got, c.Kind)
	}
	// What is half closed is said to be closed when its row is gone, or at
	// once on the side that waits.
	half := closersOf(r) == onlyOriginator || closersOf(r) == onlyResponder
	if fmt.Sprint(got) != fmt.Sprint(want) && !(half && kindOf(r) == established) {
		t.Fatalf("%s, responder %t: %v, want %v", r, responder, got, want)
	}
	for _, c := range said {
		start := time.Unix(0, o.began)
		if c.OpenedBefore.Before(start.Add(-20*time.Millisecond)) || !c.BeganBefore() && c.OpenedAfter.After(start) {
			t.Fatalf("%s: opened between %s and %s", r, c.OpenedAfter, c.OpenedBefore)
		}
		ended := time.Unix(0, r.End())
		if c.Kind != event.Closed || half {
			continue
		}
		if c.ClosedAfter.After(ended) || c.ClosedBefore.Before(ended.Add(-20*time.Millisecond)) {
			t.Fatalf("%s: closed between %s and %s, ended %s", r, c.ClosedAfter, c.ClosedBefore, ended)
		}
		if wait && (c.Reason != event.TimedWait || ended.Sub(c.ClosedAfter) > 20*time.Millisecond) {
			t.Fatalf("%s: %s at %s, ended %s", r, c.Reason, c.ClosedAfter, ended)
		}
		if outbound := c.Direction == event.Outbound; outbound == responder {
			t.Fatalf("%s, responder %t: %s", r, responder, c.Direction)
		}
	}
}

// randomRecords are connections of half an hour, each on ports of its own.
func randomRecords(seed uint64, n int) []zeek.Record {
	r := rand.New(rand.NewPCG(seed, 7))
	hosts := []event.Address{hostA, hostB, event.AddressFrom4(0x0a000007), event.AddressFrom4(0xcb007107)}
	histories := []string{"ShADadFf", "ShADadfFa", "ShADad", "ShADadR", "S", ""}
	var all []zeek.Record
	start := time.Date(2025, 6, 5, 14, 0, 0, 0, time.UTC).UnixNano()
	for i := range n {
		start += r.Int64N(int64(9 * time.Second))
		one := zeek.Record{
			Start: start, Duration: r.Int64N(int64(100 * time.Second)), UID: uint64(i + 1),
			Originator: hosts[r.IntN(4)], OriginatorPort: uint16(33000 + i), Responder: hosts[r.IntN(4)], ResponderPort: uint16(20 + r.IntN(5)),
			OriginatorPackets: int32(r.IntN(9) - 1), OriginatorBytes: r.Int64N(3) - 1, ResponderBytes: r.Int64N(3) - 1,
			State: zeek.State(r.IntN(int(zeek.OTH) + 1)), History: zeek.ParseHistory(histories[r.IntN(len(histories))]),
		}
		if r.IntN(5) == 0 {
			one.Duration = r.Int64N(int64(time.Second)) - 1
		}
		all = append(all, one)
	}
	return all
}

// TestTheSameAgain builds the same snapshots twice, and others with another
// seed, alone and merged.
func TestTheSameAgain(t *testing.T) {
	records := randomRecords(1, 300)
	o := Options{Inventory: parseInventory(t, company), Seed: 1}
	digest := func(o Options) string {
		text := ""
		for s := range Merge(build(t, records, o).Feeds()) {
			text += fmt.Sprintln(s)
		}
		return text
	}
	one := digest(o)
	if one != digest(o) {
		t.Error("the same seed gives other snapshots")
	}
	o.Seed = 2
	if one == digest(o) {
		t.Error("another seed gives the same snapshots")
	}
	fleet := build(t, records, o)
	alone := map[string]string{}
	for _, feed := range fleet.Feeds() {
		for s := feed.Next(); s != nil; s = feed.Next() {
			alone[s.Host] += fmt.Sprintln(s)
		}
	}
	merged := map[string]string{}
	for s := range Merge(fleet.Feeds()) {
		merged[s.Host] += fmt.Sprintln(s)
	}
	if fmt.Sprint(alone) != fmt.Sprint(merged) {
		t.Error("merged, the feeds give other snapshots than alone")
	}
}

// TestManyOnFewPorts lets connections of all kinds follow each other on a few
// ports, as close as no kernel would have them, and holds every table to what a
// table is.
func TestManyOnFewPorts(t *testing.T) {
	for seed := range uint64(30) {
		records := randomRecords(seed, 500)
		r := rand.New(rand.NewPCG(seed, 8))
		for i := range records {
			records[i].OriginatorPort, records[i].ResponderPort = uint16(40000+r.IntN(3)), uint16(22+r.IntN(2))
		}
		fleet := build(t, records, Options{Inventory: parseInventory(t, company), Seed: seed})
		for _, feed := range fleet.Feeds() {
			var tab conntable.Table
			var comparer conntable.Comparer
			var changes event.Changes
			inodes := map[uint64]key{}
			var before []event.Socket
			for s := feed.Next(); s != nil; s = feed.Next() {
				checkTable(t, s, inodes)
				if comparer.Apply(&tab, s, 0, &changes) != conntable.Compared {
					t.Fatalf("seed %d: %s is stale", seed, s.ID())
				}
				if !tableChanged(before, s.Sockets) && len(changes.Connections) > 0 {
					t.Fatalf("seed %d: %s is unchanged, but brings %v", seed, s.ID(), changes.Connections)
				}
				before = append([]event.Socket{}, s.Sockets...)
			}
		}
	}
}

// checkTable checks rows by themselves. inodes are those that were seen, and of
// which socket.
func checkTable(t *testing.T, s *event.Snapshot, inodes map[uint64]key) {
	t.Helper()
	for i := range s.Sockets {
		row := &s.Sockets[i]
		if i > 0 && s.Sockets[i-1].CompareKey(row) >= 0 {
			t.Fatalf("%s: row %d is not after the one before", s.ID(), i)
		}
		closing := row.State == event.TimeWait || row.State == event.FinWait2
		switch {
		case closing != (row.Inode == 0), closing != (row.Timer == event.TimerTimeWait), closing && row.Remaining > 6000:
			t.Fatalf("%s: %+v", s.ID(), row)
		case (row.State == event.SynSent) != (row.Timer == event.TimerRetransmit), row.Retransmits > 6, row.Timer == event.TimerOff && row.Remaining > 0:
			t.Fatalf("%s: %+v", s.ID(), row)
		}
		if owner, ok := inodes[row.Inode]; ok && owner != keyOf(row) {
			t.Fatalf("%s: inode %d of %+v was %+v's", s.ID(), row.Inode, row, owner)
		}
		if row.Inode != 0 {
			inodes[row.Inode] = keyOf(row)
		}
	}
}
