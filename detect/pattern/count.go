package pattern

import (
	"cmp"
	"math"
	"slices"

	"headstart/detect/rule"
	"headstart/event"
)

// counts are the windows of a count.
type counts struct {
	patterns  *Patterns
	rule      Rule
	def       *rule.Count
	within    int64
	need      int64 // of at least, in thousandths
	beaconing int64 // likewise; 0: not asked
	keys      keys[countWindow]
	scratch   struct{ old, new []point }
}

const thousand = 1000

// maxSum is what one match adds at most.
const maxSum = 1e12

func newCounts(p *Patterns, r Rule) *counts {
	c := &counts{patterns: p, rule: r, def: r.Count, within: withinOf(r.Count.Within)}
	c.need = 1
	if least := math.Ceil(r.Count.AtLeast * thousand); least >= 1 {
		c.need = int64(min(least, 1e18))
	}
	c.beaconing = int64(math.Ceil(min(max(r.Count.Beaconing, 0), 1) * thousand))
	c.keys = newKeys(p, func(w *countWindow) int { return len(w.reports) })
	return c
}

// distinct reports whether values are counted, not connections.
func (c *counts) distinct() bool { return c.def.Of != "" }

// weight is what a match counts, in thousandths.
func (c *counts) weight(r *report) int64 {
	switch {
	case c.def.Sum == "" || c.distinct():
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
	k := c.keys.use(r)
	r.By = k.name
	w := &k.window
	w.newest = max(w.newest, event.Nanoseconds(r.At))
	if w.fired.covered(r.own, c.within) {
		return nil
	}
	at, found := place(w.reports, r)
	if found {
		return nil
	}
	c.insert(w, r, at)
	fired := c.check(w, r, at)
	c.thin(w, r)
	if len(fired) > 0 {
		c.compact(w)
	}
	c.trim(w)
	c.keys.resized(k)
	c.keys.evict()
	return fired
}

// check returns what a new report proves. It can complete each window that
// contains it: those that end with it, or with one that is at most Within later.
func (c *counts) check(w *countWindow, r *report, at int) (fired []Fired) {
	ups, downs := cursor{&w.ups, w.ups.place(r.own)}, cursor{&w.downs, w.downs.place(r.own)}
	for _, last := range w.reports[at:] {
		end := last.own
		if end > r.own+c.within {
			break
		}
		reached := ups.until(end) - downs.until(end)
		if reached < c.need || w.fired.has(dayOf(end)) || c.def.AboveUsual > 0 && !c.aboveBaseline(w, end, reached) {
			continue
		}
		if c.beaconing > 0 && (at < len(w.reports)-1 || beaconing(w.between(end-c.within, end)) < c.beaconing) {
			continue
		}
		w.fired.add(dayOf(end))
		if id, ok := c.patterns.fire(&c.rule, r.By, dayOf(end), c.within); ok {
			fired = append(fired, c.found(w, id, end, reached))
		}
	}
	return fired
}

func (c *counts) found(w *countWindow, id string, end, reached int64) Fired {
	proof := c.proof(w.between(end-c.within, end))
	f := Fired{
		Rule: c.rule.ID, ID: id, Key: proof[0].By, Matched: len(proof), Reached: float64(reached) / thousand,
		At: latest(proof), Evidence: some(proof),
	}
	if c.def.Sum == "" || c.distinct() {
		f.Matched = int(reached / thousand)
	}
	return f
}

// proof returns the reports of a window that count: the first of each distinct
// value, and the last of all; of a connection's ends, those of the host that has
// the most.
func (c *counts) proof(window []*report) []*report {
	sum := newSum(c)
	for _, r := range window {
		sum.add(r)
	}
	seen := make(map[*value]string, len(window))
	proof := make([]*report, 0, len(window))
	for i, r := range window {
		host, again := seen[r.value]
		switch {
		case c.distinct():
			if again && i < len(window)-1 {
				continue
			}
		case !again && sum.byHost[hostValue{r.value, r.Host}] < sum.most[r.value], again && r.Host != host:
			continue
		}
		seen[r.value] = r.Host
		proof = append(proof, r)
	}
	return proof
}

// aboveBaseline reports whether some matches of a window are enough and more than
// AboveUsual times the largest Usual among them. Those with the smallest Usual
// are tried first.
func (c *counts) aboveBaseline(w *countWindow, end, reached int64) bool {
	if c.above(reached, w.baseline.high) {
		return true
	}
	if w.baseline.low == w.baseline.high || !c.above(reached, w.baseline.low) {
		return false
	}
	reports := slices.Clone(w.between(end-c.within, end))
	slices.SortStableFunc(reports, func(a, b *report) int { return cmp.Compare(baselineOf(a), baselineOf(b)) })
	sum := newSum(c)
	for i, r := range reports {
		sum.add(r)
		if (i == len(reports)-1 || baselineOf(reports[i+1]) > baselineOf(r)) && sum.total >= c.need && c.above(sum.total, baselineOf(r)) {
			return true
		}
	}
	return false
}

// above reports whether what was reached is more than AboveUsual times a usual.
func (c *counts) above(reached int64, usual float64) bool {
	return float64(reached) > c.def.AboveUsual*usual*thousand
}

// baselineOf is the Usual of a report; what makes no sense is none.
func baselineOf(r *report) float64 {
	if r.Baseline > 0 && r.Baseline <= math.MaxFloat64 {
		return r.Baseline
	}
	return 0
}

func (c *counts) expire() {
	c.keys.expire(c.within)
	for _, k := range c.keys.all {
		k.window.measureBaseline()
	}
}
