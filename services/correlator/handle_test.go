package correlator

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/bus"
	"headstart/daemon"
	"headstart/detect"
	"headstart/event"
)

var noon = time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)

// bench is a correlator without a server: messages go in, work comes out.
type bench struct {
	*correlator
	t         *testing.T
	files     fstest.MapFS
	options   Options
	clock     func() time.Duration // by which rules are measured; nil: they are not
	log       journal
	sequence  uint64
	messages  []bus.Message
	heartbeat map[string]*event.Changes // the last message of each host
}

func newBench(t *testing.T, conditions map[string]string) *bench {
	t.Helper()
	b := &bench{t: t, files: fstest.MapFS{}, heartbeat: map[string]*event.Changes{}}
	for id, when := range conditions {
		b.files[id+".yaml"] = &fstest.MapFile{Data: []byte(ruleFile(id, when))}
	}
	b.options = Options{Default: b.files, Log: slog.New(slog.NewTextHandler(&b.log, nil)), Telemetry: daemon.NewTelemetry(), MaxHosts: 3}
	b.restart()
	return b
}

// restart makes a correlator that remembers nothing.
func (b *bench) restart() {
	b.t.Helper()
	rules, err := openRules(b.options, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.correlator = &correlator{
		reporter: newReporter(rules, nil, "test"), failures: map[string]int{}, budget: b.options.RuleBudget,
		log: b.options.Log, rules: rules, set: rules.current(), metrics: newMetrics(b.options.Telemetry.Metrics), maxHosts: b.options.MaxHosts, every: DefaultCheckpoint,
		engine: detect.New(rules.current().Set, detect.Options{MaxHosts: b.options.MaxHosts, Clock: b.clock}),
	}
}

// says adds a message of a host to the batch, thirty seconds after its last.
func (b *bench) says(host string, change func(c *event.Changes)) {
	b.t.Helper()
	c := &event.Changes{Host: host, BootID: "b", Run: "r", ObservedAt: noon, Roles: []string{"web"}}
	if last := b.heartbeat[host]; last != nil {
		*c = *last
		c.PreviousAt, c.ObservedAt = c.ObservedAt, c.ObservedAt.Add(30*time.Second)
	}
	c.Sequence++
	c.Part, c.Parts, c.Connections = 1, 1, nil
	if change != nil {
		change(c)
	}
	b.heartbeat[host] = c
	data, err := new(event.ChangesEncoder).Append(nil, c)
	if err != nil {
		b.t.Fatal(err)
	}
	b.arrives(event.ConnectionSubject(host), data, c.StreamTime(c.ObservedAt))
}

func (b *bench) arrives(subject string, data []byte, at time.Time) {
	b.sequence++
	b.messages = append(b.messages, bus.Message{Subject: subject, Data: data, Sequence: b.sequence, StoredAt: at})
}

// batch handles what has arrived.
func (b *bench) batch() bus.Work {
	b.t.Helper()
	work, err := b.handle(b.t.Context(), b.messages)
	if err != nil {
		b.t.Fatal(err)
	}
	b.messages = nil
	return work
}

// alerts reads the alerts of a batch.
func (b *bench) alerts(work bus.Work) (all []*event.Alert) {
	b.t.Helper()
	for _, o := range work.Outputs {
		if !strings.HasPrefix(o.Subject, "alert.") {
			continue
		}
		a, err := event.DecodeAlert(o.Data)
		if err != nil {
			b.t.Fatal(err)
		}
		if o.ID != a.ID || o.Subject != event.AlertSubject(a.Severity, a.Rule) {
			b.t.Errorf("alert %s of rule %s is on subject %s under the id %s", a.ID, a.Rule, o.Subject, o.ID)
		}
		all = append(all, a)
	}
	return all
}

func (b *bench) metric(line string) {
	b.t.Helper()
	var shown bytes.Buffer
	b.options.Telemetry.Metrics.WritePrometheus(&shown)
	if !strings.Contains(shown.String(), line+"\n") {
		b.t.Errorf("metrics lack %q:\n%s", line, shown.String())
	}
}

func address(text string) event.Address { return event.AddressFrom(netip.MustParseAddr(text)) }

// opens makes a connection of a message.
func opens(id byte, remote string, port uint16) func(c *event.Changes) {
	return func(c *event.Changes) {
		c.Connections = append(c.Connections, event.Connection{
			Kind: event.Opened, ID: event.ConnectionID{id}, State: event.Established, UID: 33, Inode: 77,
			Direction: event.Outbound, DirectionFrom: event.FromPorts,
			Local: address("10.1.1.10"), LocalPort: 40000, Remote: address(remote), RemotePort: port,
			OpenedAfter: c.PreviousAt, OpenedBefore: c.ObservedAt, SeenUntil: c.ObservedAt,
		})
	}
}

func TestAlertTimesAreOnTheStreamsClock(t *testing.T) {
	b := newBench(t, map[string]string{"long": "conn.port == 5432\nfor: 30s\nattack: [T1213]\nguide: Look.\ndescription: Long."})
	hourBehind := func(c *event.Changes) { c.ClockOffset = time.Hour }
	b.says("web-01", hourBehind)
	b.says("web-01", opens(1, "10.1.2.20", 5432))
	b.says("web-01", nil)
	work := b.batch()
	all := b.alerts(work)
	if len(all) != 1 {
		t.Fatalf("%d alerts", len(all))
	}
	a, at := all[0], noon.Add(time.Hour)
	if a.Rule != "long" || a.Title != "T" || a.Guide != "Look." || a.Description != "Long." || !slices.Equal(a.Attack, []string{"T1213"}) || a.Severity != event.Low {
		t.Errorf("of the rule: %+v", a)
	}
	if a.Host != "web-01" || !slices.Equal(a.Roles, []string{"web"}) || a.Snapshot != "web-01/b/r/3" {
		t.Errorf("of the host: %+v", a)
	}
	if !a.At.Equal(at.Add(time.Minute)) || work.Outputs[0].Source != 3 {
		t.Errorf("at %s, from message %d", a.At, work.Outputs[0].Source)
	}
	c := a.Connection
	if c.Port != 5432 || c.Source != address("10.1.1.10") || c.Destination != address("10.1.2.20") || c.UID != 33 || c.Direction != event.Outbound ||
		!c.OpenedAfter.Equal(at) || !c.OpenedBefore.Equal(at.Add(30*time.Second)) ||
		time.Duration(c.AgeMin) != 30*time.Second || c.AgeMax == nil || time.Duration(*c.AgeMax) != time.Minute {
		t.Errorf("of the connection: %+v", c)
	}
	if len(a.Evidence) != 2 || !a.Evidence[0].At.Equal(c.OpenedBefore) || !a.Evidence[1].At.Equal(a.At) {
		t.Fatalf("evidence: %+v", a.Evidence)
	}
	if row := a.Evidence[0].Row; row == nil || row.Local != "10.1.1.10:40000" || row.Remote != "10.1.2.20:5432" || row.Inode != 77 {
		t.Errorf("row: %+v", row)
	}
	if a.Peer == nil || !a.Peer.Internal || a.Peer.Host != "" || a.Peer.Address != address("10.1.2.20") {
		t.Errorf("peer: %+v", a.Peer)
	}
	b.metric(`headstart_alerts_total{rule="long",severity="low"} 1`)
}

func TestListeningPortHasNoPeer(t *testing.T) {
	b := newBench(t, map[string]string{"listens": `conn.event == "listening"`})
	b.says("web-01", func(c *event.Changes) {
		c.Connections = []event.Connection{{
			Kind: event.Listening, ID: event.ConnectionID{1}, State: event.Listen, LocalPort: 4444,
			OpenedBefore: c.ObservedAt, SeenUntil: c.ObservedAt,
		}}
	})
	all := b.alerts(b.batch())
	if len(all) != 1 || all[0].Peer != nil || all[0].Connection.Port != 4444 || len(all[0].Evidence) != 1 {
		t.Fatalf("%+v", all)
	}
}

func TestOneHostsWordIsKnownToTheNext(t *testing.T) {
	b := newBench(t, map[string]string{"database": `peer.known and "database" in peer.roles`})
	dataServer := func(c *event.Changes) {
		c.Roles, c.Addresses = []string{"database"}, []event.Address{address("10.1.2.20")}
	}
	b.says("web-01", opens(1, "10.1.2.20", 5432))
	b.says("db-01", dataServer)
	b.says("web-01", opens(2, "10.1.2.20", 5432))
	b.says("web-02", func(c *event.Changes) { c.Addresses = []event.Address{address("10.1.2.20")} })
	b.says("web-01", opens(3, "10.1.2.20", 5432))
	all := b.alerts(b.batch())
	if len(all) != 1 || all[0].Connection.ID != (event.ConnectionID{2}) {
		t.Fatalf("%d alerts, want one: before db-01 spoke nothing was known, after web-02 did the address is contested", len(all))
	}
	if p := all[0].Peer; p == nil || p.Host != "db-01" || !slices.Equal(p.Roles, []string{"database"}) {
		t.Errorf("peer %+v", p)
	}
	b.metric("headstart_correlator_hosts 3")
	b.metric("headstart_correlator_contested_addresses 1")
}

func TestMessageThatCannotBeHandledStopsNoOther(t *testing.T) {
	b := newBench(t, map[string]string{"any": "conn.open"})
	b.says("web-01", opens(1, "10.1.2.20", 5432))
	b.arrives("connection.web-01", []byte("no msgpack"), noon)
	b.says("web-02", opens(2, "10.1.2.20", 5432))
	b.messages[2].Subject = "connection.web-01"
	b.says("web-03", opens(3, "10.1.2.20", 5432))
	b.says("web-04", nil)
	b.says("web-05", opens(5, "10.1.2.20", 5432))
	b.says("web-01", opens(6, "10.1.2.20", 5432))
	work := b.batch()
	var dead []event.DeadLetter
	for _, o := range work.Outputs {
		if o.Subject != "deadletter.correlator" {
			continue
		}
		var d event.DeadLetter
		if err := json.Unmarshal(o.Data, &d); err != nil {
			t.Fatal(err)
		}
		dead = append(dead, d)
	}
	want := []struct {
		sequence uint64
		reason   string
	}{{2, "decode changes"}, {3, `host "web-02" on subject connection.web-01`}, {6, "more than 3 hosts (--max-hosts)"}}
	if len(dead) != len(want) {
		t.Fatalf("%d dead letters, want %d: %+v", len(dead), len(want), dead)
	}
	for i, w := range want {
		if dead[i].Sequence != w.sequence || !strings.Contains(dead[i].Reason, w.reason) || dead[i].Stream != event.StreamConnections {
			t.Errorf("dead letter %d: %+v, want message %d and %q", i, dead[i], w.sequence, w.reason)
		}
	}
	if n := len(b.alerts(work)); n != 3 {
		t.Errorf("%d alerts of the three sound messages with a connection", n)
	}
	b.metric("headstart_correlator_undecodable_total 3")
}

func TestSuppressedAndFailingRulesRaiseNoAlert(t *testing.T) {
	b := newBench(t, map[string]string{
		"muted": "conn.open\nunless: [{when: conn.uid == 33, owner: o, reason: r, expires: 2025-12-31}]",
		"fails": "conn.port % (conn.uid - 33) == 0",
	})
	b.says("web-01", opens(1, "10.1.2.20", 5432))
	if all := b.alerts(b.batch()); len(all) != 0 {
		t.Fatalf("%d alerts", len(all))
	}
	b.metric(`headstart_rule_suppressed_total{rule="muted"} 1`)
	b.metric(`headstart_rule_failures_total{rule="fails"} 1`)
	if !strings.Contains(b.log.String(), "divide by zero") {
		t.Errorf("the log doesn't say why:\n%s", b.log.String())
	}
}

func TestSilentHostIsForgottenAfterAMonth(t *testing.T) {
	b := newBench(t, map[string]string{"port": "conn.port == 5432"})
	b.says("web-01", opens(1, "10.1.2.20", 5432))
	b.says("web-02", nil)
	b.batch()
	b.says("web-02", func(c *event.Changes) { c.ObservedAt = noon.Add(29 * 24 * time.Hour) })
	b.batch()
	b.metric("headstart_correlator_hosts 2")
	b.says("web-02", func(c *event.Changes) { c.ObservedAt = noon.Add(31 * 24 * time.Hour) })
	b.batch()
	b.metric("headstart_correlator_hosts 1")
}

// checkpointOf returns the checkpoint among the states of a batch.
func checkpointOf(t *testing.T, work bus.Work) []byte {
	t.Helper()
	if len(work.States) != 1 || work.States[0].Key != checkpointKey {
		t.Fatalf("states %+v", work.States)
	}
	return work.States[0].Value
}

func TestCheckpointCoversAppliedMessages(t *testing.T) {
	b := newBench(t, map[string]string{"port": "conn.port == 5432"})
	b.says("web-01", nil)
	if work := b.batch(); len(work.States) != 0 {
		t.Fatal("a checkpoint with the first message")
	}
	b.says("web-01", func(c *event.Changes) {
		c.ObservedAt = noon.Add(DefaultCheckpoint)
		opens(1, "10.1.2.20", 5432)(c)
	})
	work := b.batch()
	saved, err := decodeCheckpoint(checkpointOf(t, work))
	if err != nil || len(b.alerts(work)) != 1 || saved.position.Sequence != 2 {
		t.Fatalf("%+v, %v", saved.position, err)
	}
	b.restart()
	if err := b.engine.Restore(saved.data); err != nil {
		t.Fatal(err)
	}
	b.correlator.saved, b.appliedTo = saved, saved.position
	b.says("web-01", opens(1, "10.1.2.20", 5432))
	b.messages[0].Sequence = 2 // again, after a crash before the position was saved
	if work := b.batch(); len(work.Outputs) != 0 {
		t.Errorf("a message that the checkpoint stands for gives %+v", work.Outputs)
	}
	b.says("web-01", func(c *event.Changes) {
		opens(1, "10.1.2.20", 5432)(c)
		one := &c.Connections[0]
		one.Kind, one.Reason, one.ClosedAfter, one.ClosedBefore = event.Closed, event.ResetOrUnknown, c.PreviousAt, c.ObservedAt
	})
	if all := b.alerts(b.batch()); len(all) != 0 {
		t.Errorf("the rule fires again on the connection: %+v", all[0])
	}
}

func TestClockAheadExpiresNothing(t *testing.T) {
	b := newBench(t, map[string]string{"port": "conn.port == 5432"})
	b.says("web-01", nil)
	b.batch()
	b.says("web-02", func(c *event.Changes) { c.ObservedAt = noon.Add(10 * 365 * 24 * time.Hour) })
	b.messages[0].StoredAt = noon.Add(time.Minute)
	b.batch()
	b.metric("headstart_correlator_hosts 2")
}

func TestCheckpointThatIsUnusableIsAnError(t *testing.T) {
	if _, err := decodeCheckpoint([]byte("short")); err == nil {
		t.Error("five bytes are a checkpoint")
	}
	b := newBench(t, map[string]string{"port": "conn.port == 5432"})
	for name, data := range map[string][]byte{"nothing": nil, "not packed": []byte("nothing of ours")} {
		if err := b.engine.Restore(data); err == nil {
			t.Errorf("%s is a state", name)
		}
	}
}

func TestNewRulesAreActiveWithTheNextBatch(t *testing.T) {
	b := newBench(t, map[string]string{"port": "conn.port == 5432\nfor: 1h"})
	b.says("web-01", opens(1, "10.1.2.20", 5432))
	b.batch()
	b.files["port.yaml"] = &fstest.MapFile{Data: []byte(ruleFile("port", "conn.port == 5432\nfor: 1m"))}
	other, err := openRules(b.options, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.rules.activate(other.current())
	b.says("web-01", nil)
	b.says("web-01", nil)
	all := b.alerts(b.batch())
	if len(all) != 1 || all[0].Snapshot != "web-01/b/r/3" {
		t.Fatalf("%+v", all)
	}
}

func TestMaxHostsIsChecked(t *testing.T) {
	err := Run(t.Context(), Options{MaxHosts: 0})
	if usage := (*daemon.UsageError)(nil); !errors.As(err, &usage) || !strings.Contains(err.Error(), "--max-hosts") {
		t.Errorf("%v", err)
	}
}
