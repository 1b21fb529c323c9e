package conntable_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"headstart/conntable"
	"headstart/event"
)

// BenchmarkUnchanged compares a host's table with itself.
func BenchmarkUnchanged(b *testing.B) {
	s, _ := busyServer(10_000, 0)
	var tab conntable.Table
	var comparer conntable.Comparer
	var changes event.Changes
	b.ReportAllocs()
	for b.Loop() {
		tick(s)
		if comparer.Apply(&tab, s, 0, &changes) != conntable.Compared {
			b.Fatal("stale")
		}
	}
	perRow(b, len(s.Sockets))
}

// BenchmarkDecodeAndCompare reads snapshots, of whose rows a share changes
// from one to the next: half of it is gone, half of it new.
func BenchmarkDecodeAndCompare(b *testing.B) {
	for _, load := range []struct {
		name          string
		rows, changes int
	}{
		{"10000-rows-1-percent", 10_000, 100},
		{"200-rows-5-percent", 200, 10},
	} {
		b.Run(load.name, func(b *testing.B) {
			one, other := busyServer(load.rows, load.changes)
			messages := [2][]byte{encode(b, one), encode(b, other)}
			var s event.Snapshot
			var decoder event.SnapshotDecoder
			var tab conntable.Table
			var comparer conntable.Comparer
			var changes event.Changes
			clock := *one
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := decoder.Decode(messages[i%2], &s); err != nil {
					b.Fatal(err)
				}
				tick(&clock)
				s.Sequence, s.Uptime, s.TakenAt = clock.Sequence, clock.Uptime, clock.TakenAt
				if comparer.Apply(&tab, &s, 0, &changes) != conntable.Compared {
					b.Fatal("stale")
				}
			}
			perRow(b, load.rows)
		})
	}
}

func BenchmarkSaveState(b *testing.B) {
	tab, message := busyTable(b)
	var codec conntable.Codec
	var state []byte
	b.ReportAllocs()
	for b.Loop() {
		state = codec.Append(state[:0], tab, message)
	}
	perRow(b, tab.Len())
	b.ReportMetric(float64(len(state))/float64(tab.Len()), "B/row")
}

func BenchmarkRestore(b *testing.B) {
	tab, message := busyTable(b)
	var codec conntable.Codec
	state := codec.Append(nil, tab, message)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.Restore(state); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, tab.Len())
}

// busyTable is the table of a host of 200 rows that were first seen at
// different times, and the message of its last snapshot.
func busyTable(b *testing.B) (*conntable.Table, []byte) {
	one, other := busyServer(200, 40)
	tab := new(conntable.Table)
	var comparer conntable.Comparer
	var changes event.Changes
	for _, s := range []*event.Snapshot{one, other, one} {
		s.Sequence, s.Uptime, s.TakenAt = tab.At().Sequence+1, s.Uptime+time.Minute, s.TakenAt.Add(time.Minute)
		comparer.Apply(tab, s, time.Millisecond, &changes)
	}
	return tab, encode(b, one)
}

// busyServer is a host with a table as a busy web server has it (clients on
// 443, a database pool, outbound HTTPS, a fifth of the rows in TIME_WAIT), and
// the same host with another table: a number of rows is gone or new.
func busyServer(rows, changes int) (one, other *event.Snapshot) {
	r := rand.New(rand.NewPCG(1, uint64(rows)))
	own := event.AddressFrom4(0x0a010110)
	one = &event.Snapshot{
		Host: "web-01", BootID: "6f1c1c56-3c1d-4c39-a5f4-64ee2a87a3f1", Run: "r1", Sequence: 7,
		TakenAt: time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC), Uptime: 36 * time.Hour, Interval: 30 * time.Second,
		Addresses: []event.Address{own}, Roles: []string{"web"}, EphemeralLow: 32768, EphemeralHigh: 60999, Part: 1, Parts: 1,
	}
	all := []event.Socket{{LocalPort: 443, State: event.Listen, Inode: 1201}, {LocalPort: 22, State: event.Listen, Inode: 988}}
	for inode := uint64(4_000_000); len(all) < rows+changes/2; inode += uint64(r.IntN(200)) {
		c := event.Socket{Local: own, State: event.Established, UID: 33, Inode: inode}
		ephemeral := uint16(32768 + len(all)%28232)
		switch n := r.IntN(10); {
		case n < 7:
			c.LocalPort, c.Remote, c.RemotePort = 443, event.AddressFrom4(0x0a000000|r.Uint32N(1<<18)), ephemeral
		case n < 9:
			c.LocalPort, c.Remote, c.RemotePort = ephemeral, event.AddressFrom4(0x0a010200|r.Uint32N(4)), 5432
		default:
			c.LocalPort, c.Remote, c.RemotePort = ephemeral, event.AddressFrom4(r.Uint32()), 443
		}
		if r.IntN(5) == 0 {
			c.State, c.Timer, c.Inode, c.UID, c.Remaining = event.TimeWait, event.TimerTimeWait, 0, 0, r.Uint32N(3000)
		}
		all = append(all, c)
	}
	last := len(all) - changes/2
	other = clone(one)
	one.Sockets = event.NormalizeSockets(append([]event.Socket(nil), all[:last]...))
	other.Sockets = event.NormalizeSockets(append(append([]event.Socket(nil), all[:2]...), all[2+changes/2:]...))
	return one, other
}

func tick(s *event.Snapshot) {
	s.Sequence++
	s.Uptime += 30 * time.Second
	s.TakenAt = s.TakenAt.Add(30 * time.Second)
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}
