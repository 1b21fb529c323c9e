package pattern

import (
	"slices"
	"time"

	"headstart/event"
)

// Contents are what a rule has of a key: how far it is from firing. Of what was
// used up when it fired, only the days are left.
type Contents struct {
	Rule   string        `json:"rule"`
	Key    string        `json:"key"`
	Within event.Seconds `json:"within"`
	Fired  []string      `json:"fired,omitempty"` // the UTC days of the windows

	// Of a count the window with the most, of a sequence the steps that have a
	// match, of a path the edges of the longest that leads to a connection.
	Needed    float64 `json:"needed"`
	Reached   float64 `json:"reached"`
	Above     float64 `json:"above,omitempty"`   // the usual of a count with above_usual, times that: what must be exceeded
	Beaconing float64 `json:"regular,omitempty"` // how regular the window is, from 0 to 1, of a count that asks
	Held      int     `json:"held"`              // matches of the key, in this window or not

	Values  []string `json:"values,omitempty"`  // distinct ones of the window, at most MaxEvidence
	Matches []Held   `json:"matches,omitempty"` // of the window or the path, at most MaxEvidence, in order
}

// Held is a match as people are shown it.
type Held struct {
	At         time.Time          `json:"at"`             // its connection was opened at the latest
	Step       int                `json:"step,omitempty"` // of a sequence, from 1
	Host       string             `json:"host"`
	Connection event.ConnectionID `json:"connection"`
	From       string             `json:"from"`
	To         string             `json:"to"`
	Port       uint16             `json:"port"`
	Value      string             `json:"value,omitempty"` // that is counted
}

func held(r *report) Held {
	return Held{
		At: time.Unix(0, r.own).UTC(), Host: r.Host, Connection: r.Connection,
		From: r.Edge.SourceHost, To: r.Edge.DestinationHost, Port: r.Edge.Port, Value: r.Of,
	}
}

// Explain returns what a count or a sequence has of a key; nil when it has
// nothing.
func (p *Patterns) Explain(rule, key string) *Contents {
	key = bounded(key)
	switch s := p.byID[rule]; {
	case s == nil:
	case s.count != nil:
		if k := s.count.keys.all[key]; k != nil {
			return s.count.contents(k)
		}
	case s.sequence != nil:
		if k := s.sequence.keys.all[key]; k != nil {
			return s.sequence.contents(k)
		}
	}
	return nil
}

// ExplainEdge returns the longest path that leads to a connection; nil when it is
// no edge of the rule's.
func (p *Patterns) ExplainEdge(rule, host string, id event.ConnectionID) *Contents {
	s := p.byID[rule]
	if s == nil || s.path == nil {
		return nil
	}
	n := s.path.nodes[connection{host, id}]
	if n == nil {
		return nil
	}
	c := &Contents{
		Rule: rule, Within: event.Seconds(s.path.within), Needed: float64(s.path.hops), Reached: float64(n.longest.length), Held: n.longest.length,
	}
	if n.fired {
		c.Fired = []string{dayText(dayOf(n.own))}
	}
	edges := n.longest.nodes()
	for _, e := range edges[max(0, len(edges)-MaxEvidence):] {
		c.Matches = append(c.Matches, held(e.report))
	}
	return c
}

func (d days) texts() (all []string) {
	for _, day := range d {
		all = append(all, dayText(day))
	}
	return all
}

// contents looks for the window that comes closest.
func (c *counts) contents(k *key[countWindow]) *Contents {
	w := &k.window
	out := &Contents{
		Rule: c.rule.ID, Key: k.name, Within: event.Seconds(c.within), Fired: w.fired.texts(),
		Needed: float64(c.need) / thousand, Held: len(w.reports),
	}
	var most, end int64
	ups, downs := cursor{&w.ups, 0}, cursor{&w.downs, 0}
	for _, r := range w.reports {
		if reached := ups.until(r.own) - downs.until(r.own); reached >= most {
			most, end = reached, r.own
		}
	}
	out.Reached = float64(most) / thousand
	window := w.between(end-c.within, end)
	if c.def.AboveUsual > 0 {
		var highest float64
		for _, r := range window {
			highest = max(highest, baselineOf(r))
		}
		out.Above = highest * c.def.AboveUsual
	}
	if c.beaconing > 0 {
		out.Beaconing = float64(beaconing(window)) / thousand
	}
	for _, r := range window[max(0, len(window)-MaxEvidence):] {
		out.Matches = append(out.Matches, held(r))
	}
	if c.distinct() {
		for _, r := range window {
			if len(out.Values) < MaxEvidence && !slices.Contains(out.Values, r.Of) {
				out.Values = append(out.Values, r.Of)
			}
		}
	}
	return out
}

// contents shows the newest matches of each step.
func (s *sequences) contents(k *key[sequenceWindow]) *Contents {
	w := &k.window
	out := &Contents{
		Rule: s.rule.ID, Key: k.name, Within: event.Seconds(s.within), Fired: w.fired.texts(),
		Needed: float64(len(s.def.Steps)), Held: w.size(),
	}
	each := max(1, MaxEvidence/len(s.def.Steps))
	for i, step := range w.steps {
		if len(step) > 0 {
			out.Reached++
		}
		for _, r := range step[max(0, len(step)-each):] {
			one := held(r)
			one.Step = i + 1
			out.Matches = append(out.Matches, one)
		}
	}
	return out
}
