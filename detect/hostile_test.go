package detect_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/incident"
	"headstart/detect/rule"
	"headstart/event"
)

// caps are small, so that a hostile history reaches them.
var caps = detect.Options{
	MaxHosts: 40, Baseline: baseline.Options{Learning: 24 * time.Hour, MaxEdges: 300, MaxOfOne: 50}, Incident: incident.Options{MaxActive: 20},
}

// mostOfRule is how many matches of one rule are remembered: see pattern.Limits.
const mostOfRule = 100_000

// hostile turns bytes into messages: what decodes is applied, whatever it says.
type hostile struct {
	bytes []byte
	codec struct {
		event.ChangesEncoder
		event.ChangesDecoder
	}
	names int // of hosts
	told  uint64
}

func (h *hostile) byte() byte {
	if len(h.bytes) == 0 {
		return 0
	}
	b := h.bytes[0]
	h.bytes = h.bytes[1:]
	return b
}

func (h *hostile) number() int64 {
	var b [8]byte
	for i := range b {
		b[i] = h.byte()
	}
	return int64(binary.LittleEndian.Uint64(b[:]))
}

// time is near a time, far from it, nothing, or as far as times go.
func (h *hostile) time(near time.Time) time.Time {
	switch b := h.byte(); {
	case b < 150:
		return near.Add(time.Duration(h.byte()) * time.Second)
	case b < 200:
		return near.Add(-time.Duration(h.byte()) * 37 * time.Minute)
	case b < 220:
		return near.Add(time.Duration(h.number()))
	case b < 240:
		return time.Time{}
	}
	return time.Unix(0, h.number())
}

// address is one of a few hosts', of a network that is close, or any.
func (h *hostile) address() event.Address {
	switch b := h.byte(); {
	case b < 100:
		return event.AddressFrom4(0x0a010000 + uint32(b)%16)
	case b < 200:
		return event.AddressFrom4(0x0a020000 + uint32(h.byte())<<8 + uint32(h.byte()))
	case b < 230:
		return event.AddressFrom4(uint32(h.number()))
	case b < 240:
		return event.Address{}
	}
	return event.Address{Hi: uint64(h.number()), Lo: uint64(h.number())}
}

func (h *hostile) port() uint16 {
	if b := h.byte(); b < 200 {
		return []uint16{22, 445, 3389, 5985, 135, 5432, 443, 40000}[b%8]
	}
	return uint16(h.byte())<<8 | uint16(h.byte())
}

func (h *hostile) connection(now time.Time) event.Connection {
	c := event.Connection{
		Kind: event.Kind(1 + h.byte()%5), Local: h.address(), Remote: h.address(), LocalPort: h.port(), RemotePort: h.port(),
		State: event.State(1 + h.byte()%12), Retransmits: h.byte(), UID: uint32(h.byte()), Inode: uint64(h.byte()),
		Direction: event.Direction(h.byte() % 3), DirectionFrom: event.DirectionSource(h.byte() % 4), Reason: event.Reason(h.byte() % 6),
		OpenedAfter: h.time(now), OpenedBefore: h.time(now), SeenUntil: h.time(now),
	}
	if h.byte() < 100 {
		c.ClosedAfter, c.ClosedBefore = h.time(now), h.time(now)
	}
	binary.LittleEndian.PutUint16(c.ID[:], uint16(h.byte())|uint16(h.byte())<<8)
	return c
}

// message returns the next message as it comes out of the stream, false when
// the codec refuses it.
func (h *hostile) message(now time.Time) (m message, ok bool) {
	h.told++
	c := event.Changes{
		Host: fmt.Sprintf("host-%d", (int(h.byte())<<8|int(h.byte()))%h.names), BootID: fmt.Sprint(h.byte() / 100), Run: fmt.Sprint(h.byte() / 100),
		Sequence: h.told - min(h.told, uint64(h.byte()/240)), ObservedAt: h.time(now), PreviousAt: h.time(now), Interval: time.Duration(h.byte()) * time.Second,
		Missed: uint64(h.byte() / 200), Part: 1, Parts: 1 + uint16(h.byte()/250),
	}
	if h.byte() > 240 {
		c.Sequence, c.Interval, c.ClockOffset = uint64(h.number()), time.Duration(h.number()), time.Duration(h.number())
	}
	for range h.byte() % 4 {
		c.Addresses = append(c.Addresses, h.address())
	}
	for range h.byte() % 3 {
		c.Roles = append(c.Roles, []string{"web", "workstation", "bastion", "\x00", "database"}[h.byte()%5])
	}
	for range h.byte() % 24 {
		c.Connections = append(c.Connections, h.connection(now))
	}
	data, err := h.codec.Append(nil, &c)
	if err != nil {
		return m, false
	}
	m.storedAt = now
	return m, h.codec.Decode(data, &m.changes) == nil
}

