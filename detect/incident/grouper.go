package incident

import (
	"cmp"
	"slices"
	"time"

	"headstart/event"
)

// Options configure which incidents are notified.
type Options struct {
	Threshold float64 // risk score from which an incident is notified; 0: DefaultThreshold
	PerDay    float64 // notified incidents a day, about; 0: all that reach the threshold
	MaxActive int     // incidents that are not resolved; 0: 10,000
}

// Grouper groups signals. One goroutine uses it at a time.
type Grouper struct {
	options   Options
	budget    budget
	history   edgeHistory
	logins    logins
	incidents map[string]*incident
	byHost    map[string]map[*incident]bool // active ones, by the hosts in them
	bySource  map[event.Address]map[*incident]bool
	dropped   int
	advanced  time.Time
}

// New returns a grouper without incidents.
func New(o Options) *Grouper {
	o.Threshold = cmp.Or(o.Threshold, DefaultThreshold)
	o.MaxActive = cmp.Or(o.MaxActive, 10_000)
	return &Grouper{
		options: o, budget: budget{Base: o.Threshold, PerDay: o.PerDay, Current: o.Threshold}, history: newEdgeHistory(), logins: newLogins(),
		incidents: map[string]*incident{}, byHost: map[string]map[*incident]bool{}, bySource: map[event.Address]map[*incident]bool{},
	}
}

// Note keeps an unusual edge. It joins an incident at once when one of its
// hosts went there, or got there by it.
func (g *Grouper) Note(e Edge) {
	if e.SourceExternal && e.DestinationExternal || e.SourceHost == e.DestinationHost {
		return
	}
	g.history.add(&e)
	var into *incident
	for _, i := range g.involving(e.SourceHost, e.DestinationHost) {
		if !i.departs(&e) && !i.approaches(&e, g.history.sweeps(&e)) {
			continue
		}
		if e.Minor && !i.between(e.SourceHost, e.DestinationHost) {
			continue
		}
		if into != nil {
			if into.Strong && i.Strong {
				into = g.merge(into, i)
			}
			continue
		}
		into = i
		if i.addEdge(&e, false) {
			i.Pending = true
		}
		i.touch(e.At, e.At)
	}
	if into != nil {
		g.expand(into, e.SourceHost, e.DestinationHost)
	}
}

// carries reports whether what a host does at a time still belongs to the
// incident that it has a part in.
func (i *incident) carries(m *member, at time.Time, weak bool) bool {
	last := m.Since
	if m.LastAt.After(last) {
		last = m.LastAt
	}
	switch {
	case m.Swept && !m.acted():
		return at.Sub(m.Since) <= sweepMemory
	case weak || !i.Strong || i.KnownAt.IsZero() || last.Before(i.KnownAt):
		return at.Sub(last) <= weakMemory
	}
	return at.Sub(last) <= memory
}

// involving returns the active incidents that hosts have a part in, oldest
// first.
func (g *Grouper) involving(hosts ...string) []*incident {
	var all []*incident
	seen := map[*incident]bool{}
	for _, host := range hosts {
		for i := range g.byHost[host] {
			if !seen[i] {
				seen[i] = true
				all = append(all, i)
			}
		}
	}
	sortByAge(all)
	return all
}

func sortByAge(all []*incident) {
	slices.SortFunc(all, byAge)
}

func byAge(a, b *incident) int {
	return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), cmp.Compare(a.ID, b.ID))
}

// Raise takes in an alert and returns the id of its incident; empty when there
// is no room for another.
func (g *Grouper) Raise(s Signal) string {
	related, because := g.related(&s)
	var i *incident
	if len(related) > 0 {
		i = related[0]
	} else if i = g.open(&s); i == nil {
		g.dropped++
		return ""
	}
	i = g.join(i, &s, because)
	for _, other := range related {
		if other != i && other.active() && !s.weak() {
			i = g.merge(i, other)
		}
	}
	return i.ID
}

func (g *Grouper) open(s *Signal) *incident {
	if len(g.incidents) >= g.options.MaxActive {
		return nil
	}
	i := &incident{
		ID: event.PatternID("incident", s.Alert), State: event.IncidentOpen, OpenedAt: s.At, ActiveAt: s.At,
		Members: map[string]*member{}, Sources: map[event.Address]time.Time{}, Edges: map[key]*step{}, Scores: map[string]*ruleScore{},
		Dirty: true, Pending: true,
	}
	g.incidents[i.ID] = i
	return i
}

