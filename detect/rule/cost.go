package rule

import "time"

// Cost is what evaluations of a rule have taken, of a sample of them.
type Cost struct {
	Samples int
	Total   time.Duration
	Most    time.Duration // of one
}

// Average is what an evaluation takes. The longest of the sample is left out: in
// it the machine may have done something else.
func (c Cost) Average() time.Duration {
	if c.Samples < 2 {
		return c.Total
	}
	return (c.Total - c.Most) / time.Duration(c.Samples-1)
}

func (c *Cost) add(d time.Duration) {
	c.Samples++
	c.Total += d
	c.Most = max(c.Most, d)
}

// sampleEvery is of how many evaluations one is measured, about.
const sampleEvery = 64

// meter measures some of the evaluations, at irregular distances: rules come in
// the same order with each event.
type meter struct {
	clock  func() time.Duration
	left   int
	random uint32
	costs  map[*Rule]*Cost
}

// Measure has the evaluator measure what evaluations take, by a clock that only
// goes forward.
func (e *Evaluator) Measure(clock func() time.Duration) {
	e.meter = &meter{clock: clock, left: 1, random: 1, costs: map[*Rule]*Cost{}}
}

// Costs returns what was measured since the evaluator was made.
func (e *Evaluator) Costs() map[*Rule]*Cost {
	if e.meter == nil {
		return nil
	}
	return e.meter.costs
}

// due reports whether the next evaluation is to be measured.
func (m *meter) due() bool {
	m.left--
	return m.left <= 0
}

func (m *meter) add(r *Rule, d time.Duration) {
	m.random = m.random*1664525 + 1013904223
	m.left = 1 + int(m.random>>16)%(2*sampleEvery-1)
	c := m.costs[r]
	if c == nil {
		c = new(Cost)
		m.costs[r] = c
	}
	c.add(d)
}

// Without returns the set with some of its rules switched off. The hash is the
// same.
func (s *Set) Without(ids []string) *Set {
	less := *s
	less.Rules = make([]*Rule, len(s.Rules))
	copy(less.Rules, s.Rules)
	for i, r := range less.Rules {
		for _, id := range ids {
			if r.ID == id {
				off := *r
				off.Enabled = false
				less.Rules[i] = &off
			}
		}
	}
	less.index = newIndex(less.Rules)
	return &less
}
