// Package incident groups alerts into incidents: by which hosts the attacker
// came in, through which they moved and which they reached, in what order, how
// sure that is, and what to do. It is a pure state machine: signals and edges in, revisions of
// incidents out.
//
// It guarantees:
//   - Alerts are joined by what the attacker does, not by what happens to be
//     near: by the host that acts, by how it was reached, by the external
//     address it was reached from. That two alerts have a target in common
//     joins nothing: a name server, a file server or a monitoring host is the
//     target of everybody. A host that was one of many in a sweep carries an
//     incident on for [sweepMemory] only.
//   - An incident's path holds the edges of its alerts and the unusual edges
//     that lead to and from its hosts in causal order, whether they came before
//     or after the alert.
//   - An incident's id never changes. An incident that turns
//     out to be part of an older one ends with a revision that says so.
//   - An incident is notified once its risk score reaches the threshold; one that
//     stays below shows by how much.
//   - Everything is bounded: active incidents, what one holds, edges that are
//     kept for later. What is dropped is counted.
package incident

import (
	"time"

	"headstart/event"
)

// Edge is a connection that may be a step of the attacker, from originator to
// responder.
type Edge struct {
	Source, Destination         event.Address
	SourceHost, DestinationHost string // names, or addresses where there is none
	SourceExternal              bool
	DestinationExternal         bool
	Port                        uint16
	At                          time.Time // not later than this it was opened
	Attempt                     bool      // it was not answered
	ByResponder                 bool      // the responder reported it, not the originator
	Minor                       bool      // it counts only beside another edge between the same hosts
	Rare                        bool      // of a login: the edge is not used all day
	First                       bool      // of a login: the edge was not used on any day before
	Reasons                     []string
}

// key is what makes edges one step.
type key struct {
	From, To string
	Port     uint16
}

func (e *Edge) key() key { return key{e.SourceHost, e.DestinationHost, e.Port} }

// Signal is an alert with what its grouping needs.
type Signal struct {
	Alert    string
	Rule     string
	Title    string
	Severity event.Severity
	Score    float64
	At       time.Time // of the snapshot that proves it
	Host     string    // that the alert is about
	Edges    []Edge    // the evidence, in order of time

	// Learning says that the host is in its learning period.
	Learning bool
}

// weak reports whether a signal is too little to tie anything together.
func (s *Signal) weak() bool { return s.Score < weakScore }

// actor is the host that a signal puts under suspicion: the internal
// originator of its edges; without edges, the host. Empty when somebody outside
// acts.
func (s *Signal) actor() string {
	if len(s.Edges) == 0 {
		return s.Host
	}
	if last := &s.Edges[len(s.Edges)-1]; !last.SourceExternal {
		return last.SourceHost
	}
	return ""
}

// first is the earliest evidence of a signal.
func (s *Signal) first() time.Time {
	at := s.At
	for i := range s.Edges {
		if e := s.Edges[i].At; e.Before(at) {
			at = e
		}
	}
	return at
}

// incident is one that is not resolved yet.
type incident struct {
	ID               string
	Revision         uint64
	State            event.IncidentState
	Severity         event.Severity
	OpenedAt         time.Time
	NotifiedAt       time.Time
	ActiveAt         time.Time
	BurstAt          time.Time // since when it has not been quiet
	Threshold        float64   // when it was notified
	Members          map[string]*member
	Sources          map[event.Address]time.Time // external, when first seen
	Edges            map[key]*step
	Alerts           []string
	Scores           map[string]*ruleScore // by rule
	Timeline         []event.TimelineEntry
	Left             int
	NotifiedLast     time.Time // of the last revision that was notified
	NotifiedSeverity event.Severity
	NotifiedMembers  int
	MergedInto       string
	Strong           bool      // one of its alerts is no weak sign
	KnownAt          time.Time // of its first alert of a host that isn't learnt any more; zero: none
	SentAt           time.Time // of the last revision
	Dirty, Pending   bool      // changed since; the change matters
}

// member is a host's part in an incident.
type member struct {
	Part    event.Part
	Since   time.Time // when it was first reached, tried, or acted
	ActedAt time.Time // when it first acted; zero: it didn't
	LastAt  time.Time // when it last acted or was reached
	Swept   bool      // it was reached as one of many

	// OnlyBefore says that nothing is known against it but a login from there to a
	// host that acted later.
	OnlyBefore bool

	Address event.Address
	Reached map[uint16]int // hosts that it has reached, by port
}

// step is an edge of the path.
type step struct {
	Edge
	Last      time.Time
	Count     int
	Reporters uint8 // bit 0 the originator, bit 1 the responder
	Alerted   bool  // it is evidence of an alert that is no weak sign
}

// ruleScore are what a rule adds to the score.
type ruleScore struct {
	Best     float64
	Title    string
	Distinct map[key]bool
}

const (
	// memory is for how long after its last activity something can still join
	// an incident: a patient attacker waits for days.
	memory = 24 * time.Hour

	// weakMemory is likewise for a sign of less than weakScore, and while
	// nothing but hosts that are learnt is in the incident.
	weakMemory = 4 * time.Hour
	weakScore  = 30

	// sweepMemory is for how long a host that was one of many can carry an
	// incident on.
	sweepMemory = 2 * time.Hour

	// sweep is from how many hosts on one port a reach is a sweep.
	sweep = 8

	// approach is how long before a host acted it can have been reached.
	approach = 24 * time.Hour

	// slack is by how much the order of two events is not known: a poll.
	slack = 40 * time.Second

	quietAfter = 2 * time.Hour
)

