package pattern_test

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"headstart/detect/pattern"
	"headstart/event"
)

// What the package comment says fires, in the plainest way: every choice of all
// the matches is tried.

// expected returns what fires of a history, as names does.
func expected(r pattern.Rule, history []told) []string {
	d := definition{rule: r, until: map[event.ConnectionID]time.Time{}, fired: map[string]bool{}}
	for i := range history {
		e := &history[i]
		id := e.match.Connection
		if !e.seen {
			d.matches = append(d.matches, &e.match)
		}
		if e.match.SeenUntil.After(d.until[id]) {
			d.until[id] = e.match.SeenUntil
		}
	}
	slices.SortFunc(d.matches, byTime)
	switch {
	case r.Count != nil:
		d.count()
	case r.Sequence != nil:
		for _, last := range d.matches {
			d.sequence(last, nil)
		}
	default:
		for _, last := range d.matches {
			d.path(last, []*pattern.Match{last})
		}
	}
	var all []string
	for name := range d.fired {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

type definition struct {
	rule    pattern.Rule
	matches []*pattern.Match
	until   map[event.ConnectionID]time.Time
	fired   map[string]bool
}

func (d *definition) fire(key string, m *pattern.Match) {
	d.fired[key+" "+event.PatternID(d.rule.ID, key, m.OpenedBefore.Format(time.DateOnly))] = true
}

func (d *definition) count() {
	c := d.rule.Count
	for _, end := range d.matches {
		if d.weight(end) == 0 {
			continue
		}
		levels := []float64{math.Inf(1)}
		var window []*pattern.Match
		for _, m := range d.matches {
			if m.By == end.By && !m.OpenedBefore.After(end.OpenedBefore) && end.OpenedBefore.Sub(m.OpenedBefore) <= c.Within {
				window = append(window, m)
				levels = append(levels, m.Baseline)
			}
		}
		for _, level := range levels {
			reached := d.reached(window, level)
			switch {
			case reached < c.AtLeast:
			case c.AboveUsual == 0, !math.IsInf(level, 1) && reached > c.AboveUsual*level:
				d.fire(end.By, end)
			}
		}
	}
}

func (d *definition) weight(m *pattern.Match) float64 {
	if d.rule.Count.Sum == "" || d.rule.Count.Of != "" {
		return 1
	}
	return max(m.Sum, 0)
}

// reached adds up a window's matches with at most a usual.
func (d *definition) reached(window []*pattern.Match, level float64) (reached float64) {
	values := map[string]map[string]float64{}
	for _, m := range window {
		if m.Baseline > level {
			continue
		}
		value, host := fmt.Sprint(m.Edge.Source, m.Edge.SourcePort, m.Edge.Destination), m.Host
		if d.rule.Count.Of != "" {
			value, host = m.Of, ""
		}
		if values[value] == nil {
			values[value] = map[string]float64{}
		}
		if host == "" {
			values[value][host] = 1
		} else {
			values[value][host] += d.weight(m)
		}
	}
	for _, hosts := range values {
		most := 0.0
		for _, n := range hosts {
			most = max(most, n)
		}
		reached += most
	}
	return reached
}

// after is what a connection began after, where order counts.
func after(m *pattern.Match) time.Time {
	bound := m.OpenedAfter
	if bound.IsZero() {
		bound = m.At.Add(-30 * time.Second)
	}
	if bound.Before(m.OpenedBefore) {
		return bound
	}
	return m.OpenedBefore.Add(-1)
}

// same reports whether two matches can be of one connection.
func same(a, b *pattern.Match) bool {
	if a.Edge != b.Edge {
		return false
	}
	if a.Host == b.Host {
		return a.Connection == b.Connection
	}
	certainly := func(m, before *pattern.Match) bool {
		return !m.OpenedAfter.IsZero() && m.OpenedAfter.Sub(before.OpenedBefore) >= 2*time.Second
	}
	return !certainly(a, b) && !certainly(b, a)
}

func (d *definition) sequence(last *pattern.Match, chosen []*pattern.Match) {
	q := d.rule.Sequence
	if len(chosen) == len(q.Steps) {
		if slices.Contains(chosen, last) {
			d.fire(last.By, last)
		}
		return
	}
	for _, m := range d.matches {
		if m.Part != len(chosen) || m.By != last.By || m.OpenedBefore.After(last.OpenedBefore) || last.OpenedBefore.Sub(m.OpenedBefore) > q.Within {
			continue
		}
		if slices.ContainsFunc(chosen, func(c *pattern.Match) bool { return same(c, m) || !m.OpenedBefore.After(after(c)) }) {
			continue
		}
		d.sequence(last, append(chosen, m))
	}
}

// path goes back from an edge; chain begins with the earliest.
func (d *definition) path(last *pattern.Match, chain []*pattern.Match) {
	if len(chain) == d.rule.Path.Hops {
		d.fire(netip.AddrPortFrom(last.Edge.Source.Netip(), last.Edge.SourcePort).String()+"-"+
			netip.AddrPortFrom(last.Edge.Destination.Netip(), last.Edge.Port).String(), last)
		return
	}
	first := chain[0]
	for _, m := range d.matches {
		if m.Edge.DestinationHost != first.Edge.SourceHost || !first.OpenedBefore.After(after(m)) ||
			first.OpenedBefore.Sub(d.until[m.Connection]) > d.rule.Path.Within {
			continue
		}
		if slices.ContainsFunc(chain, func(c *pattern.Match) bool { return c.Edge.DestinationHost == m.Edge.SourceHost }) {
			continue
		}
		d.path(last, append([]*pattern.Match{m}, chain...))
	}
}
