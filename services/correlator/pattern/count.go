package pattern

import (
	"cmp"
	"math"
	"slices"

	"headstart/services/correlator/rule"
)

// counts are the windows of a count.
type counts struct {
	patterns *Patterns
	rule     Rule
	ask      *rule.Count
	within   int64
	need     int64 // of at least, in thousandths
	keys     keys[countWindow]
	scratch  struct{ old, new []point }
}

const thousand = 1000

// maxSum is what one match adds at most.
const maxSum = 1e12

func newCounts(p *Patterns, r Rule) *counts {
	c := &counts{patterns: p, rule: r, ask: r.Count, within: max(int64(r.Count.Within), 0)}
	c.need = 1
	if least := math.Ceil(r.Count.AtLeast * thousand); least >= 1 {
		c.need = int64(min(least, 1e18))
	}
	c.keys = newKeys(p, func(w *countWindow) int { return len(w.reports) })
	return c
}

// distinct reports whether values are counted, not connections.
func (c *counts) distinct() bool { return c.ask.Of != "" }

// weight is what a match counts, in thousandths.
func (c *counts) weight(r *report) int64 {
	switch {
	case c.ask.Sum == "" || c.distinct():
		return thousand
	case r.Sum > 0:
		return int64(math.Round(min(r.Sum, maxSum) * thousand))
	}
	return 0 // also what is not a number
}

func (c *counts) feed(r *report) []Fired {
	if c.weight(r) == 0 {
		return nil
	}
	k := c.keys.use(r.By, r.Host)
	r.By = k.name
	w := &k.window
	w.newest = max(w.newest, nanoseconds(r.At))
	if w.fired.useless(r.own, c.within) || !c.insert(w, r) {
		return nil
	}
	fired := c.check(w, r)
	c.thin(w, r)
	if len(fired) > 0 {
		c.settle(w)
	}
	c.trim(w)
	c.keys.resized(k)
	c.keys.evict()
	return fired
}

// check returns what a new report proves. It can complete each window that
// contains it: those that end with it, or with one that is at most Within later.
func (c *counts) check(w *countWindow, r *report) (fired []Fired) {
	first, _ := slices.BinarySearchFunc(w.reports, r, (*report).compare)
	for i := first; i < len(w.reports) && w.reports[i].own <= r.own+c.within; i++ {
		end := w.reports[i].own
		day := dayOf(end)
		if w.fired.has(day) {
			continue
		}
		reached := w.reached(end)
		if reached < c.need || c.ask.AboveUsual > 0 && !c.aboveUsual(w, end, reached) {
			continue
		}
		w.fired.add(day)
		if id, ok := c.patterns.fire(&c.rule, r.By, day, c.within); ok {
			fired = append(fired, c.found(w, id, end, reached))
		}
	}
	return fired
}

func (c *counts) found(w *countWindow, id string, end, reached int64) Fired {
	reports := w.between(end-c.within, end)
	seen := make(map[*value]bool, len(reports))
	proof := make([]*report, 0, len(reports))
	for i, r := range reports {
		again := r.Host == r.value.reports[0].Host // another connection on the same ports
		if c.distinct() {
			again = i == len(reports)-1
		}
		if !seen[r.value] || again {
			seen[r.value] = true
			proof = append(proof, r)
		}
	}
	f := Fired{
		Rule: c.rule.ID, ID: id, Key: proof[0].By, Matched: len(proof), Reached: float64(reached) / thousand,
		At: latest(proof), Evidence: some(proof),
	}
	if c.ask.Sum == "" || c.distinct() {
		f.Matched = int(reached / thousand)
	}
	return f
}

// aboveUsual reports whether some matches of a window are enough and more than
// AboveUsual times the largest Usual among them. Those with the smallest Usual
// are tried first.
func (c *counts) aboveUsual(w *countWindow, end, reached int64) bool {
	if c.above(reached, w.usual.high) {
		return true
	}
	if w.usual.low == w.usual.high || !c.above(reached, w.usual.low) {
		return false
	}
	reports := slices.Clone(w.between(end-c.within, end))
	slices.SortStableFunc(reports, func(a, b *report) int { return cmp.Compare(usual(a), usual(b)) })
	sum := newSum(c)
	for i, r := range reports {
		sum.add(r)
		if (i == len(reports)-1 || usual(reports[i+1]) > usual(r)) && sum.total >= c.need && c.above(sum.total, usual(r)) {
			return true
		}
	}
	return false
}

// above reports whether what was reached is more than AboveUsual times a usual.
func (c *counts) above(reached int64, usual float64) bool {
	return float64(reached) > c.ask.AboveUsual*usual*thousand
}

// usual is the Usual of a report; what makes no sense is none.
func usual(r *report) float64 {
	if r.Usual > 0 && r.Usual <= math.MaxFloat64 {
		return r.Usual
	}
	return 0
}

func (c *counts) expire() {
	horizon := c.patterns.limits.horizon(c.within)
	for _, k := range c.keys.all {
		if k.touched+horizon < c.patterns.clock {
			c.keys.drop(k)
			continue
		}
		k.window.measureUsual()
	}
}