// acted reports whether a host has a part in which it did something.
func (m *member) acted() bool { return !m.ActedAt.IsZero() }

func (i *incident) active() bool { return i.State != event.IncidentResolved }

// touch notes activity that began at one time and is proved at another.
// Activity is in event time, in any order.
func (i *incident) touch(began, at time.Time) {
	switch {
	case i.BurstAt.IsZero() || began.Sub(i.ActiveAt) > quietAfter:
		i.BurstAt = began
	case began.Before(i.BurstAt) && i.BurstAt.Sub(began) <= quietAfter:
		i.BurstAt = began
	}
	if at.After(i.ActiveAt) {
		i.ActiveAt = at
	}
	if i.State == event.IncidentQuiet {
		i.State = event.IncidentUpdated
	}
	i.Dirty = true
}

// addMember returns the part of a host, made if it had none.
func (i *incident) addMember(host string, a event.Address, at time.Time) *member {
	m := i.Members[host]
	if m == nil {
		if len(i.Members) >= event.MaxIncidentHosts {
			i.Left++
			return nil
		}
		m = &member{Since: at, Address: a, Reached: map[uint16]int{}}
		i.Members[host] = m
	}
	if at.Before(m.Since) {
		m.Since = at
	}
	return m
}

func (m *member) seen(at time.Time) {
	if at.After(m.LastAt) {
		m.LastAt = at
	}
}

func (m *member) act(at time.Time) {
	m.seen(at)
	if m.ActedAt.IsZero() || at.Before(m.ActedAt) {
		m.ActedAt = at
	}
	m.Part = max(m.Part, event.Pivot)
}

// addEdge adds a step and the parts that it gives to its ends. It returns
// whether the step is new.
func (i *incident) addEdge(e *Edge, alerted bool) bool {
	witness := uint8(1)
	if e.ByResponder {
		witness = 2
	}
	s := i.Edges[e.key()]
	if s != nil {
		s.Count++
		s.Reporters |= witness
		s.Alerted = s.Alerted || alerted
		if e.At.Before(s.At) {
			s.At = e.At
		}
		if e.At.After(s.Last) {
			s.Last = e.At
		}
		s.Reasons = mergeReasons(s.Reasons, e.Reasons)
		if !s.Attempt || e.Attempt {
			i.setParts(e)
			return false
		}
		s.Attempt = false
		i.setParts(e)
		return true
	}
	if len(i.Edges) >= event.MaxIncidentPath {
		i.Left++
		return false
	}
	s = &step{Edge: *e, Last: e.At, Count: 1, Reporters: witness, Alerted: alerted}
	s.Reasons = mergeReasons(nil, e.Reasons)
	i.Edges[e.key()] = s
	if !e.SourceExternal && !e.Attempt {
		if m := i.addMember(e.SourceHost, e.Source, e.At); m != nil {
			if m.Reached[e.Port]++; m.Reached[e.Port] == sweep+1 {
				i.markSwept(e.SourceHost, e.Port)
			}
		}
	}
	i.setParts(e)
	return true
}

// markSwept marks the hosts that were reached before a reach became a sweep.
func (i *incident) markSwept(from string, port uint16) {
	for k := range i.Edges {
		if m := i.Members[k.To]; k.From == from && k.Port == port && m != nil && m.Part == event.Target {
			m.Swept = true
		}
	}
}

func (i *incident) setParts(e *Edge) {
	if e.SourceExternal {
		if first, ok := i.Sources[e.Source]; (!ok || e.At.Before(first)) && (ok || len(i.Sources) < event.MaxIncidentHosts) {
			i.Sources[e.Source] = e.At
		}
	} else if m := i.addMember(e.SourceHost, e.Source, e.At); m != nil {
		m.act(e.At)
		m.OnlyBefore = false
	}
	if e.DestinationExternal {
		return
	}
	m := i.addMember(e.DestinationHost, e.Destination, e.At)
	if m != nil && !e.Attempt {
		m.seen(e.At)
	}
	switch {
	case m == nil:
	case e.Attempt:
		m.Part = max(m.Part, event.Scanned)
	case e.SourceExternal:
		m.Part = event.Entry
	default:
		if m.Part < event.Target {
			m.Part = event.Target
			from := i.Members[e.SourceHost]
			m.Swept = from != nil && from.Reached[e.Port] > sweep
		}
	}
}

// maxReasons of one step.
const maxReasons = 6

func mergeReasons(to, more []string) []string {
	for _, r := range more {
		if len(to) < maxReasons && !contains(to, r) {
			to = append(to, r)
		}
	}
	return to
}

// sweeping reports whether a step is one of many alike, which says little of
// the host that it reached.
func (i *incident) sweeping(from string, port uint16) bool {
	m := i.Members[from]
	return m != nil && m.Reached[port] > sweep
}

// between reports whether another edge leads from one host to another.
func (i *incident) between(from, to string) bool {
	for k := range i.Edges {
		if k.From == from && k.To == to {
			return true
		}
	}
	return false
}

func contains(all []string, s string) bool {
	for _, one := range all {
		if one == s {
			return true
		}
	}
	return false
}
