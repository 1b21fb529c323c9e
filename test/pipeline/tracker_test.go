package pipeline_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"headstart/bus"
	"headstart/bus/natstest"
	"headstart/event"
	"headstart/services/tracker"
	"headstart/test/system"
)

// inParts is a limit under which the snapshots of a busy web server come in
// several parts.
const inParts = 350

// busy returns a web server with two hundred connections.
func busy(b *bus.Bus, host string) *webServer {
	w := newWebServer(b, host)
	random := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		w.connect(uint16(1000+random.IntN(50_000)), event.Established)
	}
	return w
}

func TestPartsOfSnapshots(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	system.Tracker(t, server.URL)
	web, other, third := busy(b, "web-01"), busy(b, "web-02"), newWebServer(b, "web-03")

	web.look()
	other.look()
	ofWeb, ofOther := web.messages(t, inParts), other.messages(t, inParts)
	if len(ofWeb) < 3 || len(ofOther) < 3 {
		t.Fatalf("%d and %d parts", len(ofWeb), len(ofOther))
	}
	for i := range ofWeb { // interleaved, the other's last part first
		web.send(t, ofWeb[i])
		other.send(t, ofOther[len(ofOther)-1-i])
		third.publish(t)
	}
	web.disconnect(web.snapshot.Sockets[7].RemotePort)
	web.look()
	incomplete := web.messages(t, inParts)
	web.send(t, append(incomplete[:1:1], incomplete[2:]...)...)
	web.connect(9999, event.Established)
	web.look()
	web.send(t, web.messages(t, inParts)...)
	web.publish(t) // in one message

	answered(t, server.URL, len(ofWeb)+4)
	for _, c := range system.CheckChanges(t, server.URL) {
		if c.Host != "web-01" {
			continue
		}
		switch c.Sequence {
		case 1:
			if c.Open != 200 || len(c.Connections) != 201 {
				t.Errorf("snapshot 1: %d open, %d changes", c.Open, len(c.Connections))
			}
		case 3:
			if c.Missed != 1 || c.Open != 200 || len(c.Connections) != 2 {
				t.Errorf("after one that lacks a part: %d missed, %d open, %d changes", c.Missed, c.Open, len(c.Connections))
			}
		case 4:
			if c.Missed != 0 || len(c.Connections) != 0 {
				t.Errorf("snapshot 4: %d missed, %d changes", c.Missed, len(c.Connections))
			}
		default:
			t.Errorf("an answer to snapshot %d", c.Sequence)
		}
	}
}

func TestTrackerRestartedBetweenParts(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	web := busy(b, "web-01")
	sent := uint64(0)
	for range 2 {
		web.connect(80, event.Established)
		web.look()
		for _, part := range web.messages(t, inParts) {
			service := system.Tracker(t, server.URL)
			web.send(t, part)
			sent++
			system.Saved(t, server.URL, "tracker", sent)
			service.Stop()
		}
	}
	if sent < 6 {
		t.Fatalf("%d parts in two snapshots", sent)
	}
	all := system.CheckChanges(t, server.URL)
	if len(all) != 2 || all[0].Open != 201 || len(all[1].Connections) != 1 || all[1].Missed != 0 {
		t.Errorf("%d answers: %+v", len(all), all)
	}
}

func TestStaleSnapshotsAreAnsweredWithNothing(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	service := system.Tracker(t, server.URL)
	web := newWebServer(b, "web-01")
	var sent []bus.Output
	for range 3 {
		web.connect(5432, event.Established)
		web.look()
		sent = append(sent, web.messages(t, wholly)...)
	}
	web.send(t, sent...)
	for i, m := range sent { // under other ids, as after the server's duplicate window
		m.ID = fmt.Sprint("again ", i)
		web.send(t, m)
	}
	before := sent[2]
	web.snapshot.Run, web.snapshot.Sequence = "another run", 0
	web.publish(t)
	before.ID = "of the run before"
	web.send(t, before)
	web.publish(t)
	system.Saved(t, server.URL, "tracker", 9)
	service.Stop()
	if all := system.CheckChanges(t, server.URL); len(all) != 5 {
		t.Errorf("%d answers, want 5", len(all))
	}
	for result, want := range map[string]float64{"compared": 5, "repeated": 1, "late": 2, "superseded": 1} {
		if got := service.Metric(fmt.Sprintf("headstart_tracker_snapshots_total{result=%q}", result)); got != want {
			t.Errorf("%v snapshots were %s, want %v", got, result, want)
		}
	}
	if dead := system.DeadLetters(t, server.URL); len(dead) != 0 {
		t.Errorf("dead letters: %+v", dead)
	}
}

