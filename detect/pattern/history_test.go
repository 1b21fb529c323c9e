package pattern_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// start is before midnight, so that histories go over it.
var start = time.Date(2025, 6, 5, 23, 0, 0, 0, time.UTC)

// lateness and age are what the histories keep to.
const (
	lateness = 5 * time.Minute
	age      = 20 * time.Minute
)

// told is a match, or a connection that is still seen open, as it arrives.
type told struct {
	match   pattern.Match
	seen    bool
	arrives time.Time
}

func (e *told) at() time.Time {
	if e.seen {
		return e.match.SeenUntil
	}
	return e.match.At
}

// feed tells patterns of it, as the correlator does.
func (e *told) feed(p *pattern.Patterns) []pattern.Fired {
	p.Expire(e.at())
	if e.seen {
		return p.Seen(e.match.Host, e.match.Connection, e.match.SeenUntil)
	}
	return p.Feed(e.match)
}

// someRule returns a rule of any kind with small numbers.
func someRule(random *rand.Rand) pattern.Rule {
	r := pattern.Rule{ID: "r"}
	within := []time.Duration{time.Minute, 10 * time.Minute, 40 * time.Minute, 3 * time.Hour}[random.IntN(4)]
	switch random.IntN(6) {
	case 0, 1, 2:
		c := &rule.Count{By: []string{"host"}, Within: within, AtLeast: float64(2 + random.IntN(4))}
		switch random.IntN(3) {
		case 0:
			c.Of = "peer"
		case 1:
			c.Sum, c.AtLeast = "bytes", float64(random.IntN(30))+0.5
		}
		if random.IntN(3) == 0 {
			c.AboveUsual = float64(1+random.IntN(4)) / 2
		}
		r.Count = c
	case 3, 4:
		r.Sequence = &rule.Sequence{Within: within, Steps: make([]rule.Step, 2+random.IntN(3))}
	default:
		r.Path = &rule.Path{Hops: 2 + random.IntN(4), Within: within}
	}
	return r
}

// steps is how many parts the matches of a rule have.
func steps(r pattern.Rule) int {
	if r.Sequence != nil {
		return len(r.Sequence.Steps)
	}
	return 1
}

// someHistory returns matches of a few hosts on the same keys, some reported by
// both ends, in order of arrival.
func someHistory(random *rand.Rand, r pattern.Rule) []told {
	hosts := []string{"a", "b", "c", "d", "e", "f"}[:3+random.IntN(4)]
	span := []time.Duration{20 * time.Minute, 2 * time.Hour, 6 * time.Hour}[random.IntN(3)]
	var history []told
	number := uint64(0)
	for range 1 + random.IntN(40) {
		from := random.IntN(len(hosts))
		to := (from + 1 + random.IntN(len(hosts)-1)) % len(hosts)
		opened := start.Add(time.Duration(random.Int64N(int64(span))).Truncate(time.Second))
		edge := pattern.Edge{
			Source: event.AddressFrom4(uint32(from)), Destination: event.AddressFrom4(uint32(to)),
			SourceHost: hosts[from], DestinationHost: hosts[to], SourcePort: uint16(random.IntN(3)), Port: 22,
		}
		m := pattern.Match{
			Rule: r.ID, Part: random.IntN(steps(r)), By: []string{"k", "k", "l", "m"}[random.IntN(4)], Of: hosts[to],
			Sum: float64(random.IntN(10) - 1), Baseline: float64(random.IntN(3)), Edge: edge, State: event.Established,
		}
		lives := time.Duration(random.Int64N(int64(age - 2*time.Minute)))
		ends := []string{hosts[from]}
		if random.IntN(3) == 0 {
			ends = append(ends, hosts[to])
		}
		for _, host := range ends {
			number++
			history = append(history, report(random, m, host, number, opened, lives)...)
		}
	}
	slices.SortStableFunc(history, func(a, b told) int { return a.arrives.Compare(b.arrives) })
	return history
}

