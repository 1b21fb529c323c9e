package simulate

import "time"

// person sits at a desk in the mornings and goes home in the evenings.
type person struct {
	name   string
	desk   *host
	shifts []window // at work
	home   string   // the network they have at home
	favour []*host  // servers that they log into, the usual ones first
}

// at says whether the person works at a moment.
func (p *person) at(at time.Duration) bool {
	for _, w := range p.shifts {
		if w.holds(at) {
			return true
		}
	}
	return false
}

// moment is a random one of a shift.
func (w window) moment(r random) time.Duration { return r.span(w.from, w.to) }

// shifts makes up when a person works.
func (c *company) shifts(r random) []window {
	var all []window
	early, late := r.between(-0.8, 0.8), r.between(-0.8, 1.2)
	weekender := r.chance(0.1)
	first, last := c.calendar.days()
	for d := first; d <= last; d++ {
		if !c.calendar.workday(d) && !(weekender && r.chance(0.3)) || r.chance(0.06) {
			continue
		}
		from := c.calendar.clock(d, c.calendar.opens+early+r.between(-0.4, 0.4))
		to := c.calendar.clock(d, c.calendar.closes+late+r.between(-0.6, 0.6))
		if r.chance(0.05) {
			to += r.span(time.Hour, 4*time.Hour) // works late
		}
		all = append(all, window{from, to})
	}
	return all
}
