package explain_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/rulekit/explain"
	"headstart/term"
)

func address(text string) event.Address { return event.AddressFrom(netip.MustParseAddr(text)) }

// history is a host that is polled every 30 s from three o'clock on. Its clock is
// an hour behind.
type history struct {
	correlation *detect.Engine
	trace       *explain.Trace
	n           int
}

var three = time.Date(2025, 6, 5, 15, 0, 0, 0, time.UTC)

func load(t *testing.T, files map[string]string) *rule.Set {
	t.Helper()
	all := fstest.MapFS{}
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, err := rule.Load(all, "rules")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func begin(t *testing.T, set *rule.Set, id string, s explain.Subject) *history {
	t.Helper()
	h := &history{correlation: detect.New(set, detect.Options{}), trace: explain.New(set, set.Rule(id), s)}
	h.trace.Begin(h.correlation)
	return h
}

// poll applies the next poll of the host.
func (h *history) poll(connections ...event.Connection) {
	const behind = time.Hour
	at := three.Add(time.Duration(h.n)*30*time.Second - behind)
	h.n++
	m := &event.Changes{
		Host: "web-01", BootID: "b", Run: "r", Sequence: uint64(h.n), Part: 1, Parts: 1, Interval: 30 * time.Second,
		ObservedAt: at, ClockOffset: behind, Addresses: []event.Address{address("10.1.1.10")}, Roles: []string{"web"}, Connections: connections,
	}
	if h.n > 1 {
		m.PreviousAt = at.Add(-30 * time.Second)
	}
	for i := range connections {
		c := &connections[i]
		switch c.Kind {
		case event.Closed:
			c.ClosedAfter, c.ClosedBefore = at.Add(-30*time.Second), at
		default:
			c.OpenedAfter, c.OpenedBefore = at.Add(-30*time.Second), at
		}
		c.SeenUntil = at
	}
	h.trace.Applied(h.correlation.Apply(m, at.Add(behind)))
}

func to(n byte, port uint16) event.Connection {
	return event.Connection{
		Kind: event.Opened, ID: event.ConnectionID{0xab, n}, Local: address("10.1.1.10"), LocalPort: 40000 + uint16(n),
		Remote: address(fmt.Sprintf("10.1.5.%d", n)), RemotePort: port, State: event.Established, Direction: event.Outbound, DirectionFrom: event.FromPorts, Inode: uint64(n) + 1,
	}
}

func closed(c event.Connection, after time.Duration) event.Connection {
	c.Kind, c.Reason = event.Closed, event.Gone
	c.OpenedBefore = three.Add(-time.Hour)
	c.OpenedAfter = c.OpenedBefore.Add(-30 * time.Second)
	return c
}

const header = "title: T\nseverity: low\n"

func TestTrace(t *testing.T) {
	files := map[string]string{
		"lists.yaml": "ports: {ssh: [22]}\n",
		"ssh.yaml":   "rule: ssh\n" + header + "when: conn.port in ports.ssh and conn.open\n",
		"long.yaml": "rule: long\n" + header + "when: conn.open\nfor: 1m\nunless:\n" +
			"  - {when: conn.port == 25, owner: her, reason: mail, expires: 2024-01-01}\n" +
			"  - {when: conn.port == 5432, owner: him, reason: reports, expires: 2999-12-31}\n",
		"sweep.yaml": "rule: sweep\n" + header + "when: conn.port == 445\ncount: {by: host.name, of: conn.peer, within: 10m, at_least: 3}\n",
		"then.yaml":  "rule: then\n" + header + "sequence:\n  within: 5m\n  steps:\n    - {when: conn.port == 22, by: host.name}\n    - {when: conn.port == 5432, by: host.name}\n",
		"off.yaml":   "rule: off\n" + header + "enabled: false\nwhen: conn.port == 22\n",
		"gone.yaml":  "rule: gone\n" + header + "absent: {of: poller, for: 15m}\n",
	}
	set := load(t, files)
	for _, tt := range []struct {
		name, rule string
		subject    explain.Subject
		play       func(h *history)
		outcome    explain.Outcome
		because    string
		shows      []string
	}{
		{"a rule that fired", "ssh", explain.Subject{Connection: "AB01"}, func(h *history) { h.poll(); h.poll(to(1, 22), to(2, 443)) },
			explain.Fired, "at 2025-06-05 15:00:30, alert ", []string{"web-01 -> 10.1.5.1:22", "✓ conn.port in ports.ssh  (conn.port is 22, ports.ssh is [22])  4:7", "alert "}},
		{"one that did not", "ssh", explain.Subject{Connection: "ab02"}, func(h *history) { h.poll(); h.poll(to(1, 22), to(2, 443)) },
			explain.NotFired, "conn.port in ports.ssh was false (443)", []string{"ssh did not fire: conn.port in ports.ssh was false (443)\n", "✗ conn.port in ports.ssh"}},
		{"the closest of several", "ssh", explain.Subject{Host: "web-01"}, func(h *history) { h.poll(); h.poll(to(1, 23), to(2, 443)); h.poll(closed(to(1, 23), 0)) },
			explain.NotFired, "conn.port in ports.ssh was false (23)", []string{"2  did not fire  conn.port in ports.ssh was false"}},
		{"one that waited long enough", "long", explain.Subject{Connection: "ab"}, func(h *history) { h.poll(); h.poll(to(1, 22)); h.poll(); h.poll(); h.poll() },
			explain.Fired, "at 2025-06-05 15:01:30, alert ", []string{"waits 1m", "… for: 1m  (conn.age.min is 0s)", "evaluated again as the connection got older"}},
		{"one that waited in vain", "long", explain.Subject{Connection: "ab"}, func(h *history) { h.poll(); h.poll(to(1, 22)); h.poll(closed(to(1, 22), time.Minute)) },
			explain.Waited, "for: 1m was not reached; the connection ended after ", []string{"long did not fire"}},
		{"one that an exception suppresses", "long", explain.Subject{Connection: "ab"}, func(h *history) { h.poll(); h.poll(to(1, 5432)); h.poll(); h.poll(); h.poll() },
			explain.Suppressed, "suppressed by an exception of him: reports; it is valid until 2999-12-31",
			[]string{"unless (her: mail; expired, not evaluated; was valid until 2024-01-01)", "unless (him: reports; valid until 2999-12-31)"}},
		{"a count that is short", "sweep", explain.Subject{Connection: "ab02"}, func(h *history) { h.poll(); h.poll(to(1, 445)); h.poll(to(2, 445)) },
			explain.Matched, "it matched, but 2 of 3 distinct values of web-01 came together within 10m",
			[]string{"window of web-01: 2 of 3 within 10m", "15:00:30  web-01 -> 10.1.5.1:445  ab01", "key: host.name is \"web-01\", conn.peer is 10.1.5.2"}},
		{"a count of which it is a part", "sweep", explain.Subject{Connection: "ab01"}, func(h *history) { h.poll(); h.poll(to(1, 445)); h.poll(to(2, 445), to(3, 445)) },
			explain.Fired, "it is part of alert ", nil},
		{"a count that it completes", "sweep", explain.Subject{Connection: "ab03"}, func(h *history) { h.poll(); h.poll(to(1, 445)); h.poll(to(2, 445), to(3, 445)) },
			explain.Fired, "at 2025-06-05 15:01:00, alert ", []string{", of 3\n      15:00:30  10.1.1.10 -> 10.1.5.1:445"}},
		{"a sequence without its first step", "then", explain.Subject{Connection: "ab01"}, func(h *history) { h.poll(); h.poll(to(1, 5432)) },
			explain.Matched, "it matched, but 1 of 2 steps of web-01 came together within 5m", []string{"step 1 does not hold", "step 2 holds"}},
		{"a sequence of which no step holds", "then", explain.Subject{Connection: "ab01"}, func(h *history) { h.poll(); h.poll(to(1, 80)) },
			explain.NotFired, "the condition of no step held; of step 1 conn.port == 22 was false (80)", nil},
		{"a rule that is not enabled", "off", explain.Subject{Connection: "ab01"}, func(h *history) { h.poll(); h.poll(to(1, 22)) },
			explain.Fired, "its condition held at 2025-06-05 15:00:30", []string{"off would have fired: ", "The rule is not enabled"}},
		{"a host that went on reporting", "gone", explain.Subject{Host: "web-01"}, func(h *history) { h.poll(); h.poll(to(1, 22)) },
			explain.NotFired, "nothing was missing: the host went on reporting, or was not silent for long enough", nil},
		{"nothing like that", "ssh", explain.Subject{Host: "web-01", Peer: "10.1.5.1", Port: 2222}, func(h *history) { h.poll(); h.poll(to(1, 22), to(2, 22)) },
			explain.NotFired, "there is no such connection in the history", []string{"Closest to the connections of web-01 with 10.1.5.1 on port 2222:\n  ab01"}},
		{"an empty history", "ssh", explain.Subject{Host: "web-01"}, func(h *history) {}, explain.NotFired, "the history is empty", nil},
		{"not yet at that time", "ssh", explain.Subject{Host: "web-01", To: three}, func(h *history) { h.poll(); h.poll(to(1, 22)) },
			explain.NotFired, "there is no such connection in the history", []string{"Closest to the connections of web-01 until 2025-06-05 15:00:00"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := begin(t, set, tt.rule, tt.subject)
			tt.play(h)
			r := h.trace.Report(3)
			text := r.Text(term.Page{})
			if r.Outcome != tt.outcome || !strings.HasPrefix(r.Because, tt.because) {
				t.Errorf("got %s: %s\nwant %s: %s\n%s", r.Outcome, r.Because, tt.outcome, tt.because, text)
			}
			for _, want := range tt.shows {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
		})
	}
}

// TestTraceIsBounded asks about thousands of connections. All are counted, and
// those on which the rule came furthest are kept, whenever they came.
func TestTraceIsBounded(t *testing.T) {
	set := load(t, map[string]string{"a.yaml": "rule: a\n" + header + "when: conn.open and conn.port == 22 and conn.local_port > 1\n"})
	h := begin(t, set, "a", explain.Subject{Host: "web-01"})
	h.poll()
	const polls, each = 30, 200
	for n := range polls {
		var all []event.Connection
		for i := range each {
			c := to(byte(i), 80)
			c.ID = event.ConnectionID{byte(n), byte(i)}
			if n == polls/2 && i == 7 {
				c.RemotePort = 22
			}
			all = append(all, c)
		}
		h.poll(all...)
	}
	r := h.trace.Report(1000)
	if r.Connections != polls*each || r.Outcome != explain.Fired || len(r.Cases) > 200 {
		t.Errorf("%d connections, %s, %d kept", r.Connections, r.Outcome, len(r.Cases))
	}
	sum := 0
	for _, c := range r.Counts {
		sum += c.Number
	}
	if sum != polls*each || r.Counts[0] != (explain.Count{Outcome: explain.Fired, Number: 1}) {
		t.Errorf("counts %+v", r.Counts)
	}
}
