package pairing

import (
	"cmp"
	"errors"
	"slices"

	"headstart/event"
)

// State is what witnesses know, as it is saved. Two that know the same
// save the same.
type State struct {
	Clock, Swept int64
	Number       uint64
	Rejected     int
	Hosts        []hostState   // by name
	Reports      []reportState // in the order in which they came
}

// hostState is a host; its lists are places of reports.
type hostState struct {
	Name                      string
	Last, ActiveAt, Lost      int64
	Beats                     []int64
	Pending, Unseen, Retained []int32
	RetainedAt                []int64
}

// reportState is a report; hosts are places.
type reportState struct {
	Host, Peer            int32
	ID                    event.ConnectionID
	Number                uint64
	A, B                  event.Address
	PortA, PortB          uint16
	At, After, Before     int64
	Seen, Closed, EndedAt int64
	Over                  bool
	Stage                 stage
	Counted               int
	First, Third          int64
	Shows                 *event.Connection
}

// Save returns everything that Restore needs to continue exactly.
func (w *Pairs) Save() State {
	s := State{Clock: w.clock, Swept: w.swept, Number: w.number, Rejected: w.rejected}
	hosts := make([]*host, 0, len(w.hosts))
	for _, h := range w.hosts {
		hosts = append(hosts, h)
	}
	slices.SortFunc(hosts, func(a, b *host) int { return cmp.Compare(a.name, b.name) })
	placeOf := make(map[*host]int32, len(hosts))
	for i, h := range hosts {
		placeOf[h] = int32(i)
	}
	reports := make([]*report, 0, w.reports)
	for _, l := range w.links {
		reports = append(reports, l.reports...)
	}
	slices.SortFunc(reports, func(a, b *report) int { return cmp.Compare(a.number, b.number) })
	places := make(map[*report]int32, len(reports))
	for i, r := range reports {
		places[r] = int32(i)
		k := r.link.ends
		s.Reports = append(s.Reports, reportState{
			Host: placeOf[r.host], Peer: placeOf[r.peer], ID: r.id, Number: r.number,
			A: k.a, B: k.b, PortA: k.portA, PortB: k.portB,
			At: r.at, After: r.after, Before: r.before, Seen: r.seen, Closed: r.closed, EndedAt: r.endedAt, Over: r.over,
			Stage: r.stage, Counted: r.counted, First: r.first, Third: r.third, Shows: r.shows,
		})
	}
	for _, h := range hosts {
		saved := hostState{
			Name: h.name, Last: h.last, ActiveAt: h.activeAt, Lost: h.lost, Beats: slices.Clone(h.lastBeats()),
			Pending: h.pending.places(pending, places), Unseen: h.unseen.places(unseen, places),
		}
		for _, k := range h.retained {
			// What was dropped otherwise meanwhile has no place.
			if place, ok := places[k.report]; ok {
				saved.Retained, saved.RetainedAt = append(saved.Retained, place), append(saved.RetainedAt, k.at)
			}
		}
		s.Hosts = append(s.Hosts, saved)
	}
	return s
}

func (q *queue) places(at stage, places map[*report]int32) (all []int32) {
	for _, one := range q.reports {
		if place, ok := places[one]; ok && one.stage == at {
			all = append(all, place)
		}
	}
	return all
}

var errPlace = errors.New("restore pairs: a place out of range")

// Restore replaces what is known by what was saved. After an error nothing is
// known.
func (w *Pairs) Restore(s State) error {
	fresh := New(w.limits)
	err := fresh.restore(&s)
	if err != nil {
		fresh = New(w.limits)
	}
	*w = *fresh
	return err
}

func (w *Pairs) restore(s *State) error {
	w.clock, w.swept, w.number, w.rejected = s.Clock, s.Swept, s.Number, s.Rejected
	hosts := make([]*host, len(s.Hosts))
	for i, saved := range s.Hosts {
		h := &host{name: saved.Name, last: saved.Last, activeAt: saved.ActiveAt, lost: saved.Lost, beats: slices.Clone(saved.Beats)}
		if w.hosts[h.name] != nil || len(h.beats) > maxBeats || !slices.IsSorted(h.beats) || len(saved.Retained) != len(saved.RetainedAt) {
			return errors.New("restore pairs: inconsistent host")
		}
		hosts[i], w.hosts[h.name] = h, h
	}
	reports := make([]*report, len(s.Reports))
	for i := range s.Reports {
		saved := &s.Reports[i]
		if !within(saved.Host, len(hosts)) || !within(saved.Peer, len(hosts)) {
			return errPlace
		}
		if (saved.Stage == pending || saved.Stage == unseen) != (saved.Shows != nil) {
			return errors.New("restore pairs: inconsistent report")
		}
		reports[i] = w.restoreReport(saved, hosts)
	}
	for i := range s.Hosts {
		saved, h := &s.Hosts[i], hosts[i]
		for _, list := range [][]int32{saved.Pending, saved.Unseen, saved.Retained} {
			for _, place := range list {
				if !within(place, len(reports)) {
					return errPlace
				}
			}
		}
		for _, place := range saved.Pending {
			h.pending.add(reports[place])
		}
		for _, place := range saved.Unseen {
			h.unseen.add(reports[place])
		}
		for n, place := range saved.Retained {
			h.retained = append(h.retained, retained{reports[place], saved.RetainedAt[n]})
		}
	}
	return nil
}

func within(place int32, n int) bool { return place >= 0 && int(place) < n }

func (w *Pairs) restoreReport(s *reportState, hosts []*host) *report {
	r := &report{
		host: hosts[s.Host], peer: hosts[s.Peer], id: s.ID, number: s.Number,
		at: s.At, after: s.After, before: s.Before,
		seen: s.Seen, closed: s.Closed, endedAt: s.EndedAt, over: s.Over,
		stage: s.Stage, counted: s.Counted, first: s.First, third: s.Third, shows: s.Shows,
	}
	key := ends{s.A, s.B, s.PortA, s.PortB}
	if r.link = w.links[key]; r.link == nil {
		r.link = &link{ends: key}
		w.links[key] = r.link
	}
	r.link.reports = append(r.link.reports, r)
	r.host.reports++
	r.peer.refs++
	w.reports++
	return r
}