func TestWhatCannotBeReadGoesToTheDeadLetters(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	service := system.Tracker(t, server.URL)
	web, other := newWebServer(b, "web-01"), newWebServer(b, "web-02")
	web.publish(t)
	other.look()
	spoofed := other.messages(t, wholly)[0]
	spoofed.Subject, spoofed.ID = event.SnapshotSubject("web-01"), "spoofed"
	web.send(t,
		bus.Output{Subject: "snapshot.web-01", ID: "garbage", Data: []byte("garbage")},
		bus.Output{Subject: "snapshot.web-01", ID: "nothing"},
		bus.Output{Subject: "snapshot.nobody", ID: "newer", Data: []byte("\x82\xa1v\x63\xa4host\xa1x")},
		spoofed,
	)
	other.send(t, other.messages(t, wholly)...)
	web.connect(5432, event.Established)
	web.publish(t)
	system.Saved(t, server.URL, "tracker", 7)
	service.Stop()

	if all := system.CheckChanges(t, server.URL); len(all) != 3 || all[2].Open != 1 {
		t.Errorf("answers: %+v", all)
	}
	want := []struct {
		sequence uint64
		subject  string
		reason   string
	}{
		{2, "snapshot.web-01", "decode snapshot: not a msgpack map"},
		{3, "snapshot.web-01", "decode snapshot"},
		{4, "snapshot.nobody", "unknown wire version 99: this program reads version 1"},
		{5, "snapshot.web-01", `host "web-02" on subject snapshot.web-01, want snapshot.web-02`},
	}
	dead := system.DeadLetters(t, server.URL)
	if len(dead) != len(want) {
		t.Fatalf("%d dead letters, want %d: %+v", len(dead), len(want), dead)
	}
	for i, w := range want {
		d := dead[i]
		if d.Service != "tracker" || d.Stream != event.StreamSnapshots || d.Sequence != w.sequence || d.Subject != w.subject ||
			!strings.Contains(d.Reason, w.reason) || d.At.IsZero() {
			t.Errorf("dead letter %d: %+v, want message %d on %s and %q", i, d, w.sequence, w.subject, w.reason)
		}
	}
	if string(dead[0].Data) != "garbage" || dead[0].Bytes != len("garbage") {
		t.Errorf("the message is lost: %q of %d bytes", dead[0].Data, dead[0].Bytes)
	}
}

// traffic publishes a number of snapshots of each of some hosts, in turn.
func traffic(t *testing.T, b *bus.Bus, hosts, snapshots int) (next func()) {
	random := rand.New(rand.NewPCG(uint64(hosts), uint64(snapshots)))
	var all []*webServer
	for n := range hosts {
		all = append(all, newWebServer(b, fmt.Sprintf("web-%02d", n)))
	}
	return func() {
		for range snapshots {
			for _, w := range all {
				w.churn(random)
				limit := wholly
				if random.IntN(4) == 0 {
					limit = inParts
				}
				w.look()
				w.send(t, w.messages(t, limit)...)
			}
		}
	}
}

func TestEvictedHostKeepsItsTable(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	service := system.Tracker(t, server.URL, func(o *tracker.Options) { o.MaxTables = 1 })
	hosts := []*webServer{newWebServer(b, "a"), newWebServer(b, "b"), newWebServer(b, "c"), newWebServer(b, "d")}
	sent := 0
	for range 5 { // one at a time, so that no batch needs two
		for _, w := range hosts {
			w.connect(5432, event.Established)
			w.publish(t)
			sent++
			answered(t, server.URL, sent)
			if n := service.Metric("headstart_tracker_hosts"); int(n) >= len(hosts) {
				t.Fatalf("%v hosts are in memory", n)
			}
		}
	}
	const many, snapshots = 12, 10
	traffic(t, b, many, snapshots)()
	answered(t, server.URL, sent+many*snapshots)
	system.CheckChanges(t, server.URL)
}

func TestTrackerRestartsChangeNothing(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	const hosts, snapshots, rounds = 4, 10, 5
	round := traffic(t, b, hosts, snapshots)
	for n := range rounds {
		service := system.Tracker(t, server.URL)
		round()
		service.Read(t, "tracker", uint64((n*snapshots+snapshots/2)*hosts))
		service.Stop() // with messages left to read, or not
	}
	system.Tracker(t, server.URL)
	answered(t, server.URL, hosts*snapshots*rounds)
	system.CheckChanges(t, server.URL)
}

func TestTwoTrackersSayEverythingOnce(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	const hosts, snapshots = 4, 10
	round := traffic(t, b, hosts, snapshots)
	first := system.Tracker(t, server.URL)
	second := system.Tracker(t, server.URL)
	round()
	first.Stop()
	round()
	system.Tracker(t, server.URL)
	round()
	answered(t, server.URL, hosts*snapshots*3)
	second.Stop()
	round()
	answered(t, server.URL, hosts*snapshots*4)
	system.CheckChanges(t, server.URL)
}