// checkSizes holds what is remembered within the caps.
func checkSizes(t *testing.T, set *rule.Set, c *detect.Engine) {
	t.Helper()
	s := c.Sizes()
	if s.Hosts > caps.MaxHosts || s.Edges > caps.Baseline.MaxEdges || s.Incidents > caps.Incident.MaxActive ||
		s.Contested > caps.MaxHosts*event.MaxAddresses || s.Windows > mostOfRule*len(set.Rules) {
		t.Fatalf("more than the caps allow: %+v", s)
	}
}

// TestHostileHistoriesStayWithinTheCaps applies what no tracker would say, of
// thousands of hosts, and restores what was saved of it. With the pack there are
// incidents, and little is learnt from hosts in one; without rules all is.
func TestHostileHistoriesStayWithinTheCaps(t *testing.T) {
	t.Parallel()
	pack := defaultSet(t)
	none, err := rule.Load(fstest.MapFS{"none.yaml": {Data: []byte("rule: none\ntitle: T\nseverity: low\nwhen: conn.port == 0\n")}}, "none")
	if err != nil {
		t.Fatal(err)
	}
	reached, taken := detect.Sizes{}, 0
	for seed := range uint64(4) { // each reaches other caps
		random := rand.New(rand.NewPCG(seed, 5))
		set := []*rule.Set{pack, none}[seed/2]
		c := detect.New(set, caps)
		now := dayStart(1)
		h := hostile{names: []int{20, 5000}[seed%2]}
		for n := range 6000 {
			now = now.Add(time.Duration(random.IntN(120)) * time.Second)
			if random.IntN(2000) == 0 {
				now = now.Add(time.Duration(random.IntN(40)-10) * 24 * time.Hour)
			}
			h.bytes = h.bytes[:0]
			for range 1000 {
				h.bytes = append(h.bytes, byte(random.Uint32()))
			}
			m, ok := h.message(now)
			if !ok {
				continue
			}
			taken++
			c.Apply(&m.changes, m.storedAt)
			if n%100 == 0 {
				checkSizes(t, set, c)
			}
			if n%2000 == 1999 {
				saved, err := c.Save()
				if err != nil {
					t.Fatalf("seed %d, after message %d: %v", seed, n, err)
				}
				if err := c.Restore(saved); err != nil {
					t.Fatalf("seed %d, after message %d: %v", seed, n, err)
				}
				checkSizes(t, set, c)
			}
			s := c.Sizes()
			reached.Hosts, reached.Edges = max(reached.Hosts, s.Hosts), max(reached.Edges, s.Edges)
			reached.Windows = max(reached.Windows, s.Windows)
			reached.EdgesRejected, reached.Incidents = max(reached.EdgesRejected, s.EdgesRejected), max(reached.Incidents, s.Incidents)
		}
	}
	if reached.Hosts < caps.MaxHosts || reached.EdgesRejected == 0 || reached.Incidents < caps.Incident.MaxActive || reached.Windows < 500 {
		t.Errorf("the caps were not put to the test by %d messages: %+v", taken, reached)
	}
}

// FuzzApply holds that nothing that decodes makes a correlation panic, grow
// beyond its caps, or unable to go on from what it saves.
func FuzzApply(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 6))
	for range 20 {
		data := make([]byte, 3000)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		f.Add(data)
	}
	set := defaultSet(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		h := hostile{bytes: data, names: 50}
		c := detect.New(set, caps)
		now := dayStart(1)
		for len(h.bytes) > 0 {
			now = now.Add(time.Duration(h.byte()) * time.Minute)
			m, ok := h.message(now)
			if !ok {
				continue
			}
			c.Apply(&m.changes, m.storedAt)
			if h.byte() < 20 {
				saved, err := c.Save()
				if err == nil {
					err = c.Restore(saved)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		checkSizes(t, set, c)
	})
}
