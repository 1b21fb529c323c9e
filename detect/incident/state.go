package incident

import (
	"time"

	"headstart/event"
)

// State is a grouper as it is saved.
type State struct {
	Budget    budget
	Trail     []Edge // in order of time
	Logins    []Edge // of each host in order of time
	LoginsAt  time.Time
	Dropped   int
	SweptAt   time.Time
	Incidents []incident
	Refused   int
	Advanced  time.Time
}

// Save returns everything that Restore needs to go on exactly.
func (g *Grouper) Save() State {
	s := State{Budget: g.budget, Dropped: g.trail.Dropped, SweptAt: g.trail.SweptAt, Refused: g.dropped, Advanced: g.advanced}
	for _, list := range g.trail.From {
		for _, e := range list {
			s.Trail = append(s.Trail, *e)
		}
	}
	s.LoginsAt = g.logins.SweptAt
	for _, list := range g.logins.To {
		s.Logins = append(s.Logins, list...)
	}
	for _, i := range g.incidents {
		s.Incidents = append(s.Incidents, *i)
	}
	return s
}

// Restore replaces what the grouper knows by what was saved.
func (g *Grouper) Restore(s State) {
	fresh := New(g.options)
	if s.Budget.Base == fresh.budget.Base && s.Budget.PerDay == fresh.budget.PerDay {
		fresh.budget = s.Budget
	}
	for n := range s.Trail {
		fresh.trail.add(&s.Trail[n])
	}
	for n := range s.Logins {
		fresh.logins.add(&s.Logins[n])
	}
	fresh.logins.SweptAt = s.LoginsAt
	fresh.trail.Dropped, fresh.trail.SweptAt, fresh.dropped, fresh.advanced = s.Dropped, s.SweptAt, s.Refused, s.Advanced
	for n := range s.Incidents {
		i := &s.Incidents[n]
		for _, m := range i.Members {
			if m.Reached == nil {
				m.Reached = map[uint16]int{}
			}
		}
		if i.Members == nil {
			i.Members = map[string]*member{}
		}
		if i.Sources == nil {
			i.Sources = map[event.Address]time.Time{}
		}
		if i.Edges == nil {
			i.Edges = map[key]*step{}
		}
		if i.Points == nil {
			i.Points = map[string]*points{}
		}
		for _, p := range i.Points {
			if p.Distinct == nil {
				p.Distinct = map[key]bool{}
			}
		}
		fresh.incidents[i.ID] = i
		if i.active() {
			fresh.index(i)
		}
	}
	*g = *fresh
}
