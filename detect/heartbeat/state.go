package heartbeat

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// State is a presence as it is saved (gob). Two that know the same save the
// same.
type State struct {
	Now, Moved       int64
	LeapFrom, LeapTo int64
	Pace             time.Duration
	Hosts            []hostState // by name
	Back             []Change
	Refused          int
}

type hostState struct {
	Name        string
	Last, Heard int64
	Interval    time.Duration
	Stage       Stage
	Told        time.Duration
}

// Save returns everything that Restore needs to go on exactly.
func (p *Monitor) Save() State {
	s := State{
		Now: p.now, Moved: p.moved, LeapFrom: p.leap.from, LeapTo: p.leap.to, Pace: p.pace,
		Back: slices.Clone(p.back), Refused: p.refused, Hosts: make([]hostState, 0, len(p.hosts)),
	}
	for _, h := range p.hosts {
		s.Hosts = append(s.Hosts, hostState{h.name, h.last, h.heard, h.interval, h.stage, h.told})
	}
	slices.SortFunc(s.Hosts, func(a, b hostState) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

// Restore replaces what is known by what was saved. The lengths that are asked
// for stay.
func (p *Monitor) Restore(s State) {
	fresh := New(p.most)
	fresh.durations = p.durations
	fresh.now, fresh.moved, fresh.pace, fresh.refused = s.Now, s.Moved, s.Pace, s.Refused
	fresh.leap.from, fresh.leap.to = s.LeapFrom, s.LeapTo
	fresh.back = slices.Clone(s.Back)
	for _, saved := range s.Hosts {
		if fresh.hosts[saved.Name] != nil || saved.Stage > Gone || len(fresh.hosts) >= fresh.most {
			continue
		}
		h := &host{name: saved.Name, last: saved.Last, heard: saved.Heard, interval: saved.Interval}
		fresh.hosts[h.name] = h
		fresh.setStage(h, saved.Stage)
		h.told = saved.Told
		h.due = fresh.next(h)
		heap.Push(&fresh.queue, h)
	}
	*p = *fresh
}
