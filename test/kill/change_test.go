package kill_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/bus"
	"headstart/bus/natstest"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/test/process"
	"headstart/test/system"
)

// TestKilledWhileRulesChange kills a correlator again and again while its rules
// are changed. A rule fires on every message, so the alerts tell which set was
// in force for which; what is in the streams must be what one correlation makes
// of the messages with these sets, without being disturbed.
func TestKilledWhileRulesChange(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	server := natstest.Start(t)
	rules := &changingRules{t: t, dir: t.TempDir(), sets: map[string]*rule.Set{}}
	rules.change(random)
	correlator := process.Start(t, process.Spec{
		Path: process.Build(t, correlatorProgram)[correlatorProgram],
		Args: []string{"--server", server.URL, "--rules", rules.dir, "--learn", time.Duration(learn).String(), "--checkpoint", "1h"},
	})
	tracker := &changesFeed{t: t, bus: system.Connect(t, server.URL, "tracker"), at: time.Now().Add(-time.Hour).UTC().Truncate(time.Second)}
	if err := tracker.bus.EnsureStreams(t.Context(), bus.Storage{Bytes: 10 << 30, Replicas: 1}, event.StreamConnections); err != nil {
		t.Fatal(err)
	}
	kills := 0
	changeAt, killAt := time.Now().Add(2*time.Second), time.Now().Add(time.Second)
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); {
		tracker.send(random)
		now := time.Now()
		if now.After(changeAt) {
			rules.change(random)
			changeAt = now.Add(time.Duration(1000+random.IntN(2000)) * time.Millisecond)
		}
		if now.After(killAt) {
			for range random.IntN(300) {
				tracker.send(random) // it dies in the middle of much
			}
			correlator.Kill()
			kills++
			if random.IntN(3) > 0 {
				rules.change(random)
			}
			correlator.Restart()
			killAt = now.Add(time.Duration(200+random.IntN(1200)) * time.Millisecond)
		}
		pause(t.Context(), time.Duration(random.IntN(4))*time.Millisecond)
	}
	system.Saved(t, server.URL, "correlator", last(t, server.URL, event.StreamConnections))
	correlator.Stop()
	t.Logf("%d messages, %d sets of rules, %d kills", tracker.sequence, len(rules.sets), kills)
	checkWithSets(t, server.URL, rules.sets)
}

// changingRules are a directory of rules that change, and every set that was in
// it, by the beginning of its hash.
type changingRules struct {
	t    *testing.T
	dir  string
	sets map[string]*rule.Set
	n    int
}

func (r *changingRules) change(random *rand.Rand) {
	r.t.Helper()
	r.n++
	severities := []string{"low", "medium", "high"}
	for name, text := range map[string]string{
		"each": fmt.Sprintf("rule: each\ntitle: Number %d\nseverity: %s\nwhen: conn.open\n", r.n, severities[random.IntN(3)]),
		"count": fmt.Sprintf("rule: count\ntitle: Many\nseverity: high\nwhen: conn.port in [22, %d]\ncount: {by: conn.peer, within: 1h, at_least: %d}\n",
			443+random.IntN(3), 3+random.IntN(4)),
		"steady": "rule: steady\ntitle: As ever\nseverity: high\nwhen: conn.port == 445\ncount: {by: conn.peer, within: 1h, at_least: 20}\n",
	} {
		// As an editor that replaces the file as a whole.
		file := filepath.Join(r.dir, name+".yaml")
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			r.t.Fatal(err)
		}
	}
	set, err := rule.Load(os.DirFS(r.dir), r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	r.sets[set.Short()] = set
}

// changesFeed says what a tracker would, of one host that opens connections.
type changesFeed struct {
	t        *testing.T
	bus      *bus.Bus
	at       time.Time
	sequence uint64
	encoder  event.ChangesEncoder
}

