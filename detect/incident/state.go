package incident

import (
	"time"

	"headstart/event"
)

// State is a grouper as it is saved.
type State struct {
	Budget    budget
	History   []Edge // in order of time
	Logins    []Edge // of each host in order of time
	LoginsAt  time.Time
	Dropped   int
	SweptAt   time.Time
	Incidents []incident
	Rejected  int
	Advanced  time.Time
}

// Save returns everything that Restore needs to continue exactly.
func (g *Grouper) Save() State {
	s := State{Budget: g.budget, Dropped: g.history.Dropped, SweptAt: g.history.SweptAt, Rejected: g.dropped, Advanced: g.advanced}
	for _, list := range g.history.From {
		for _, e := range list {
			s.History = append(s.History, *e)
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
	for n := range s.History {
		fresh.history.add(&s.History[n])
	}
	for n := range s.Logins {
		fresh.logins.add(&s.Logins[n])
	}
	fresh.logins.SweptAt = s.LoginsAt
	fresh.history.Dropped, fresh.history.SweptAt, fresh.dropped, fresh.advanced = s.Dropped, s.SweptAt, s.Rejected, s.Advanced
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
		if i.Scores == nil {
			i.Scores = map[string]*ruleScore{}
		}
		for _, p := range i.Scores {
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
