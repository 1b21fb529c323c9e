package detect_test

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"headstart/detect/inventory"
	"headstart/event"
)

// fleet is a company as it truly is: machines, and what happens between them.
type fleet struct {
	machines []*machine
	flows    []*flow
	heard    time.Time // what is said before it is left out
}

// machine is a host, or an address of somebody else.
type machine struct {
	name    string
	address event.Address
	roles   []string
	reports bool // it runs a poller
	listed  bool // the inventory has it
	since   time.Time
	phase   time.Duration // of its poller
	silent  []span        // its poller says nothing
	offset  time.Duration // what to add to its clock's time
}

type span struct{ from, to time.Time }

func (s span) holds(at time.Time) bool { return at.After(s.from) && at.Before(s.to) }

// flow is a connection, an attempt, or a program that listens (from is nil).
type flow struct {
	id         uint64 // the same in all fleets in which it happens
	from, to   *machine
	port       uint16
	start, end time.Time
	unanswered bool
	dropped    bool // the responder ends it
}

// ender is who ends a connection, and keeps it in TIME_WAIT.
func (f *flow) ender() *machine {
	if f.dropped {
		return f.to
	}
	return f.from
}

const (
	pollEvery = 30 * time.Second
	keepAlive = 20 // polls
	timeWait  = 60 * time.Second
)

// message is what a tracker says of a snapshot, and when the stream stored it.
type message struct {
	changes  event.Changes
	storedAt time.Time
}

// messages returns what the pollers and the tracker would say from one time to
// another, in the order in which it comes. Before the time dense, snapshots that
// say nothing new and bound nothing are mostly left out.
func (f *fleet) messages(from, dense, to time.Time) []message {
	of := map[*machine][]*flow{}
	for _, flow := range f.flows {
		if flow.from != nil && flow.from.reports {
			of[flow.from] = append(of[flow.from], flow)
		}
		if flow.to.reports && flow.to != flow.from && !flow.unanswered {
			of[flow.to] = append(of[flow.to], flow)
		}
	}
	var all []*message
	for _, m := range f.machines {
		if m.reports {
			all = append(all, m.messages(of[m], span{from, to}, dense)...)
		}
	}
	all = slices.DeleteFunc(all, func(m *message) bool { return m.storedAt.Before(f.heard) })
	slices.SortStableFunc(all, func(a, b *message) int { return a.storedAt.Compare(b.storedAt) })
	sorted := make([]message, len(all))
	for i, m := range all {
		sorted[i] = *m
	}
	return sorted
}

// polls returns when a machine's poller looks.
func (m *machine) polls(flows []*flow, s span, dense time.Time) []time.Time {
	index := func(at time.Time) int64 { // of the first poll not before
		return int64((at.Sub(s.from) - m.phase + pollEvery - 1) / pollEvery)
	}
	wanted := map[int64]bool{}
	for _, flow := range flows {
		for _, at := range []time.Time{flow.start, flow.end} {
			n := index(at)
			wanted[n-1], wanted[n] = true, true
		}
	}
	since := cmp.Or(index(m.since), 0)
	var all []time.Time
	for n := max(since, 0); ; n++ {
		at := s.from.Add(m.phase + time.Duration(n)*pollEvery)
		if at.After(s.to) {
			return all
		}
		if !wanted[n] && at.Before(dense) && n%keepAlive != 0 && n != since {
			continue
		}
		if !slices.ContainsFunc(m.silent, func(s span) bool { return s.holds(at) }) {
			all = append(all, at)
		}
	}
}

func (m *machine) messages(flows []*flow, s span, dense time.Time) []*message {
	flows = slices.Clone(flows)
	slices.SortFunc(flows, func(a, b *flow) int { return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.id, b.id)) })
	var all []*message
	var before time.Time
	open := map[*flow]event.Connection{}
	var order []*flow // of open
	for n, at := range m.polls(flows, s, dense) {
		c := event.Changes{
			Host: m.name, BootID: "b", Run: "r", Sequence: uint64(n + 1), ObservedAt: at, PreviousAt: before, Interval: pollEvery,
			ClockOffset: m.offset, Addresses: []event.Address{m.address}, Roles: m.roles, Part: 1, Parts: 1,
		}
		order = slices.DeleteFunc(order, func(flow *flow) bool {
			if flow.end.After(at) {
				return false
			}
			if one, ok := m.ended(flow, open[flow], before, at); ok {
				c.Connections = append(c.Connections, one)
			}
			delete(open, flow)
			return true
		})
		for len(flows) > 0 && !flows[0].start.After(at) {
			flow := flows[0]
			flows = flows[1:]
			if flow.end.After(at) {
				one := m.began(flow, before, at)
				open[flow], order = one, append(order, flow)
				c.Connections = append(c.Connections, one)
			} else if m == flow.ender() && !flow.unanswered && at.Sub(flow.end) < timeWait && !before.IsZero() {
				c.Connections = append(c.Connections, m.inTimeWait(flow, before)...)
			}
		}
		c.Open = uint32(len(order))
		m.onItsClock(&c)
		all = append(all, &message{c, at.Add(200 * time.Millisecond)})
		before = at
	}
	return all
}