func (f *changesFeed) send(random *rand.Rand) {
	f.t.Helper()
	f.sequence++
	before := f.at
	f.at = f.at.Add(time.Second)
	c := event.Changes{
		Host: "web-01", BootID: "boot", Run: "run", Sequence: f.sequence, Part: 1, Parts: 1,
		ObservedAt: f.at, PreviousAt: before, Interval: time.Second, Addresses: []event.Address{event.AddressFrom(netip.MustParseAddr("10.1.1.10"))},
	}
	c.Connections = []event.Connection{{
		Kind: event.Opened, State: event.Established, UID: 33, Inode: 77, Direction: event.Outbound, DirectionFrom: event.FromPorts,
		ID: event.ConnectionID{byte(f.sequence >> 16), byte(f.sequence >> 8), byte(f.sequence)}, Local: c.Addresses[0], LocalPort: uint16(20000 + f.sequence%40000),
		Remote:     event.AddressFrom(netip.AddrFrom4([4]byte{10, 1, 2, byte(1 + random.IntN(8))})),
		RemotePort: []uint16{22, 443, 444, 445}[random.IntN(4)], OpenedAfter: before, OpenedBefore: f.at, SeenUntil: f.at,
	}}
	data, err := f.encoder.Append(nil, &c)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.bus.Publish(f.t.Context(), bus.Output{Subject: event.ConnectionSubject(c.Host), ID: c.SnapshotID().MessageID(1), Data: data}); err != nil {
		f.t.Fatal(err)
	}
}

// checkWithSets compares what is in the streams with what one correlation makes
// of the messages.
func checkWithSets(t *testing.T, url string, sets map[string]*rule.Set) {
	t.Helper()
	var alerts, incidents []string
	inForce := map[string]string{} // by the snapshot that the alert of the rule each names
	system.Read(t, url, event.StreamAlerts, func(m jetstream.Msg) {
		alerts = append(alerts, string(m.Data()))
		a, err := event.DecodeAlert(m.Data())
		if err != nil {
			t.Fatal(err)
		}
		if a.Rule == "each" {
			inForce[a.Snapshot] = a.Rules
		}
	})
	system.Read(t, url, event.StreamIncidents, func(m jetstream.Msg) { incidents = append(incidents, string(m.Data())) })

	empty, err := rule.Load(fs.FS(os.DirFS("testdata/rules")), "rules")
	if err != nil {
		t.Fatal(err)
	}
	undisturbed := detect.New(empty, detect.Options{Baseline: baseline.Options{Learning: learn}})
	var wantAlerts, wantIncidents []string
	var decoder event.ChangesDecoder
	before, changes := "", 0
	system.Read(t, url, event.StreamConnections, func(m jetstream.Msg) {
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		var c event.Changes
		if err := decoder.Decode(m.Data(), &c); err != nil {
			t.Fatal(err)
		}
		switch now := inForce[c.SnapshotID().String()]; {
		case sets[now] == nil:
			t.Fatalf("message %d has no alert, or one of a set %q that never was", meta.Sequence.Stream, now)
		case now != before:
			undisturbed.Use(sets[now])
			before = now
			changes++
		}
		out := undisturbed.Apply(&c, meta.Timestamp)
		for _, a := range out.Alerts {
			data, err := event.EncodeAlert(a)
			if err != nil {
				t.Fatal(err)
			}
			wantAlerts = append(wantAlerts, string(data))
		}
		for _, i := range out.Incidents {
			data, err := event.EncodeIncident(i)
			if err != nil {
				t.Fatal(err)
			}
			wantIncidents = append(wantIncidents, string(data))
		}
	})
	for stream, pair := range map[string][2][]string{event.StreamAlerts: {alerts, wantAlerts}, event.StreamIncidents: {incidents, wantIncidents}} {
		got, want := pair[0], pair[1]
		if slices.Equal(got, want) {
			t.Logf("%s: %d messages, as of an undisturbed run with %d changes of rules", stream, len(got), changes)
			continue
		}
		t.Errorf("%s: %d messages, want %d of an undisturbed run", stream, len(got), len(want))
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("%s: message %d is\n%s\nwant\n%s", stream, i+1, got[i], want[i])
				break
			}
		}
	}
	if changes < 4 {
		t.Errorf("%d changes: the test has tested little", changes)
	}
}
