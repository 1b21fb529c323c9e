package incident

import (
	"fmt"
	"slices"
	"time"

	"headstart/event"
)

// link is a reason for which an alert belongs to an incident. Each link holds or
// not by itself; together they form the table [links].
type link struct {
	name string

	// subjects are the hosts or the sources by which the alert can be linked.
	subjects func(g *Grouper, s *Signal) []subject

	// holds reports whether an incident in which the subject has a part is linked,
	// and since when the subject has had that part.
	holds func(i *incident, s *Signal, by subject) (since time.Time, ok bool)

	// because says why, to complete "joined because": of the subject, and by how
	// much the alert's first evidence came later than since.
	because func(subject string, later time.Duration) string
}

// subject is what an alert and an incident have in common.
type subject struct {
	host   string        // one of both
	source event.Address // external
	at     time.Time     // of the alert's evidence
}

func (s subject) String() string {
	if s.host != "" {
		return s.host
	}
	return s.source.String()
}

// links are evaluated in order; the first one that holds is shown in the
// timeline. That two alerts have a target in common is no link.
var links = [...]link{
	{
		name: "actor", // the acting host was reached or acted in the incident
		subjects: func(_ *Grouper, s *Signal) []subject {
			if actor := s.actor(); actor != "" {
				return []subject{{host: actor, at: s.first()}}
			}
			return nil
		},
		holds: func(i *incident, s *Signal, by subject) (time.Time, bool) {
			m := i.Members[by.host]
			return m.Since, m.Part >= event.Target && i.carries(m, by.at, s.weak())
		},
		because: func(host string, later time.Duration) string {
			if later < time.Second {
				return fmt.Sprintf("%s has a part in it", host)
			}
			return fmt.Sprintf("%s was reached in it %s before", host, inWords(later))
		},
	},
	{
		name: "reached", // the alert says how a host was reached that acted in the incident
		subjects: func(g *Grouper, s *Signal) (all []subject) {
			if len(s.Edges) > sweep {
				return nil
			}
			for n := range s.Edges {
				if e := &s.Edges[n]; !e.DestinationExternal && !e.Attempt && !g.history.sweeps(e) {
					all = append(all, subject{host: e.DestinationHost, at: e.At})
				}
			}
			return all
		},
		holds: func(i *incident, _ *Signal, by subject) (time.Time, bool) {
			m := i.Members[by.host]
			return m.ActedAt, m.acted() && !by.at.After(m.ActedAt.Add(slack)) && m.ActedAt.Sub(by.at) <= approach
		},
		because: func(host string, later time.Duration) string {
			return fmt.Sprintf("%s acted in it %s later", host, inWords(-later))
		},
	},
	{
		name: "source", // the same external address
		subjects: func(_ *Grouper, s *Signal) (all []subject) {
			for n := range s.Edges {
				if e := &s.Edges[n]; e.SourceExternal {
					all = append(all, subject{source: e.Source, at: s.first()})
				}
			}
			return all
		},
		holds: func(i *incident, _ *Signal, by subject) (time.Time, bool) {
			return i.Sources[by.source], by.at.Sub(i.ActiveAt) <= approach
		},
		because: func(source string, later time.Duration) string {
			return fmt.Sprintf("%s is a source of it", source)
		},
	},
}

// inWords returns a duration in whole minutes, or in seconds below one.
func inWords(d time.Duration) string {
	if d = max(d, 0); d < time.Minute {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}

// related returns the active incidents that a signal belongs to, oldest first
// (of a weak signal the oldest alone), and why it belongs to that.
func (g *Grouper) related(s *Signal) (all []*incident, because string) {
	why := map[*incident]string{} // a rule that fires on everything has thousands
	for n := range links {
		l := &links[n]
		for _, by := range l.subjects(g, s) {
			candidates := g.byHost[by.host]
			if by.host == "" {
				candidates = g.bySource[by.source]
			}
			for i := range candidates {
				since, ok := l.holds(i, s, by)
				if _, known := why[i]; !ok || known {
					continue
				}
				why[i] = l.because(by.String(), by.at.Sub(since))
				all = append(all, i)
			}
		}
	}
	switch {
	case len(all) == 0:
		return nil, ""
	case s.weak():
		all = []*incident{slices.MinFunc(all, byAge)}
	default:
		sortByAge(all)
	}
	return all, why[all[0]]
}

// departs reports whether an edge leaves a host that the incident reached, late
// enough to be the attacker's and while the incident still carries the host.
func (i *incident) departs(e *Edge) bool {
	from := i.Members[e.SourceHost]
	return from != nil && from.Part >= event.Target && !e.At.Before(from.Since.Add(-slack)) && i.carries(from, e.At, false)
}

// approaches reports whether an edge leads to a host before it acted in the
// incident, and isn't one of many alike.
func (i *incident) approaches(e *Edge, sweeps bool) bool {
	to := i.Members[e.DestinationHost]
	return to != nil && to.acted() && !e.Attempt && !e.Minor && !i.sweeping(e.SourceHost, e.Port) && !sweeps &&
		!e.At.After(to.ActedAt.Add(slack)) && to.ActedAt.Sub(e.At) <= approach
}

// linked reports whether two incidents are one by a host that both have: it acts
// in both, or was reached in one before it acted in the other.
func linked(i, j *incident, host string) bool {
	a, b := i.Members[host], j.Members[host]
	switch {
	case a == nil || b == nil:
		return false
	case a.acted() && b.acted():
		return true
	}
	return a.acted() && j.reached(host, a.ActedAt) || b.acted() && i.reached(host, b.ActedAt)
}
