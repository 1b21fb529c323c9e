package operations_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/bus"
	"headstart/bus/natstest"
	"headstart/event"
	"headstart/test/containers/manual"
	"headstart/test/system"
)

// A day has this many snapshots at 30 s.
const perDay = 24 * 60 * 60 / 30

func TestStorageIsAsSized(t *testing.T) {
	for _, row := range manual.Table(t, "Storage", "sockets") {
		sockets := int(number(t, row[0]))
		t.Run(row[0]+" sockets", func(t *testing.T) {
			snapshot, changes := measureStorage(t, sockets)
			t.Logf("%.0f bytes a snapshot, %.0f a message of changes", snapshot, changes)
			near(t, "bytes of a snapshot", number(t, row[1]), snapshot)
			near(t, "bytes of a message of changes", number(t, row[2]), changes)
			near(t, "MB of SNAPSHOTS", number(t, row[3]), snapshot*perDay/1e6)
			near(t, "MB of CONNECTIONS", number(t, row[4]), changes*perDay*30/1e6)
		})
	}
}

// near reports a documented number that is off by more than a fifth.
func near(t *testing.T, what string, documented, measured float64) {
	t.Helper()
	if documented < 0.8*measured || documented > 1.25*measured {
		t.Errorf("%s: %g in the document, %.3g measured", what, documented, measured)
	}
}

func number(t *testing.T, cell string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(strings.ReplaceAll(cell, ",", ""), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// measureStorage returns what a snapshot of a server, and the changes that
// follow from it, take in the streams' files, headers included.
func measureStorage(t *testing.T, sockets int) (snapshot, changes float64) {
	t.Helper()
	const snapshots = 30
	server := natstest.Start(t)
	system.Tracker(t, server.URL)
	b := system.Connect(t, server.URL, "poller")
	if err := b.EnsureStreams(t.Context(), system.Storage, event.StreamSnapshots, event.StreamConnections); err != nil {
		t.Fatal(err)
	}
	s := newServer(sockets)
	var encoder event.SnapshotEncoder
	for range snapshots {
		s.step()
		parts, err := encoder.Parts(&s.Snapshot, b.MaxData())
		if err != nil {
			t.Fatal(err)
		}
		for i, data := range parts {
			id := s.ID().MessageID(uint16(i + 1))
			if err := b.Publish(t.Context(), bus.Output{Subject: event.SnapshotSubject(s.Host), ID: id, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
	}
	nc, err := nats.Connect(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	size := func(stream string) (bytes float64) {
		await(t, stream, func() error {
			s, err := js.Stream(t.Context(), stream)
			if err != nil {
				return err
			}
			state := s.CachedInfo().State
			if state.Msgs != snapshots {
				return fmt.Errorf("%d messages, want %d", state.Msgs, snapshots)
			}
			bytes = float64(state.Bytes) / snapshots
			return nil
		})
		return bytes
	}
	return size(event.StreamSnapshots), size(event.StreamConnections)
}

// tableServer is a server's table, of which 5 % change from one snapshot to the
// next.
type tableServer struct {
	event.Snapshot
	random *rand.Rand
	inode  uint64
	size   int
}

func newServer(sockets int) *tableServer {
	s := &tableServer{
		random: rand.New(rand.NewPCG(1, 2)), inode: 10_000, size: sockets,
		Snapshot: event.Snapshot{
			Host: "web-01.example.com", BootID: "1bac176f-5e74-47bf-bef7-9e1347dccdbf", Run: "MV7S4XCDCZHCPLVL",
			Roles: []string{"web"}, Interval: 30 * time.Second, TakenAt: time.Now().UTC(), Uptime: 240 * time.Hour,
			Addresses: []event.Address{event.AddressFrom4(0x0a01010a)}, EphemeralLow: 32768, EphemeralHigh: 60999,
		},
	}
	for _, port := range []uint16{22, 80, 443, 9100} {
		s.Sockets = append(s.Sockets, event.Socket{LocalPort: port, State: event.Listen, Inode: uint64(port)})
	}
	s.fill()
	return s
}

// fill adds what is missing: mostly clients of port 443, some connections to
// databases and to the outside; a third has ended within the last minute.
func (s *tableServer) fill() {
	for len(s.Sockets) < s.size {
		for n := s.size - len(s.Sockets); n > 0; n-- {
			s.Sockets = append(s.Sockets, s.newSocket())
		}
		s.Sockets = event.NormalizeSockets(s.Sockets)
	}
}

func (s *tableServer) newSocket() event.Socket {
	r := s.random
	s.inode += uint64(r.IntN(50) + 1)
	socket := event.Socket{Local: s.Addresses[0], State: event.Established, Inode: s.inode, UID: 33}
	ephemeral := uint16(32768 + r.IntN(28000))
	switch n := r.IntN(10); {
	case n < 6:
		socket.LocalPort, socket.Remote, socket.RemotePort = 443, event.AddressFrom4(r.Uint32()), ephemeral
	case n < 9:
		socket.LocalPort, socket.Remote, socket.RemotePort = ephemeral, event.AddressFrom4(0x0a010201+r.Uint32N(4)), 5432
	default:
		socket.LocalPort, socket.Remote, socket.RemotePort = ephemeral, event.AddressFrom4(r.Uint32()), 443
	}
	if r.IntN(3) == 0 {
		socket.State, socket.Timer, socket.Inode, socket.UID = event.TimeWait, event.TimerTimeWait, 0, 0
		socket.Remaining = 3000 + r.Uint32N(3000)
	}
	return socket
}

func (s *tableServer) step() {
	s.Sequence++
	s.TakenAt, s.Uptime = s.TakenAt.Add(s.Interval), s.Uptime+s.Interval
	kept := s.Sockets[:0]
	for _, socket := range s.Sockets {
		if socket.State == event.Listen || s.random.IntN(20) > 0 {
			kept = append(kept, socket)
		}
	}
	s.Sockets = kept
	s.fill()
}