// describe is a flow as the machine sees it, without times.
func (m *machine) describe(f *flow) event.Connection {
	c := event.Connection{Local: m.address, UID: 33, Inode: f.id + 1, State: event.Established}
	binary.BigEndian.PutUint64(c.ID[:], f.id+1)
	binary.BigEndian.PutUint32(c.ID[8:], uint32(m.address.Lo))
	sourcePort := uint16(32768 + f.id%28000)
	switch m {
	case f.from:
		c.Direction, c.DirectionFrom = event.Outbound, event.FromPorts
		c.LocalPort, c.Remote, c.RemotePort = sourcePort, f.to.address, f.port
		if f.unanswered {
			c.State, c.DirectionFrom = event.SynSent, event.FromHandshake
		}
	default:
		c.LocalPort = f.port
		if f.from == nil {
			c.Local, c.State = event.Address{}, event.Listen
			break
		}
		c.Direction, c.DirectionFrom = event.Inbound, event.FromListener
		c.Remote, c.RemotePort = f.from.address, sourcePort
	}
	return c
}

func (m *machine) began(f *flow, before, at time.Time) event.Connection {
	c := m.describe(f)
	c.Kind = event.Opened
	switch {
	case f.from == nil:
		c.Kind = event.Listening
	case f.unanswered:
		c.Kind = event.Attempted
	}
	c.OpenedAfter, c.OpenedBefore, c.SeenUntil = before, at, at
	return c
}

// ended is the end of what was seen; of an attempt none is announced.
func (m *machine) ended(f *flow, c event.Connection, before, at time.Time) (event.Connection, bool) {
	c.ClosedAfter, c.ClosedBefore, c.SeenUntil = before, at, before
	switch {
	case f.unanswered:
		return c, false
	case f.from == nil:
		c.Kind = event.StoppedListening
		return c, true
	}
	c.Kind, c.Reason = event.Closed, event.ResetOrUnknown
	if m == f.ender() && at.Sub(f.end) < timeWait {
		c.State, c.Reason = event.TimeWait, event.TimedWait
		c.ClosedAfter, c.ClosedBefore, c.SeenUntil = f.end, f.end, f.end
	}
	return c, true
}

// inTimeWait is a connection that began and ended between two snapshots.
func (m *machine) inTimeWait(f *flow, before time.Time) []event.Connection {
	opened := m.describe(f)
	opened.Kind, opened.State, opened.UID, opened.Inode = event.Opened, event.TimeWait, 0, 0
	opened.OpenedAfter, opened.OpenedBefore = before, f.end
	opened.ClosedAfter, opened.ClosedBefore, opened.SeenUntil = f.end, f.end, f.end
	closed := opened
	closed.Kind, closed.Reason = event.Closed, event.TimedWait
	return []event.Connection{opened, closed}
}

// onItsClock moves the times of a message to the machine's clock.
func (m *machine) onItsClock(c *event.Changes) {
	if m.offset == 0 {
		return
	}
	times := []*time.Time{&c.ObservedAt, &c.PreviousAt}
	for i := range c.Connections {
		one := &c.Connections[i]
		times = append(times, &one.OpenedAfter, &one.OpenedBefore, &one.SeenUntil, &one.ClosedAfter, &one.ClosedBefore)
	}
	for _, t := range times {
		if !t.IsZero() {
			*t = t.Add(-m.offset)
		}
	}
}

// inventory is what a file would say of the fleet.
func (f *fleet) inventory() *inventory.Inventory {
	inv := new(inventory.Inventory)
	for _, m := range f.machines {
		if m.listed {
			inv.Hosts = append(inv.Hosts, inventory.Host{
				Name: m.name, Addresses: []event.Address{m.address}, Roles: m.roles, Monitored: m.reports,
			})
		}
	}
	return inv
}