// report returns what a host that looks every 30 s says of a connection.
func report(random *rand.Rand, m pattern.Match, host string, number uint64, opened time.Time, lives time.Duration) []told {
	m.Host = host
	binary.BigEndian.PutUint64(m.Connection[:], number)
	m.OpenedBefore = opened.Add(time.Duration(random.IntN(30)) * time.Second)
	if random.IntN(8) > 0 {
		m.OpenedAfter = m.OpenedBefore.Add(-30 * time.Second)
	}
	m.At = m.OpenedBefore
	if random.IntN(4) == 0 {
		m.At = m.At.Add(lives / 2)
	}
	m.SeenUntil = m.At
	late := func() time.Duration { return time.Duration(random.Int64N(int64(lateness))) }
	first := told{match: m, arrives: m.At.Add(late())}
	all := []told{first}
	if random.IntN(3) == 0 {
		m.SeenUntil = m.OpenedBefore.Add(lives)
		// A later report of a connection arrives after the first.
		arrives := m.SeenUntil.Add(late())
		if arrives.Before(first.arrives) {
			arrives = first.arrives
		}
		all = append(all, told{match: m, seen: true, arrives: arrives})
	}
	return all
}

// shuffled returns a history with other delays.
func shuffled(random *rand.Rand, history []told) []told {
	other := slices.Clone(history)
	first := map[event.ConnectionID]time.Time{}
	for i := range other {
		e := &other[i]
		e.arrives = e.at().Add(time.Duration(random.Int64N(int64(lateness))))
		if !e.seen {
			first[e.match.Connection] = e.arrives
		}
	}
	for i := range other {
		if e := &other[i]; e.seen && e.arrives.Before(first[e.match.Connection]) {
			e.arrives = first[e.match.Connection].Add(1)
		}
	}
	slices.SortStableFunc(other, func(a, b told) int { return a.arrives.Compare(b.arrives) })
	return other
}

// newPatterns returns patterns with one rule.
func newPatterns(r pattern.Rule) *pattern.Patterns {
	p := pattern.New(pattern.Limits{Lateness: lateness, Age: age})
	p.SetRules([]pattern.Rule{r})
	return p
}

// names returns what fired, by id, once each, in order.
func names(fired []pattern.Fired) []string {
	var all []string
	for _, f := range fired {
		all = append(all, f.Key+" "+f.ID)
	}
	slices.Sort(all)
	return all
}

func describe(history []told) (text string) {
	for _, e := range history {
		m := &e.match
		after := "?"
		if !m.OpenedAfter.IsZero() {
			after = m.OpenedAfter.Format(time.TimeOnly)
		}
		text += fmt.Sprintf("%s %s #%d seen=%t part=%d by=%s of=%s sum=%g usual=%g %s:%d>%s opened=(%s, %s] at=%s until=%s\n",
			e.arrives.Format(time.TimeOnly), m.Host, binary.BigEndian.Uint64(m.Connection[:]), e.seen, m.Part, m.By, m.Of, m.Sum, m.Baseline,
			m.Edge.SourceHost, m.Edge.SourcePort, m.Edge.DestinationHost, after, m.OpenedBefore.Format(time.TimeOnly),
			m.At.Format(time.TimeOnly), m.SeenUntil.Format(time.TimeOnly))
	}
	return text
}

func describeRule(r pattern.Rule) string {
	switch {
	case r.Count != nil:
		return fmt.Sprintf("count %+v", *r.Count)
	case r.Sequence != nil:
		return fmt.Sprintf("sequence of %d within %s", len(r.Sequence.Steps), r.Sequence.Within)
	}
	return fmt.Sprintf("path %+v", *r.Path)
}

func byTime(a, b *pattern.Match) int {
	return cmp.Or(a.OpenedBefore.Compare(b.OpenedBefore), cmp.Compare(a.Host, b.Host))
}
