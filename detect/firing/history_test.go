package firing_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"headstart/detect/firing"
	"headstart/detect/rule"
	"headstart/event"
)

// FuzzWatch holds the watch to what it promises, over histories of a host that
// the fuzzer writes: connections, attempts and ports that come and go, steps of
// the clock, messages in parts and twice, restarts, and rules that change.
func FuzzWatch(f *testing.F) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		data := make([]byte, 300)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		f.Add(data)
	}
	sets := []history{
		{set: loadRules(f, map[string]string{
			"port": "conn.port == 445", "long": "conn.open\nfor: 45s", "older": `conn.open and conn.age.min >= duration("45s")`, "silent": "conn.attempted\nfor: 40s", "ended": "conn.closed",
			"listens": `conn.event == "listening"`, "muted": "conn.uid == 33\nunless: [{when: conn.port == 445, owner: o, reason: r, expires: 2026-01-01}]",
		}), long: 45 * time.Second},
		{set: loadRules(f, map[string]string{
			"long": "conn.open\nfor: 100s", "older": `duration("100s") <= conn.age.min and conn.open`,
			"ended": "conn.closed", "listens": "conn.event == \"listening\"\nfor: 1m", "port": "conn.open",
			"steps": "sequence: {within: 1h, steps: [{when: conn.attempted, by: conn.port}, {when: conn.open, by: conn.port, for: 40s}, {when: conn.closed, by: conn.port}]}",
		}), long: 100 * time.Second},
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			return
		}
		h := sets[0]
		h.watcher, h.host, h.fired = firing.NewRules(h.set), new(firing.Host), map[firingKey]bool{}
		for _, b := range data {
			switch op, n := b%16, int(b/16); op {
			case 0, 1, 2:
				h.flush(t, time.Duration(1+n)*5*time.Second)
			case 3, 4:
				h.begin(event.Attempted, uint16(443+n%4))
			case 5, 6, 7:
				h.begin(event.Opened, uint16(443+n%4))
			case 8:
				h.begin(event.Listening, uint16(443+n%4))
			case 9:
				h.answer(n)
			case 10, 11, 12:
				h.end(n)
			case 13:
				h.flush(t, 5*time.Second)
				h.wall += time.Duration(n-8) * 7 * time.Hour
			case 14:
				h.restart(t)
			case 15:
				other := sets[n%len(sets)]
				h.set, h.long, h.watcher = other.set, other.long, firing.NewRules(other.set)
			}
		}
		h.flush(t, time.Second)
		for len(h.live) > 0 {
			h.end(0)
		}
		h.flush(t, time.Second)
		h.attempts = nil
		h.flush(t, 10*time.Minute)
		if h.host.Len() != 0 {
			t.Fatalf("%d remembered of a host on which everything has ended", h.host.Len())
		}
	})
}

// history is a host as it truly is. Times are since its boot.
type history struct {
	set     *rule.Set
	long    time.Duration // of the rules long and older in that set
	watcher *firing.Rules
	host    *firing.Host

	now, before    time.Duration
	wall           time.Duration // what the clock is ahead
	sequence       uint64
	born           uint64
	live, attempts []*truth
	changes        []func(c *event.Changes) // of the next message
	last           *event.Changes
	fired          map[firingKey]bool
}

// truth is a connection.
type truth struct {
	event.Connection               // but for the times
	opened           time.Duration // first seen
}

type firingKey struct {
	rule       string
	part       int
	connection event.ConnectionID
}

func (h *history) at(uptime time.Duration) time.Time { return noon.Add(h.wall + uptime) }

func (h *history) begin(kind event.Kind, port uint16) {
	h.born++
	c := &truth{Connection: event.Connection{
		Kind: kind, Local: event.AddressFrom4(0x0a000005), LocalPort: uint16(h.born), UID: uint32(port % 2 * 33),
		Remote: event.AddressFrom4(0x0a000009), RemotePort: port, Direction: event.Outbound, DirectionFrom: event.FromPorts,
	}}
	binary.BigEndian.PutUint64(c.ID[:], h.born)
	switch kind {
	case event.Listening:
		c.State, c.Direction, c.DirectionFrom = event.Listen, 0, 0
	case event.Attempted:
		c.State = event.SynSent
	default:
		c.State = event.Established
	}
	h.changes = append(h.changes, func(m *event.Changes) {
		c.opened = h.now
		h.say(m, c, nil)
	})
	if kind == event.Attempted {
		h.attempts = append(h.attempts, c)
	} else {
		h.live = append(h.live, c)
	}
}

