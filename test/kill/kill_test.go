// Package kill_test kills every process of the pipeline with SIGKILL, in random
// order and many times, while real connections come and go, and holds what is
// in the streams against what an undisturbed run makes of the same snapshots.
package kill_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/conntable"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/test/lab"
	"headstart/test/process"
	"headstart/test/system"
)

const (
	pollerProgram     = "headstart/cmd/poller"
	trackerProgram    = "headstart/cmd/tracker"
	correlatorProgram = "headstart/cmd/correlator"
	notifierProgram   = "headstart/cmd/notifier"

	chaos = 25 * time.Second
	learn = 0
)

func TestKilledProcessesChangeNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	l := lab.New(t)
	web, db := l.Host("web-01"), l.Host("db-01")
	databaseServer := db.Serve("tcp", "[::]:5432")
	smbServer := db.Serve("tcp", "[::]:445")
	database := netip.AddrPortFrom(db.Address, databaseServer.Address.Port())
	smb := netip.AddrPortFrom(db.Address, smbServer.Address.Port())

	address := process.FreeAddress(t, l.Address.String())
	url := "nats://" + address
	receiver := system.NewReceiver(t)
	rules, err := filepath.Abs("testdata/rules")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "notifier.yaml")
	if err := os.WriteFile(config, []byte("receivers:\n  - name: test\n    deliver: alerts\n    severity: info\n    webhook: {url: "+receiver.URL+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	programs := process.Build(t, pollerProgram, trackerProgram, correlatorProgram, notifierProgram)
	server := process.Start(t, process.NATS(t, address, t.TempDir()))
	server.WaitReady()
	common := []string{"--server", url, "--log-level", "info"}
	victims := map[string]*process.Process{
		"nats-server": server,
		"tracker":     process.Start(t, process.Spec{Path: programs[trackerProgram], Args: common}),
		"correlator":  process.Start(t, process.Spec{Path: programs[correlatorProgram], Args: append(slices.Clone(common), "--rules", rules, "--learn", time.Duration(learn).String(), "--checkpoint", "3s")}),
		"notifier":    process.Start(t, process.Spec{Path: programs[notifierProgram], Args: append(slices.Clone(common), "--config", config)}),
	}
	for host, roles := range map[*lab.Host]string{web: "web", db: "database"} {
		victims["poller on "+host.Name] = process.Start(t, process.Spec{
			Path: programs[pollerProgram], Within: host.Do,
			Args: append(slices.Clone(common), "--host", host.Name, "--roles", roles, "--interval", "300ms", "--spool", t.TempDir()),
		})
	}
	await(t, "first snapshots", func() bool { return hosts(t, url) == 2 })

	traffic, stop := context.WithCancel(t.Context())
	var background sync.WaitGroup
	defer background.Wait()
	defer stop()
	var mu sync.Mutex
	var held []*lab.Session
	background.Go(func() { // a session that lasts long enough for an alert, again and again
		for traffic.Err() == nil {
			s, err := web.Open(traffic, database)
			if err != nil {
				return
			}
			mu.Lock()
			held = append(held, s)
			mu.Unlock()
			pause(traffic, 4*time.Second)
			s.End(lab.ClientCloses)
		}
	})
	background.Go(func() { web.Repeat(traffic, database, 100*time.Millisecond, lab.ClientCloses) })
	background.Go(func() { web.Repeat(traffic, smb, 2*time.Second, lab.ServerCloses) })

	kills := map[string]int{}
	names := slices.Sorted(maps.Keys(victims))
	for end := time.Now().Add(chaos); time.Now().Before(end); {
		name := names[random.IntN(len(names))]
		victims[name].Kill()
		kills[name]++
		pause(t.Context(), time.Duration(random.IntN(400))*time.Millisecond)
		victims[name].Restart()
		pause(t.Context(), time.Duration(200+random.IntN(800))*time.Millisecond)
	}
	stop()
	background.Wait()
	t.Logf("killed: %v", kills)

	settle(t, url, receiver)
	for name, p := range victims {
		if strings.HasPrefix(name, "poller") {
			p.Stop() // what it sends at its end is to be answered too
		}
	}
	for _, stage := range []struct{ name, input string }{{"tracker", event.StreamSnapshots}, {"correlator", event.StreamConnections}} {
		system.Saved(t, url, stage.name, last(t, url, stage.input))
		victims[stage.name].Stop()
	}
	victims["notifier"].Stop()
	changes := checkChanges(t, url)
	ids := checkFindings(t, url, rules)
	var delivered []string
	for _, a := range receiver.Alerts() {
		delivered = append(delivered, a.ID)
	}
	sort.Strings(delivered)
	if !slices.Equal(delivered, ids) {
		t.Errorf("%d alerts delivered, %d in the stream", len(delivered), len(ids))
	}
	t.Logf("%d messages of changes, %d alerts, %d notifications sent twice under the same id", len(changes), len(ids), receiver.Repeats())
	if len(ids) < 4 {
		t.Errorf("%d alerts: the test has tested little", len(ids))
	}
	checkTruth(t, held, changes)
}

// checkChanges compares what is in CONNECTIONS with what the table makes of
// what is in SNAPSHOTS.
func checkChanges(t *testing.T, url string) []event.Changes {
	t.Helper()
	var want [][]byte
	var wantIDs []string
	tables := map[string]*conntable.Table{}
	var (
		decoder  event.SnapshotDecoder
		snapshot event.Snapshot
		comparer conntable.Comparer
		changes  event.Changes
		encoder  event.ChangesEncoder
	)
	system.Read(t, url, event.StreamSnapshots, func(m jetstream.Msg) {
		if err := decoder.Decode(m.Data(), &snapshot); err != nil {
			t.Fatal(err)
		}
		if tables[snapshot.Host] == nil {
			tables[snapshot.Host] = new(conntable.Table)
		}
		if comparer.Apply(tables[snapshot.Host], &snapshot, lag(t, m), &changes) != conntable.Compared {
			return
		}
		data, err := encoder.Append(nil, &changes)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, data)
		wantIDs = append(wantIDs, snapshot.ID().MessageID(1))
	})
	var gotIDs []string
	got := map[string][]byte{}
	system.Read(t, url, event.StreamConnections, func(m jetstream.Msg) {
		id := m.Headers().Get(jetstream.MsgIDHeader)
		if got[id] != nil {
			t.Errorf("%s is in the stream twice", id)
		}
		got[id] = bytes.Clone(m.Data())
		gotIDs = append(gotIDs, id)
	})
	for i, id := range wantIDs {
		switch {
		case got[id] == nil:
			t.Errorf("%s is missing", id)
		case !bytes.Equal(got[id], want[i]):
			t.Errorf("%s differs from that of an undisturbed run", id)
		}
	}
	if len(gotIDs) != len(wantIDs) {
		t.Errorf("%d messages of changes, want %d", len(gotIDs), len(wantIDs))
	}
	if order := func(ids []string) []string {
		ids = slices.Clone(ids)
		sort.SliceStable(ids, func(i, j int) bool { return ids[i][:2] < ids[j][:2] })
		return ids
	}; !slices.Equal(order(gotIDs), order(wantIDs)) {
		t.Error("a host's changes are not in order")
	}
	return system.Changes(t, url)
}

