package baseline

import (
	"fmt"
	"maps"
	"slices"
)

// State is a baseline as it is saved.
type State struct {
	IDs               map[uint32]label
	Edges             []edgeState
	From              []activityState
	To, Roles         []groupState
	Hosts, LastReport map[string]int64
	Started, Swept    int64
	Sources           int
	Rejected          int
}

type keyState struct {
	From, To uint32
	Port     uint16
}

type edgeState struct {
	Key         keyState
	First, Last int64
	Count       uint32
	Day         int32
	Days        uint64
	HoursDay    int32
	Past, Today uint32
	Lengths     []byte
	External    bool
	Pool        uint32
}

type groupState struct {
	Key       keyState
	Peers     int
	Day       int32
	Days      uint64
	Arrival   int32
	Arrivals  uint64
	FreshDays [2]int32
	Fresh     [2]int
}

type activityState struct {
	Group  groupState
	Hourly []byte
	Hours  [2]int64
	Peers  [2][]uint32
}

// Save returns everything that Restore needs to continue exactly. What nothing
// refers to any more is left out.
func (b *Baseline) Save() State {
	s := State{
		IDs: map[uint32]label{}, Hosts: maps.Clone(b.hosts), LastReport: maps.Clone(b.lastReport), Started: b.started, Swept: b.swept, Sources: b.sources, Rejected: b.rejected,
	}
	use := func(ids ...id) {
		for _, i := range ids {
			s.IDs[uint32(i)] = b.ids.list[i]
		}
	}
	for key, e := range b.edges {
		use(key.from, key.to, e.pool)
		s.Edges = append(s.Edges, edgeState{
			Key: keyState{uint32(key.from), uint32(key.to), key.port}, First: e.first, Last: e.last, Count: e.count,
			Day: e.days.last, Days: e.days.seen, HoursDay: e.hours.day, Past: e.hours.past, Today: e.hours.today, Lengths: e.lengths.save(), External: e.external, Pool: uint32(e.pool),
		})
	}
	for key, a := range b.from {
		use(key.end)
		state := activityState{Group: a.group.save(keyState{From: uint32(key.end), Port: key.port}), Hourly: a.fanout.hourly.save()}
		for i := range a.fanout.open {
			h := &a.fanout.open[i]
			state.Hours[i] = h.hour
			for _, peer := range h.peers {
				use(peer)
				state.Peers[i] = append(state.Peers[i], uint32(peer))
			}
			for peer := range h.many {
				use(peer)
				state.Peers[i] = append(state.Peers[i], uint32(peer))
			}
		}
		s.From = append(s.From, state)
	}
	for key, g := range b.to {
		use(key.end)
		s.To = append(s.To, g.save(keyState{To: uint32(key.end), Port: key.port}))
	}
	for key, g := range b.roles {
		use(key.from, key.to)
		s.Roles = append(s.Roles, g.save(keyState{uint32(key.from), uint32(key.to), key.port}))
	}
	return s
}

func (g *group) save(key keyState) groupState {
	return groupState{
		Key: key, Peers: g.peers, Day: g.days.last, Days: g.days.seen, Arrival: g.arrivals.last, Arrivals: g.arrivals.seen,
		FreshDays: [2]int32{g.fresh[0].day, g.fresh[1].day}, Fresh: [2]int{g.fresh[0].n, g.fresh[1].n},
	}
}

func (s *groupState) group() group {
	g := group{peers: s.Peers, days: days{s.Day, s.Days}, arrivals: days{s.Arrival, s.Arrivals}}
	for i := range g.fresh {
		g.fresh[i].day, g.fresh[i].n = s.FreshDays[i], s.Fresh[i]
	}
	return g
}

// Restore replaces what the baseline knows by what was saved.
func (b *Baseline) Restore(s State) error {
	fresh := New(b.options)
	fresh.approve = b.approve
	fresh.started, fresh.swept, fresh.sources, fresh.rejected = s.Started, s.Swept, s.Sources, s.Rejected
	maps.Copy(fresh.hosts, s.Hosts)
	maps.Copy(fresh.lastReport, s.LastReport)
	now := make(map[uint32]id, len(s.IDs))
	for _, old := range slices.Sorted(maps.Keys(s.IDs)) {
		if l := s.IDs[old]; old != 0 && l.Kind < kinds {
			now[old] = fresh.ids.add(l)
		}
	}
	key := func(k keyState) edgeKey { return edgeKey{now[k.From], now[k.To], k.Port} }
	for i := range s.From {
		state := &s.From[i]
		a := &activity{group: state.Group.group()}
		var err error
		if a.fanout.hourly, err = restoreSketch(state.Hourly); err != nil {
			return fmt.Errorf("baseline: fan-out: %w", err)
		}
		for n := range a.fanout.open {
			h := &a.fanout.open[n]
			h.hour = state.Hours[n]
			for _, peer := range state.Peers[n] {
				h.add(now[peer])
			}
		}
		k := key(state.Group.Key)
		fresh.from[endKey{k.from, k.port}] = a
	}
	for i := range s.Edges {
		state := &s.Edges[i]
		k := key(state.Key)
		e := &edge{
			key: k, first: state.First, last: state.Last, count: state.Count,
			days: days{state.Day, state.Days}, hours: hours{state.HoursDay, state.Past, state.Today},
			activity: fresh.activity(endKey{k.from, k.port}), external: state.External, pool: now[state.Pool],
		}
		var err error
		if e.lengths.sketch, err = restoreSketch(state.Lengths); err != nil {
			return fmt.Errorf("baseline: lengths: %w", err)
		}
		fresh.edges[k] = e
		fresh.perOne[k.from]++
	}
	for i := range s.To {
		k, g := key(s.To[i].Key), s.To[i].group()
		fresh.to[endKey{k.to, k.port}] = &g
	}
	for i := range s.Roles {
		g := s.Roles[i].group()
		fresh.roles[key(s.Roles[i].Key)] = &g
	}
	*b = *fresh
	return nil
}

// compact drops the numbers that nothing refers to any more.
func (b *Baseline) compact() {
	// What was saved a moment ago can be restored.
	_ = b.Restore(b.Save())
}
