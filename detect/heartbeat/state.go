package heartbeat

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// State is a saved monitor. Equal monitors save the same bytes.
type State struct {
	Now, Moved       int64
	JumpFrom, JumpTo int64
	Interval         time.Duration
	Hosts            []hostState // by name
	Rejected         int
}

type hostState struct {
	Name       string
	Last, Seen int64
	Interval   time.Duration
	Gone       bool
	Reported   time.Duration
}

// Save returns everything that Restore needs to continue exactly.
func (m *Monitor) Save() State {
	s := State{
		Now: m.now, Moved: m.moved, JumpFrom: m.jump.from, JumpTo: m.jump.to, Interval: m.interval,
		Rejected: m.rejected, Hosts: make([]hostState, 0, len(m.hosts)),
	}
	for _, h := range m.hosts {
		s.Hosts = append(s.Hosts, hostState{h.name, h.last, h.seen, h.interval, h.gone, h.reported})
	}
	slices.SortFunc(s.Hosts, func(a, b hostState) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

// Restore replaces the monitor's hosts by the saved ones. The watched durations
// stay.
func (m *Monitor) Restore(s State) {
	fresh := New(m.limit)
	fresh.durations = m.durations
	fresh.now, fresh.moved, fresh.interval, fresh.rejected = s.Now, s.Moved, s.Interval, s.Rejected
	fresh.jump.from, fresh.jump.to = s.JumpFrom, s.JumpTo
	for _, saved := range s.Hosts {
		if fresh.hosts[saved.Name] != nil || len(fresh.hosts) >= fresh.limit {
			continue
		}
		h := &host{name: saved.Name, last: saved.Last, seen: saved.Seen, interval: saved.Interval, reported: saved.Reported}
		fresh.hosts[h.name] = h
		fresh.setGone(h, saved.Gone)
		h.due = fresh.next(h)
		heap.Push(&fresh.queue, h)
	}
	*m = *fresh
}