// answer makes a connection of an attempt that isn't too old for that.
func (h *history) answer(n int) {
	if len(h.attempts) == 0 {
		return
	}
	n %= len(h.attempts)
	c := h.attempts[n]
	h.attempts = append(h.attempts[:n], h.attempts[n+1:]...)
	if c.opened == 0 || h.now-c.opened > 2*time.Minute {
		return
	}
	h.changes = append(h.changes, func(m *event.Changes) {
		c.Kind, c.State, c.opened = event.Opened, event.Established, h.now
		h.say(m, c, nil)
	})
	h.live = append(h.live, c)
}

func (h *history) end(n int) {
	if len(h.live) == 0 {
		return
	}
	exact := n%2 == 0
	n %= len(h.live)
	c := h.live[n]
	h.live = append(h.live[:n], h.live[n+1:]...)
	h.changes = append(h.changes, func(m *event.Changes) {
		ended := *c
		ended.Kind = event.StoppedListening
		from, to := h.before, h.now
		if c.Kind == event.Opened {
			ended.Kind, ended.Reason = event.Closed, event.ResetOrUnknown
			if exact {
				ended.State, ended.Reason = event.TimeWait, event.TimedWait
				from = max(h.now-2*time.Second, c.opened)
				to = from
			}
		}
		h.say(m, &ended, &[2]time.Time{h.at(max(from, c.opened)), h.at(max(to, c.opened))})
	})
}

func (h *history) say(m *event.Changes, c *truth, ended *[2]time.Time) {
	one := c.Connection
	one.OpenedBefore, one.SeenUntil = h.at(c.opened), h.at(h.now)
	if c.opened > 0 {
		one.OpenedAfter = h.at(h.before)
	}
	if ended != nil {
		one.ClosedAfter, one.ClosedBefore, one.SeenUntil = ended[0], ended[1], ended[0]
	}
	m.Connections = append(m.Connections, one)
}

// flush sends what has changed, in two parts where that works, and checks what
// is found.
func (h *history) flush(t *testing.T, after time.Duration) {
	h.before, h.now = h.now, h.now+after
	h.sequence++
	m := &event.Changes{Host: "h", BootID: "b", Run: "r", Sequence: h.sequence, ObservedAt: h.at(h.now), Part: 1, Parts: 1}
	if h.sequence > 1 {
		m.PreviousAt = h.at(h.before)
	}
	for _, change := range h.changes {
		change(m)
	}
	h.changes = nil
	if all := m.Connections; len(all) > 3 {
		m.Connections, m.Parts = all[:2], 2
		h.watch(t, m)
		m.Connections, m.Part = all[2:], 2
	}
	h.watch(t, m)
	for _, c := range h.live {
		for _, rule := range []string{"long", "older"} {
			if c.Kind == event.Opened && h.now-c.opened >= h.long && !h.fired[firingKey{rule, 0, c.ID}] {
				t.Fatalf("connection %x is %s old: rule %s should have fired", c.ID, h.now-c.opened, rule)
			}
		}
	}
}

func (h *history) watch(t *testing.T, m *event.Changes) {
	findings, _, _ := h.watcher.Evaluate(h.host, m, self, nobody)
	for _, f := range findings {
		if f.Err != nil {
			t.Fatal(f.Err)
		}
		if f.Suppressed != nil {
			continue
		}
		what := firingKey{f.Rule.ID, f.Part, f.Connection.ID}
		if h.fired[what] {
			t.Fatalf("part %d of rule %s fires again on connection %x", what.part, what.rule, what.connection)
		}
		h.fired[what] = true
		want := f.Rule.For
		if f.Rule.ID == "older" {
			want = h.long
		}
		if f.Rule.Sequence != nil {
			want = f.Rule.Sequence.Steps[f.Part].For
			if f.By == "" {
				t.Fatalf("rule %s fires on connection %x without a key", what.rule, what.connection)
			}
		}
		if least, _ := f.Connection.Age(m.ObservedAt); least < want {
			t.Fatalf("rule %s fires when connection %x is proved to be %s old, want %s", what.rule, what.connection, least, want)
		}
	}
	h.last = m
	if findings, changed, _ := h.watcher.Evaluate(h.host, m, self, nobody); changed || len(findings) > 0 {
		t.Fatalf("the same message again: %d findings", len(findings))
	}
}

func (h *history) restart(t *testing.T) {
	if h.last == nil {
		return
	}
	var codec firing.Codec
	saved := must(t)(codec.Save(h.host, h.last))
	var err error
	if h.host, _, err = codec.Restore(saved); err != nil {
		t.Fatal(err)
	}
}
