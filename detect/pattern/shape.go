package pattern

import "slices"

// point is an amount that comes into the window, or leaves it, at a time.
type point struct{ at, amount int64 }

// reshape applies what a change of a value's reports does to the window.
func (c *counts) reshape(w *countWindow, v *value, change func()) {
	c.scratch.old = c.shape(c.scratch.old[:0], v)
	change()
	c.scratch.new = c.shape(c.scratch.new[:0], v)
	old, now := c.scratch.old, c.scratch.new
	for len(old) > 0 || len(now) > 0 {
		switch {
		case len(old) > 0 && len(now) > 0 && old[0] == now[0]:
			old, now = old[1:], now[1:]
		case len(now) == 0 || len(old) > 0 && old[0].at <= now[0].at:
			w.apply(old[0].at, -old[0].amount, old[0].amount > 0)
			old = old[1:]
		default:
			w.apply(now[0].at, now[0].amount, now[0].amount > 0)
			now = now[1:]
		}
	}
}

// apply adds an amount to what comes in, or takes it from what leaves.
func (w *countWindow) apply(at, amount int64, comes bool) {
	to := &w.ups
	if !comes {
		to, amount = &w.downs, -amount
	}
	if amount < 0 {
		to.drop(at, -amount)
		return
	}
	to.add(at, amount)
}

// shape returns when a value comes into the window and leaves it, in order of
// time. A distinct value is in it or not. Of a connection's ends, the host
// counts whose reports in the window are the most.
func (c *counts) shape(to []point, v *value) []point {
	switch {
	case len(v.reports) == 0:
		return to
	case c.distinct():
		return c.shapeDistinct(to, v)
	case len(v.reports) == 1:
		r := v.reports[0]
		return append(to, point{r.own, c.weight(r)}, point{r.own + c.within + 1, -c.weight(r)})
	}
	return c.shapeConnections(to, v)
}

func (c *counts) shapeDistinct(to []point, v *value) []point {
	begin, end := v.reports[0].own, v.reports[0].own+c.within
	for _, r := range v.reports[1:] {
		if r.own > end+1 {
			to = append(to, point{begin, thousand}, point{end + 1, -thousand})
			begin = r.own
		}
		end = r.own + c.within
	}
	return append(to, point{begin, thousand}, point{end + 1, -thousand})
}

func (c *counts) shapeConnections(to []point, v *value) []point {
	hosts := v.hosts()
	sums := make([]int64, len(hosts))
	most := int64(0)
	come, leave := v.reports, v.reports
	for len(leave) > 0 {
		at := leave[0].own + c.within + 1
		if len(come) > 0 {
			at = min(at, come[0].own)
		}
		for len(leave) > 0 && leave[0].own+c.within+1 == at {
			sums[slices.Index(hosts, leave[0].Host)] -= c.weight(leave[0])
			leave = leave[1:]
		}
		for len(come) > 0 && come[0].own == at {
			sums[slices.Index(hosts, come[0].Host)] += c.weight(come[0])
			come = come[1:]
		}
		if now := slices.Max(sums); now != most {
			to = append(to, point{at, now - most})
			most = now
		}
	}
	return to
}

// hosts returns the hosts that have reported a value, each once.
func (v *value) hosts() []string {
	var hosts []string
	for _, r := range v.reports {
		if !slices.Contains(hosts, r.Host) {
			hosts = append(hosts, r.Host)
		}
	}
	return hosts
}

// sum adds reports up as a window does, in any order.
type sum struct {
	counts *counts
	total  int64
	most   map[*value]int64
	byHost map[hostValue]int64
}

type hostValue struct {
	value *value
	host  string
}

func newSum(c *counts) *sum {
	return &sum{counts: c, most: map[*value]int64{}, byHost: map[hostValue]int64{}}
}

func (s *sum) add(r *report) {
	now := s.counts.weight(r)
	if !s.counts.distinct() {
		of := hostValue{r.value, r.Host}
		now += s.byHost[of]
		s.byHost[of] = now
	}
	if before := s.most[r.value]; now > before {
		s.most[r.value] = now
		s.total += now - before
	}
}