// join adds a signal to an incident, with the reason that links it, and returns
// the incident that it became.
func (g *Grouper) join(i *incident, s *Signal, because string) *incident {
	newRule := i.addScore(s)
	i.Strong = i.Strong || !s.weak()
	if first := s.first(); !s.Learning && (i.KnownAt.IsZero() || first.Before(i.KnownAt)) {
		i.KnownAt = first
	}
	if len(i.Alerts) < event.MaxIncidentAlerts {
		i.Alerts = append(i.Alerts, s.Alert)
	} else {
		i.Left++
	}
	if i.State == event.IncidentOpen && len(i.Alerts) > 1 {
		i.State = event.IncidentUpdated
	}
	fresh := newRule
	var hosts []string
	for n := range s.Edges {
		e := s.Edges[n]
		e.Reasons = mergeReasons([]string{s.Rule}, e.Reasons)
		fresh = i.addEdge(&e, !s.weak()) || fresh
		if !e.SourceExternal {
			hosts = append(hosts, e.SourceHost)
		}
		if !e.DestinationExternal && !e.Attempt {
			hosts = append(hosts, e.DestinationHost)
		}
	}
	if len(s.Edges) == 0 && s.Host != "" {
		if m := i.addMember(s.Host, event.Address{}, s.At); m != nil {
			m.Part = max(m.Part, event.Target)
		}
	}
	i.record(s, because)
	i.touch(s.first(), s.At)
	i.Pending = i.Pending || fresh
	return g.expand(i, hosts...)
}

// record adds a signal to the timeline.
func (i *incident) record(s *Signal, because string) {
	if len(i.Timeline) >= event.MaxIncidentTimeline {
		i.Left++
		return
	}
	text := s.Title
	if n := len(s.Edges); n > 0 {
		text += ": " + describeEdge(&s.Edges[n-1])
	}
	if because != "" {
		text += " (joined because " + because + ")"
	}
	i.Timeline = append(i.Timeline, event.TimelineEntry{At: s.first(), Host: s.Host, Text: text, Alert: s.Alert, Rule: s.Rule})
}

// Annotate adds to an incident's timeline what was done about it.
func (g *Grouper) Annotate(id string, at time.Time, text string) {
	i := g.incidents[id]
	if i == nil || len(i.Timeline) >= event.MaxIncidentTimeline {
		return
	}
	i.Timeline = append(i.Timeline, event.TimelineEntry{At: at, Text: text})
}

func (g *Grouper) index(i *incident) {
	for host := range i.Members {
		put(g.byHost, host, i)
	}
	for a := range i.Sources {
		put(g.bySource, a, i)
	}
}

func put[K comparable](to map[K]map[*incident]bool, k K, i *incident) {
	if to[k] == nil {
		to[k] = map[*incident]bool{}
	}
	to[k][i] = true
}

func (g *Grouper) unindex(i *incident) {
	for host := range i.Members {
		if delete(g.byHost[host], i); len(g.byHost[host]) == 0 {
			delete(g.byHost, host)
		}
	}
	for a := range i.Sources {
		if delete(g.bySource[a], i); len(g.bySource[a]) == 0 {
			delete(g.bySource, a)
		}
	}
}

// Advance moves the time on: incidents become quiet, and resolved.
func (g *Grouper) Advance(now time.Time) {
	if now.Sub(g.advanced) < time.Minute {
		return
	}
	g.advanced = now
	g.budget.adapt(now)
	g.history.expire(now)
	g.logins.expire(now)
	for _, i := range g.incidents {
		idle := now.Sub(i.ActiveAt)
		switch {
		case i.active() && idle > memory:
			i.State, i.Dirty, i.Pending = event.IncidentResolved, true, true
			g.unindex(i)
		case i.State < event.IncidentQuiet && idle > quietAfter:
			i.State, i.Dirty, i.Pending = event.IncidentQuiet, true, true
		}
	}
}

// Suspect reports whether at a time a host had a part in an incident so that
// nothing is to be learnt from what it did: it acted in one, or was reached, and
// the incident was not quiet. What ends its quiet is learnt: otherwise what was a
// change in the network, and happens once a day from then on, would never become
// normal.
func (g *Grouper) Suspect(host string, at time.Time) bool {
	for i := range g.byHost[host] {
		m := i.Members[host]
		if !i.KnownAt.IsZero() && m.Part >= event.Target && (m.acted() || !m.Swept) &&
			at.After(i.BurstAt) && !at.Before(m.Since.Add(-slack)) && at.Sub(i.ActiveAt) <= quietAfter {
			return true
		}
	}
	return false
}

// Active returns how many incidents are not resolved, and how many alerts and
// edges found no room.
func (g *Grouper) Active() (active, dropped int) {
	return len(g.incidents), g.dropped + g.history.Dropped
}
