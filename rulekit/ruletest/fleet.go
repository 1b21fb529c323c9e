package ruletest

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"headstart/conntable"
	"headstart/detect/inventory"
	"headstart/event"
	"headstart/replay/reconstruct"
	"headstart/replay/zeek"
)

// message is the tracker's message of a poll, and when the stream stored it.
type message struct {
	changes  event.Changes
	storedAt time.Time
}

// stretch is a period to play: the learning period, or a case.
type stretch struct {
	flows           []flow
	from, dense, to time.Time // to is not in it
	listens         map[listening]bool
	begins          map[listening]time.Time
	silent          map[*machine][]span
}

// polledHost is a host with a poller, and its table in the tracker.
type polledHost struct {
	*machine
	feed     *reconstruct.HostFeed
	table    *conntable.Table
	sequence uint64
	mask     mask
	last     event.Snapshot // whose rows are the table's
}

// fleet is the hosts with pollers.
type fleet struct {
	hosts    []*polledHost // as in the table of hosts
	stretch  *stretch
	comparer conntable.Comparer
}

// newFleet returns the hosts of a stretch, with empty tables. The stretch has all
// flows from the first day on, so that a kernel's numbers are the same in each.
func (t *Suite) newFleet(s *stretch) (*fleet, error) {
	records := make([]zeek.Record, 0, len(s.flows)+1)
	records = append(records, first)
	for i := range s.flows {
		records = append(records, s.flows[i].record())
	}
	slices.SortStableFunc(records, func(a, b zeek.Record) int { return cmp.Compare(a.Start, b.Start) })
	monitored := new(inventory.Inventory)
	f := &fleet{stretch: s}
	for _, m := range t.machines {
		if m.reports {
			monitored.Hosts = append(monitored.Hosts, inventory.Host{Name: m.name, Addresses: []event.Address{m.address}, Roles: m.roles, Monitored: true})
			f.hosts = append(f.hosts, &polledHost{machine: m, table: new(conntable.Table), mask: s.maskOf(m)})
		}
	}
	built, err := reconstruct.Build(records, reconstruct.Options{Inventory: monitored, Interval: interval, Seed: 1, From: firstDay, Until: s.to})
	if err != nil {
		return nil, fmt.Errorf("build the tables: %w", err)
	}
	feeds := map[string]*reconstruct.HostFeed{}
	for _, feed := range built.Feeds() {
		feeds[feed.Host()] = feed
	}
	for _, h := range f.hosts {
		h.feed = feeds[h.name]
	}
	return f, nil
}

// first is a connection between unmonitored addresses at the very beginning: it
// makes the uptime of hosts the same in each stretch.
var first = zeek.Record{Start: firstDay.UnixNano(), State: zeek.S0}

// record returns the record of a connection in a sensor's log.
func (f *flow) record() zeek.Record {
	r := zeek.Record{
		Start: f.start.UnixNano(), Duration: int64(f.end.Sub(f.start)),
		Originator: f.from.address, Responder: f.to.address, OriginatorPort: f.source, ResponderPort: f.port,
		OriginatorPackets: zeek.Unset, OriginatorBytes: zeek.Unset, ResponderBytes: zeek.Unset,
	}
	switch {
	case f.unanswered:
		r.State, r.History = zeek.S0, zeek.ParseHistory("S")
	case f.dropped:
		r.State, r.History = zeek.SF, zeek.ParseHistory("ShADadfFa")
	default:
		r.State, r.History = zeek.SF, zeek.ParseHistory("ShADadFfa")
	}
	return r
}

// reading is a poll of a host.
type reading struct {
	at   time.Time
	host *polledHost
	next time.Duration // when the next one is expected
}

// readings returns the polls of all hosts, in order of time.
func (f *fleet) readings() (all []reading) {
	moments := map[*machine][]time.Time{}
	for i := range f.stretch.flows {
		one := &f.stretch.flows[i]
		for _, m := range []*machine{one.from, one.to} {
			if m.reports && !one.end.Before(f.stretch.from) {
				moments[m] = append(moments[m], one.start, one.end)
			}
		}
	}
	for _, h := range f.hosts {
		all = append(all, h.readings(f.stretch, moments[h.machine])...)
	}
	slices.SortStableFunc(all, func(a, b reading) int { return a.at.Compare(b.at) })
	return all
}

// readings returns the polls of a host: those after an event, those before it, and
// one of twenty others. moments are the times of events.
func (h *polledHost) readings(s *stretch, moments []time.Time) (all []reading) {
	index := func(at time.Time) int64 { // of the first reading not before
		return max(0, int64((at.Sub(firstDay)-h.phase+interval-1)/interval))
	}
	wanted := make(map[int64]bool, 2*len(moments))
	for _, at := range moments {
		n := index(at)
		wanted[n-1], wanted[n] = true, true
	}
	first := index(latest(s.from, h.since))
	for n := first; ; n++ {
		at := firstDay.Add(h.phase + time.Duration(n)*interval)
		if !at.Before(s.to) {
			return all
		}
		next := interval
		if at.Before(s.dense) {
			if next = quietReadings * interval; !wanted[n] && n%quietReadings != 0 && n != first {
				continue
			}
		}
		if !slices.ContainsFunc(s.silent[h.machine], func(s span) bool { return s.holds(at) }) {
			all = append(all, reading{at, h, next})
		}
	}
}

// messages yields the tracker's message of each poll.
func (f *fleet) messages() iter.Seq[*message] {
	return func(yield func(*message) bool) {
		for _, r := range f.readings() {
			m := new(message)
			snapshot := r.host.read(&r)
			if f.comparer.Apply(r.host.table, snapshot, r.host.offset+delivery, &m.changes) != conntable.Compared {
				continue
			}
			m.storedAt = r.at.Add(delivery)
			if !yield(m) {
				return
			}
		}
	}
}

// read takes a snapshot as the poller would send it.
func (h *polledHost) read(r *reading) *event.Snapshot {
	s := *h.feed.At(r.at.UnixNano())
	h.sequence++
	s.Sequence, s.Interval = h.sequence, r.next
	s.TakenAt = r.at.Add(-h.offset)
	s.Sockets = h.mask.over(s.Sockets, r.at)
	h.last = s
	return &h.last
}
