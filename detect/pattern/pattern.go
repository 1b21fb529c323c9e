// Package pattern puts matches together: a rule's condition held on several
// connections, and only together do they mean something. It is a pure state
// machine: matches in, fired patterns out.
//
// # Order
//
// Everything is in event time. A match's own time is when its connection was
// opened at the latest. Matches of several hosts come in any order. As long as
// none comes more than [Limits.Lateness] after one of a later snapshot, and none
// is of a connection that was older than [Limits.Age], the set of what fires
// does not depend on that order: for each rule the same keys, or edges, fire on
// the same days. Nothing waits for that: a pattern fires with the match that
// proves it. The two go together because a pattern is always "there are matches
// such that", and never "there is none": what more matches tell takes nothing
// back. It is why the reports of the two ends of a connection are not merged
// into narrower bounds before they are compared, and why the usual of a busy
// host does not hide a quiet one (see count).
//
// # What fires
//
// A count fires when the matches of one key within some window of Within,
// both ends included, are enough. Connections are counted once: of the reports
// of the same addresses and ports, those of the host that has the most count,
// so a connection that both its ends report is one. Distinct values count once
// however often they come. Sums are in thousandths; one match counts at most
// 10^12, and nothing below zero. AboveUsual asks for more than so many times the
// largest Usual of the matches that are counted; any choice of matches can prove
// it. It fires once a key and UTC day, which is that of the window's last match.
// Regular also asks how regular the connections of the window are that ends with
// the newest match. That is the one thing that more matches can take back. It is
// asked of what one host reports (host.name is part of the key), which comes in
// its order: in which order the hosts are heard changes nothing.
//
// A sequence fires when there is a connection for each step, a different one
// for each, such that the steps can have begun in their order by all bounds, and
// all of it within Within. It fires once a key and UTC day, which is that of its
// latest match.
//
// A path fires for an edge when there is a chain of at least Hops edges that
// leads to it, with no host twice. An edge follows another when it begins at the
// host where the other ends, did not certainly begin before it, and began at
// most Within after the other was last known to be open. It fires once an edge
// (addresses and ports) and UTC day of the edge.
//
// What began before its host was first looked at has no lower bound. Where
// order counts it is taken to have begun in the [Limits.Interval] before the
// snapshot that shows it; of older ones nothing can be said.
//
// # Bounds
//
// Everything has a cap ([Limits]) and an expiry in event time, and what a cap
// drops is counted ([Dropped]). The host that holds most pays first: one that
// floods a rule pushes out its own windows. A key that has fired on a day keeps
// only what a window that ends on the next day can need. A key takes about 900
// bytes, a match about 600 more; an edge of a path takes about 700, and 32 for
// each chain that leads to it, of which there are 2 for a path of 3 edges and
// never more than 20 of one length.
//
// A pattern does not fire twice under one id, whatever becomes of its rule, its
// window or the program, unless there were more than [Limits.Fired] of its
// rule meanwhile.
//
// # Cost
//
// A match that comes in order takes a few binary searches in its window, a late
// one also as many steps as there are newer ones in it. An edge of a path is
// compared with those that arrive at its source and leave from its destination.
package pattern

