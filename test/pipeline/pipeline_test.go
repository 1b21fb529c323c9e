package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"headstart/bus"
	"headstart/event"
	"headstart/test/natsserver"
	"headstart/test/system"
)

var start = time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC)

// webServer publishes snapshots of a web server, thirty seconds apart.
type webServer struct {
	bus      *bus.Bus
	encoder  event.SnapshotEncoder
	snapshot event.Snapshot
}

func newWebServer(b *bus.Bus, host string) *webServer {
	own := event.AddressFrom4(0x0a010110)
	return &webServer{bus: b, snapshot: event.Snapshot{
		Host: host, BootID: "boot", Run: "run", Roles: []string{"web"}, Interval: 30 * time.Second,
		TakenAt: start, Uptime: 100 * time.Hour, Addresses: []event.Address{own},
		Sockets: []event.Socket{{LocalPort: 443, State: event.Listen, Inode: 1}},
	}}
}

func (w *webServer) publish(t testing.TB) {
	t.Helper()
	s := &w.snapshot
	s.Sequence++
	s.TakenAt, s.Uptime = s.TakenAt.Add(s.Interval), s.Uptime+s.Interval
	parts, err := w.encoder.Parts(s, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i, data := range parts {
		if err := w.bus.Publish(t.Context(), bus.Output{Subject: event.SnapshotSubject(s.Host), ID: s.ID().MessageID(uint16(i + 1)), Data: data}); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *webServer) connect(port uint16, state event.State) {
	w.snapshot.Sockets = event.NormalizeSockets(append(w.snapshot.Sockets, event.Socket{
		Local: w.snapshot.Addresses[0], LocalPort: 40000 + uint16(len(w.snapshot.Sockets)),
		Remote: event.AddressFrom4(0x0a010214), RemotePort: port, State: state, Inode: uint64(1000 + len(w.snapshot.Sockets)), UID: 33,
	}))
}

func TestSnapshotsBecomeDeliveredAlerts(t *testing.T) {
	server := natsserver.Start(t)
	receiver := system.NewReceiver(t)
	system.Tracker(t, server.URL)
	system.Correlator(t, server.URL, "")
	system.Notifier(t, server.URL, receiver)
	b := system.Connect(t, server.URL, "poller")
	if err := b.EnsureStreams(t.Context(), system.Storage, event.StreamSnapshots); err != nil {
		t.Fatal(err)
	}
	web := newWebServer(b, "web-01.example.com")
	web.publish(t)
	web.connect(5432, event.Established)
	for range 3 {
		web.publish(t)
	}
	got := receiver.Wait(t, 20*time.Second, "an alert about the database session", func(all []system.Received) bool { return len(all) >= 1 })
	a := got[0]
	if a.Rule != "database-session-long" || a.Host != "web-01.example.com" || a.Connection.Port != 5432 {
		t.Errorf("got %s on %s port %d", a.Rule, a.Host, a.Connection.Port)
	}
	if least := time.Duration(a.Connection.AgeMin); least != 30*time.Second {
		t.Errorf("fired when at least %s old, want 30s: the first snapshot that proves it", least)
	}
	if a.Connection.AgeMax == nil || time.Duration(*a.Connection.AgeMax) != time.Minute {
		t.Errorf("upper bound %v, want 1m", a.Connection.AgeMax)
	}
	web.connect(445, event.SynSent)
	web.publish(t)
	web.publish(t)
	got = receiver.Wait(t, 20*time.Second, "an alert about SMB", func(all []system.Received) bool { return len(all) >= 2 })
	if fmt.Sprint(got[1].Rule) != "smb-from-web-server" {
		t.Errorf("second alert is %s", got[1].Rule)
	}
}
