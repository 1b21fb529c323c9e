package pipeline_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/bus"
	"headstart/bus/natstest"
	"headstart/event"
	"headstart/test/system"
)

// rulesDir writes rules of which only the condition matters, by id.
func rulesDir(t testing.TB, conditions map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for id, when := range conditions {
		writeRule(t, dir, id, when)
	}
	return dir
}

func writeRule(t testing.TB, dir, id, when string) {
	t.Helper()
	text := "rule: " + id + "\ntitle: T\nseverity: low\nwhen: " + when + "\n"
	if err := os.WriteFile(filepath.Join(dir, id+".yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// alertsAre checks the alerts in the stream by their rules, in order.
func alertsAre(t testing.TB, url string, want ...string) []*event.Alert {
	t.Helper()
	all := system.Alerts(t, url)
	var got []string
	for _, a := range all {
		got = append(got, a.Rule)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("alerts in the stream: %v, want %v", got, want)
	}
	return all
}

func TestCorrelatorRestartedWhileARuleWaits(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	dir := rulesDir(t, map[string]string{"long": "conn.open and conn.port == 5432\nfor: 45s"})
	system.Tracker(t, server.URL)
	web := newWebServer(b, "web-01")
	read := uint64(0)
	// step runs a correlator for one snapshot.
	step := func() {
		t.Helper()
		correlator := system.Correlator(t, server.URL, dir)
		web.publish(t)
		read++
		system.Saved(t, server.URL, "correlator", read)
		correlator.Stop()
	}
	step()
	web.connect(5432, event.Established)
	step()
	opened := web.snapshot.TakenAt
	step()
	alertsAre(t, server.URL)
	step()
	fired := alertsAre(t, server.URL, "long")[0]
	if !fired.At.Equal(opened.Add(time.Minute)) || time.Duration(fired.Connection.AgeMin) != time.Minute {
		t.Errorf("fired at %s when at least %s old, want the first snapshot that proves it, at %s", fired.At, time.Duration(fired.Connection.AgeMin), opened.Add(time.Minute))
	}
	step()
	web.disconnect(5432)
	step()
	alertsAre(t, server.URL, "long")
}

func TestCorrelatorRestartedAfterAnAlert(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	dir := rulesDir(t, map[string]string{"smb": "conn.port == 445"})
	system.Tracker(t, server.URL)
	web := newWebServer(b, "web-01")
	web.publish(t)
	web.connect(445, event.SynSent)
	web.publish(t)
	first := system.Correlator(t, server.URL, dir)
	system.Saved(t, server.URL, "correlator", 2)
	first.Stop()
	alertsAre(t, server.URL, "smb")

	second := system.Correlator(t, server.URL, dir)
	for i := range web.snapshot.Sockets {
		if s := &web.snapshot.Sockets[i]; s.State == event.SynSent {
			s.State = event.Established
		}
	}
	web.publish(t)
	web.disconnect(445)
	web.publish(t)
	system.Saved(t, server.URL, "correlator", 4)
	second.Stop()
	alertsAre(t, server.URL, "smb")
}

func TestPeersAreKnownAfterARestart(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	dir := rulesDir(t, map[string]string{"database": `peer.known and "database" in peer.roles`})
	system.Tracker(t, server.URL)
	db, web := newWebServer(b, "db-01"), newWebServer(b, "web-01")
	db.snapshot.Roles, db.snapshot.Addresses = []string{"database"}, []event.Address{event.AddressFrom4(0x0a010214)}
	db.publish(t)
	first := system.Correlator(t, server.URL, dir)
	system.Saved(t, server.URL, "correlator", 1)
	first.Stop()

	second := system.Correlator(t, server.URL, dir)
	web.connect(5432, event.Established)
	web.publish(t)
	system.Saved(t, server.URL, "correlator", 2)
	second.Stop()
	a := alertsAre(t, server.URL, "database")[0]
	if a.Peer == nil || a.Peer.Host != "db-01" || !slices.Equal(a.Peer.Roles, []string{"database"}) || !a.Peer.Internal {
		t.Errorf("peer: %+v", a.Peer)
	}
}

func TestEditedRulesAreActiveWithoutARestart(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	dir := rulesDir(t, map[string]string{"smb": "conn.port == 445"})
	system.Tracker(t, server.URL)
	correlator := system.Correlator(t, server.URL, dir)
	web := newWebServer(b, "web-01")
	web.connect(445, event.Established)
	web.publish(t)
	system.Saved(t, server.URL, "correlator", 1)
	alertsAre(t, server.URL, "smb")

	// attack opens connections until one raises an alert.
	attack := func(port uint16, rule string) {
		t.Helper()
		before := system.Stored(t, server.URL, event.StreamAlerts)
		system.Await(t, "an alert of rule "+rule, func() bool {
			web.connect(port, event.Established)
			web.publish(t)
			return system.Stored(t, server.URL, event.StreamAlerts) > before
		})
		if a := system.Alerts(t, server.URL)[before]; a.Rule != rule || a.Connection.Port != port {
			t.Errorf("alert of rule %s on port %d, want %s on %d", a.Rule, a.Connection.Port, rule, port)
		}
	}
	writeRule(t, dir, "rdp", "conn.port == 3389")
	attack(3389, "rdp")
	writeRule(t, dir, "rdp", "conn.prot == 3389 or conn.port == 22") // a mistake
	system.Await(t, "the mistake to be noticed", func() bool { return correlator.Metric("headstart_rules_broken") == 1 })
	attack(3389, "rdp")
	writeRule(t, dir, "rdp", "conn.port == 22 or false")
	attack(22, "rdp")
	if n := correlator.Metric("headstart_rules_broken"); n != 0 {
		t.Errorf("mended rules are still broken: %v", n)
	}
	if err := os.Remove(filepath.Join(dir, "rdp.yaml")); err != nil {
		t.Fatal(err)
	}
	system.Await(t, "the rule to be gone", func() bool { return correlator.Metric("headstart_rules") == 1 })
	attack(445, "smb")
}

func TestCorrelatorDeadLettersUndecodableMessages(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	correlator := system.Correlator(t, server.URL, rulesDir(t, map[string]string{"any": "conn.open"}))
	web := newWebServer(b, "web-01")
	web.connect(445, event.Established)
	web.send(t,
		bus.Output{Subject: "connection.web-01", ID: "garbage", Data: []byte("garbage")},
		bus.Output{Subject: "connection.web-02", ID: "nothing"},
	)
	system.Tracker(t, server.URL)
	web.publish(t)
	system.Saved(t, server.URL, "correlator", 3)
	correlator.Stop()
	alertsAre(t, server.URL, "any")
	dead := system.DeadLetters(t, server.URL)
	if len(dead) != 2 || dead[0].Service != "correlator" || dead[0].Sequence != 1 || dead[1].Sequence != 2 || dead[1].Stream != event.StreamConnections {
		t.Errorf("dead letters: %+v", dead)
	}
}

// TestHugeTable takes a host with 100,000 connections through the pipeline: its
// snapshot, its changes and its saved table are too large for one message.
func TestHugeTable(t *testing.T) {
	t.Parallel()
	const sockets = 100_000
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	dir := rulesDir(t, map[string]string{"smb": "conn.port == 445", "long": "conn.port == 445\nfor: 30s"})
	first := system.Tracker(t, server.URL)
	correlator := system.Correlator(t, server.URL, dir)
	web := newWebServer(b, "proxy-01")
	fill(web, sockets)
	web.look()
	parts := web.messages(t, wholly)
	if len(parts) < 2 {
		t.Fatalf("the snapshot is one message of %d bytes", len(parts[0].Data))
	}
	web.send(t, parts...)
	system.Saved(t, server.URL, "tracker", uint64(len(parts)))
	first.Stop()
	opened, messages := 0, 0
	for _, c := range system.Changes(t, server.URL) {
		messages++
		opened += len(c.Connections)
	}
	if opened != sockets || messages < 2 {
		t.Errorf("%d connections opened in %d messages", opened, messages)
	}
	chunks := 0
	system.Read(t, server.URL, "KV_TRACKER", func(m jetstream.Msg) {
		if len(m.Data()) > 32<<10 {
			chunks++
		}
	})
	if chunks < 2 {
		t.Errorf("the table is saved in %d large messages, want chunks", chunks)
	}
	system.Saved(t, server.URL, "correlator", uint64(messages))
	correlator.Stop()
	alertsAre(t, server.URL, "smb")

	system.Tracker(t, server.URL)
	system.Correlator(t, server.URL, dir)
	rows := web.snapshot.Sockets
	web.snapshot.Sockets = append(rows[:sockets/2:sockets/2], rows[sockets/2+1:]...)
	web.look()
	web.send(t, web.messages(t, wholly)...)
	answered(t, server.URL, messages+1)
	all := system.CheckChanges(t, server.URL)
	last := all[len(all)-1]
	if len(last.Connections) != 1 || last.Connections[0].Kind != event.Closed || last.Missed != 0 || last.Open != sockets-1 {
		t.Errorf("after a restart: %d changes, %d missed, %d open", len(last.Connections), last.Missed, last.Open)
	}
	system.Await(t, "the rule that waited over the restart", func() bool { return system.Stored(t, server.URL, event.StreamAlerts) == 2 })
	alertsAre(t, server.URL, "smb", "long")
}

// fill gives a host many connections, one of them to an SMB server. Addresses
// and inodes are scattered as no real host's are, so that little compresses.
func fill(w *webServer, sockets int) {
	w.snapshot.Sockets = nil
	random := rand.New(rand.NewPCG(1, 1))
	for n := range sockets {
		port := uint16(443)
		if n == 777 {
			port = 445
		}
		w.snapshot.Sockets = append(w.snapshot.Sockets, event.Socket{
			Local: w.snapshot.Addresses[0], LocalPort: uint16(32768 + n%28_000),
			Remote: event.AddressFrom4(random.Uint32()), RemotePort: port,
			State: event.Established, Inode: 1 + random.Uint64N(1<<40), UID: 33,
		})
	}
	w.snapshot.Sockets = event.NormalizeSockets(w.snapshot.Sockets)
}
