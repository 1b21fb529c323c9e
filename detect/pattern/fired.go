package pattern

import (
	"cmp"
	"maps"
	"slices"

	"headstart/event"
)

// marks are the ids that a rule has fired. They are kept apart from its
// windows, so that what becomes of those fires nothing twice.
type marks struct {
	until map[string]int64 // by id, when it is forgotten
}

// fire returns the id of a pattern, unless it has fired.
func (p *Patterns) fire(r *Rule, key string, day, within int64) (id string, ok bool) {
	id = event.PatternID(r.ID, key, dayText(day))
	m := p.marks[r.ID]
	if m == nil {
		m = &marks{until: map[string]int64{}}
		p.marks[r.ID] = m
	}
	if _, fired := m.until[id]; fired {
		return "", false
	}
	if len(m.until) >= p.limits.Fired {
		p.dropped.Fired += m.dropOldest(p.limits.Fired/16 + 1)
	}
	// A match of the day can come until the day is over everywhere. A host
	// whose clock is years ahead does not keep its mark that long.
	ends := (day + 1) * dayLength
	if p.clock > 0 {
		ends = min(ends, p.clock+dayLength)
	}
	m.until[id] = ends + p.limits.horizon(within)
	return id, true
}

func (m *marks) expire(clock int64) {
	maps.DeleteFunc(m.until, func(_ string, until int64) bool { return until < clock })
}

func (m *marks) dropOldest(n int) int {
	ids := m.ordered()
	for _, id := range ids[:min(n, len(ids))] {
		delete(m.until, id)
	}
	return min(n, len(ids))
}

// ordered returns the ids, those that are forgotten first first.
func (m *marks) ordered() []string {
	return slices.SortedFunc(maps.Keys(m.until), func(a, b string) int {
		return cmp.Or(cmp.Compare(m.until[a], m.until[b]), cmp.Compare(a, b))
	})
}