import (
	"reflect"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// Match is a rule's condition, or that of one of its parts, that held on a
// connection. It is fed once a connection and part. All times are on the
// stream's clock.
type Match struct {
	Rule string
	Part int // of a sequence: the step, from 0

	By       string  // the key; unused by a path
	Of       string  // the value that a count of distinct values counts
	Sum      float64 // what a count that sums adds
	Baseline float64 // the originator's usual fan-out, of a count with AboveUsual

	Edge       Edge
	Connection event.ConnectionID // as one host saw it
	Host       string             // that reported it

	At                        time.Time // of the snapshot that shows it
	OpenedAfter, OpenedBefore time.Time // OpenedAfter is zero when nothing bounds it
	SeenUntil                 time.Time // it was last known to be open
	State                     event.State
}

// Edge is a connection from originator to responder.
type Edge struct {
	Source, Destination         event.Address
	SourceHost, DestinationHost string // names, or the addresses as text
	SourcePort, Port            uint16
}

// Rule is a pattern's definition: one of the three.
type Rule struct {
	ID       string
	Meaning  string // stands for its conditions: another, and it is another rule
	Count    *rule.Count
	Sequence *rule.Sequence
	Path     *rule.Path
}

// clone returns a copy that nobody else changes. A list without elements is nil
// in it, as it is when it was saved.
func (r Rule) clone() Rule {
	if r.Count != nil {
		c := *r.Count
		c.By = append([]string(nil), c.By...)
		r.Count = &c
	}
	if r.Sequence != nil {
		s := *r.Sequence
		s.Steps = append([]rule.Step(nil), s.Steps...)
		for i := range s.Steps {
			s.Steps[i].By = append([]string(nil), s.Steps[i].By...)
		}
		r.Sequence = &s
	}
	if r.Path != nil {
		path := *r.Path
		r.Path = &path
	}
	return r
}

// Fired is a pattern that was proved.
type Fired struct {
	Rule string
	ID   string // of the alert: event.PatternID of the rule, the key and the day
	Key  string // By of the matches; of a path, the edge's addresses and ports

	// Matched is how many connections, distinct values, steps or edges there
	// are; Reached is the same as a number, or the sum.
	Matched int
	Reached float64

	At time.Time // of the latest snapshot that it takes to prove it

	// Evidence is at most MaxEvidence of the matches, in order of time (of a
	// sequence, of its steps), the first and the last among them.
	Evidence []Match

	// Path is the chain of edges that leads to the last one, in causal order.
	// Of an edge that both ends have reported it has the narrowest bounds.
	Path []Match
}

// MaxEvidence is how many matches are given as evidence.
const MaxEvidence = 20

// sweepEvery is how often, in event time, everything is looked at for what has
// expired.
const sweepEvery = 10 * time.Minute

// Patterns holds the windows of a set of rules. One goroutine uses it at a
// time.
type Patterns struct {
	limits  Limits
	rules   []*state
	byID    map[string]*state
	marks   map[string]*marks // by rule
	clock   int64             // the largest time that Expire was told
	swept   int64
	used    uint64 // counts matches, to tell which key was used least recently
	dropped Dropped
}

// state is one rule with its windows: one of the three.
type state struct {
	rule     Rule
	count    *counts
	sequence *sequences
	path     *paths
}

// New returns patterns without rules.
func New(limits Limits) *Patterns {
	return &Patterns{limits: limits.withDefaults(), byID: map[string]*state{}, marks: map[string]*marks{}}
}

// SetRules sets the active rules. One that has not changed keeps its
// windows; those of all others are dropped.
func (p *Patterns) SetRules(rules []Rule) {
	before := p.byID
	p.rules, p.byID = make([]*state, 0, len(rules)), make(map[string]*state, len(rules))
	for _, r := range rules {
		s := before[r.ID]
		if s != nil && s.rule.Meaning == "" {
			s.rule.Meaning = r.Meaning // saved when that wasn't known
		}
		if r = r.clone(); s == nil || !reflect.DeepEqual(s.rule, r) {
			s = p.newState(r)
		}
		if s != nil && p.byID[r.ID] == nil {
			p.rules, p.byID[r.ID] = append(p.rules, s), s
		}
	}
}

// newState returns a rule without matches; nil if it is no pattern.
func (p *Patterns) newState(r Rule) *state {
	switch s := (&state{rule: r}); {
	case r.Count != nil:
		s.count = newCounts(p, r)
		return s
	case r.Sequence != nil && len(r.Sequence.Steps) > 0:
		s.sequence = newSequences(p, r)
		return s
	case r.Path != nil:
		s.path = newPaths(p, r)
		return s
	}
	return nil
}

// Feed takes a match and returns what it proves. A match of no rule, or without
// a time, is nothing.
func (p *Patterns) Feed(m Match) []Fired {
	s := p.byID[m.Rule]
	if s == nil {
		return nil
	}
	r := newReport(m, p.limits.Interval)
	if r == nil {
		return nil
	}
	p.used++
	switch {
	case s.count != nil:
		return s.count.feed(r)
	case s.sequence != nil:
		return s.sequence.feed(r)
	}
	return s.path.feed(r)
}

// Seen says that a connection was still open at a time, and returns what that
// proves: an edge of a path can be followed for Within after it was last open.
// It costs next to nothing for a connection that is no such edge. An edge of
// which nothing is heard for Within, Age and Lateness together is forgotten.
func (p *Patterns) Seen(host string, id event.ConnectionID, until time.Time) (fired []Fired) {
	for _, s := range p.rules {
		if s.path != nil {
			fired = append(fired, s.path.seen(connection{host, id}, event.Nanoseconds(until))...)
		}
	}
	return fired
}

// Expire says how far the stream's time has come, and forgets what no match
// that can still come needs. It looks at all of it every ten minutes of that
// time.
func (p *Patterns) Expire(now time.Time) {
	p.clock = max(p.clock, event.Nanoseconds(now))
	if p.clock-p.swept < int64(sweepEvery) {
		return
	}
	p.swept = p.clock
	for _, s := range p.rules {
		switch {
		case s.count != nil:
			s.count.expire()
		case s.sequence != nil:
			s.sequence.keys.expire(s.sequence.within)
		default:
			s.path.expire()
		}
	}
	for id, m := range p.marks {
		if m.expire(p.clock); len(m.until) == 0 {
			delete(p.marks, id)
		}
	}
}

// clockAt is when something was heard of: the time of its snapshot, or what the
// stream has come to.
func (p *Patterns) clockAt(at time.Time) int64 { return max(p.clock, event.Nanoseconds(at)) }

// Len returns how many matches are remembered.
func (p *Patterns) Len() int {
	n := 0
	for _, s := range p.rules {
		switch {
		case s.count != nil:
			n += s.count.keys.matches
		case s.sequence != nil:
			n += s.sequence.keys.matches
		default:
			n += len(s.path.nodes)
		}
	}
	return n
}

// Dropped returns what the caps have dropped since the beginning.
func (p *Patterns) Dropped() Dropped { return p.dropped }