func lag(t *testing.T, m jetstream.Msg) time.Duration {
	t.Helper()
	meta, err := m.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	var sent int64
	if _, err := fmt.Sscan(m.Headers().Get("Headstart-Sent"), &sent); err != nil {
		t.Fatal(err)
	}
	return meta.Timestamp.Sub(time.Unix(0, sent))
}

// checkFindings compares what is in ALERTS and INCIDENTS with what one
// correlation makes of the changes without being disturbed, and returns the
// alerts' ids in order.
func checkFindings(t *testing.T, url, rules string) []string {
	t.Helper()
	set, err := rule.Load(os.DirFS(rules), rules)
	if err != nil {
		t.Fatal(err)
	}
	undisturbed := detect.New(set, detect.Options{Baseline: baseline.Options{Learning: learn}})
	var wantAlerts, wantIncidents, ids []string
	var decoder event.ChangesDecoder
	system.Read(t, url, event.StreamConnections, func(m jetstream.Msg) {
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		var c event.Changes
		if err := decoder.Decode(m.Data(), &c); err != nil {
			t.Fatal(err)
		}
		out := undisturbed.Apply(&c, meta.Timestamp)
		for _, a := range out.Alerts {
			data, err := event.EncodeAlert(a)
			if err != nil {
				t.Fatal(err)
			}
			ids, wantAlerts = append(ids, a.ID), append(wantAlerts, string(data))
		}
		for _, i := range out.Incidents {
			data, err := event.EncodeIncident(i)
			if err != nil {
				t.Fatal(err)
			}
			wantIncidents = append(wantIncidents, string(data))
		}
	})
	for stream, want := range map[string][]string{event.StreamAlerts: wantAlerts, event.StreamIncidents: wantIncidents} {
		var got []string
		system.Read(t, url, stream, func(m jetstream.Msg) { got = append(got, string(m.Data())) })
		if slices.Equal(got, want) {
			t.Logf("%s: %d messages, as of an undisturbed run", stream, len(got))
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
	sort.Strings(ids)
	if len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Error("an alert is raised twice")
	}
	return ids
}

// checkTruth checks that the bounds of every long session hold the truth,
// where the host was looked at while it was open.
func checkTruth(t *testing.T, held []*lab.Session, changes []event.Changes) {
	t.Helper()
	const slack = 50 * time.Millisecond
	found := 0
	for _, s := range held {
		for i := range changes {
			for _, c := range changes[i].Connections {
				if changes[i].Host != "web-01" || c.Kind != event.Closed || c.LocalPort != s.Local.Port() || c.Remote.Netip() != s.Remote.Addr() {
					continue
				}
				if c.OpenedBefore.Add(slack).Before(s.Opened) || c.ClosedBefore.Add(slack).Before(s.Opened) {
					continue // another connection on the same port
				}
				found++
				if c.OpenedAfter.After(s.Opened.Add(slack)) || c.ClosedAfter.After(s.Ended.Add(slack)) || c.ClosedBefore.Add(slack).Before(s.Ended) {
					t.Errorf("session of %s to %s: bounds (%s, %s] to [%s, %s] by %s", s.Opened, s.Ended, c.OpenedAfter, c.OpenedBefore, c.ClosedAfter, c.ClosedBefore, c.Reason)
				}
			}
		}
	}
	if found < len(held)/2 {
		t.Errorf("%d of %d long sessions were seen", found, len(held))
	}
}

// settle waits until everything that was published has been worked off.
func settle(t *testing.T, url string, receiver *system.Receiver) {
	t.Helper()
	began := time.Now()
	await(t, "a heartbeat of each host after the last kill", func() bool {
		late := map[string]bool{}
		for _, c := range system.Changes(t, url) {
			if c.ObservedAt.After(began.Add(5 * time.Second)) {
				late[c.Host] = true
			}
		}
		return len(late) == 2
	})
	await(t, "as many notifications as alerts", func() bool {
		alerts := 0
		system.Read(t, url, event.StreamAlerts, func(jetstream.Msg) { alerts++ })
		return len(receiver.Alerts()) == alerts
	})
	t.Logf("settled after %s", time.Since(began).Round(time.Second))
}

// last returns the sequence of a stream's last message.
func last(t *testing.T, url, stream string) (sequence uint64) {
	t.Helper()
	system.Read(t, url, stream, func(m jetstream.Msg) {
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		sequence = meta.Sequence.Stream
	})
	return sequence
}

func hosts(t *testing.T, url string) int {
	seen := map[string]bool{}
	for _, c := range system.Changes(t, url) {
		seen[c.Host] = true
	}
	return len(seen)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(90 * time.Second)
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 90 s", what)
		}
	}
}
