package pipeline_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"headstart/bus"
	"headstart/event"
	"headstart/test/system"
)

// webServer publishes snapshots of a web server, thirty seconds apart.
type webServer struct {
	bus      *bus.Bus
	encoder  event.SnapshotEncoder
	snapshot event.Snapshot
	opened   uint64 // connections, ever
}

func newWebServer(b *bus.Bus, host string) *webServer {
	own := event.AddressFrom4(0x0a010110)
	return &webServer{bus: b, snapshot: event.Snapshot{
		Host: host, BootID: "boot", Run: "run", Roles: []string{"web"}, Interval: 30 * time.Second,
		TakenAt: time.Now().Add(-time.Hour).Truncate(time.Second), Uptime: 100 * time.Hour, Addresses: []event.Address{own},
		Sockets: []event.Socket{{LocalPort: 443, State: event.Listen, Inode: 1}},
	}}
}

// wholly is a limit under which a snapshot is one message.
const wholly = 1 << 20

// look takes the next snapshot.
func (w *webServer) look() {
	s := &w.snapshot
	s.Sequence++
	s.TakenAt, s.Uptime = s.TakenAt.Add(s.Interval), s.Uptime+s.Interval
}

// messages returns the snapshot as messages of at most limit bytes.
func (w *webServer) messages(t testing.TB, limit int) []bus.Output {
	t.Helper()
	s := &w.snapshot
	parts, err := w.encoder.Parts(s, limit)
	if err != nil {
		t.Fatal(err)
	}
	var all []bus.Output
	for i, data := range parts {
		all = append(all, bus.Output{Subject: event.SnapshotSubject(s.Host), ID: s.ID().MessageID(uint16(i + 1)), Data: data})
	}
	return all
}

func (w *webServer) send(t testing.TB, messages ...bus.Output) {
	t.Helper()
	for _, m := range messages {
		if err := w.bus.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *webServer) publish(t testing.TB) {
	t.Helper()
	w.look()
	w.send(t, w.messages(t, wholly)...)
}

func (w *webServer) connect(port uint16, state event.State) {
	w.opened++
	w.snapshot.Sockets = event.NormalizeSockets(append(w.snapshot.Sockets, event.Socket{
		Local: w.snapshot.Addresses[0], LocalPort: 40000 + uint16(w.opened%20_000),
		Remote: event.AddressFrom4(0x0a010214), RemotePort: port, State: state, Inode: 1000 + w.opened, UID: 33,
	}))
}

// disconnect ends the connections to a port without a trace.
func (w *webServer) disconnect(port uint16) {
	kept := w.snapshot.Sockets[:0]
	for _, s := range w.snapshot.Sockets {
		if s.RemotePort != port {
			kept = append(kept, s)
		}
	}
	w.snapshot.Sockets = kept
}

// churn lets some connections come, go and change.
func (w *webServer) churn(random *rand.Rand) {
	for range random.IntN(5) {
		w.connect([]uint16{443, 5432, 6379, 9000}[random.IntN(4)], event.Established)
	}
	kept := w.snapshot.Sockets[:0]
	for _, s := range w.snapshot.Sockets {
		switch {
		case s.State == event.Listen || random.IntN(5) > 0:
		case s.State == event.TimeWait || random.IntN(2) == 0:
			continue
		default:
			s.State, s.Inode, s.UID, s.Timer, s.Remaining = event.TimeWait, 0, 0, event.TimerTimeWait, 4000
		}
		kept = append(kept, s)
	}
	w.snapshot.Sockets = kept
}

// publisher connects what publishes snapshots.
func publisher(t testing.TB, url string) *bus.Bus {
	t.Helper()
	b := system.Connect(t, url, "poller")
	if err := b.EnsureStreams(t.Context(), system.Storage, event.StreamSnapshots, event.StreamConnections, event.StreamAlerts, event.StreamIncidents, event.StreamDeadLetters); err != nil {
		t.Fatal(err)
	}
	return b
}

// answered waits until a number of messages is in CONNECTIONS.
func answered(t testing.TB, url string, messages int) {
	t.Helper()
	system.Await(t, "the answers to the snapshots", func() bool { return system.Stored(t, url, event.StreamConnections) >= messages })
}
