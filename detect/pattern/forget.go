package pattern

import (
	"cmp"
	"slices"
)

// thin drops reports of a distinct value that stand between two others: a
// window that holds one of them holds one of the others, and ends on the same
// day without it.
func (c *counts) thin(w *countWindow, r *report) {
	if !c.distinct() {
		return
	}
	v := r.value
	at, _ := place(v.reports, r)
	for i := min(at+1, len(v.reports)-1); i >= max(at-1, 0); i-- {
		if c.redundant(v, i) {
			one := v.reports[i]
			where, _ := place(w.reports, one)
			c.removeAt(w, where)
		}
	}
}

func (c *counts) redundant(v *value, i int) bool {
	r := v.reports[i]
	covers := func(o *report) bool { return c.def.AboveUsual == 0 || baselineOf(o) <= baselineOf(r) }
	var before, after *report
	if i > 0 && covers(v.reports[i-1]) {
		before = v.reports[i-1]
	}
	if i < len(v.reports)-1 && covers(v.reports[i+1]) {
		after = v.reports[i+1]
	}
	switch {
	case before != nil && before.own == r.own, after != nil && after.own == r.own:
		return true
	case before == nil || after == nil:
		return false
	}
	return after.own-before.own <= c.within && dayOf(before.own) == dayOf(r.own)
}

// trim drops what no match that can still come shares a window with, and what
// there is no room for: the oldest, of a sum the smallest.
func (c *counts) trim(w *countWindow) {
	oldest := w.newest - c.patterns.limits.horizon(c.within)
	gone := 0
	for gone < len(w.reports) && w.reports[gone].own < oldest {
		c.remove(w, w.reports[gone])
		gone++
	}
	clear(w.reports[:gone])
	w.reports = w.reports[gone:]
	if w.compactAt > 0 && len(w.reports) >= w.compactAt {
		c.compact(w)
	}
	if most := c.patterns.limits.MatchesPerKey; len(w.reports) > most {
		if c.def.Sum != "" && !c.distinct() {
			c.dropSmallest(w, most-most/4)
			return
		}
		c.removeAt(w, 0)
		c.patterns.dropped.Matches++
	}
}

func (c *counts) dropSmallest(w *countWindow, keep int) {
	bySize := slices.Clone(w.reports)
	slices.SortStableFunc(bySize, func(a, b *report) int { return cmp.Compare(c.weight(b), c.weight(a)) })
	drop := make(map[*report]bool, len(bySize)-keep)
	for _, r := range bySize[keep:] {
		drop[r] = true
	}
	c.removeAll(w, func(r *report) bool { return drop[r] })
	c.patterns.dropped.Matches += len(drop)
}

func (c *counts) removeAll(w *countWindow, which func(*report) bool) {
	w.reports = slices.DeleteFunc(w.reports, func(r *report) bool {
		if !which(r) {
			return false
		}
		c.remove(w, r)
		return true
	})
}

// compact drops what is left of days that have fired but for what a window that
// ends on the next day can need: the latest that are enough by themselves.
func (c *counts) compact(w *countWindow) {
	c.removeAll(w, func(r *report) bool { return w.fired.covered(r.own, c.within) })
	for _, day := range w.fired {
		enough := c.need
		if c.def.AboveUsual > 0 {
			enough = max(enough, int64(min(c.def.AboveUsual*w.baseline.high*thousand, 1e18))+thousand)
		}
		first, end := firstAt(w.reports, day*dayLength), firstAt(w.reports, (day+1)*dayLength)
		sum := newSum(c)
		for end > first && sum.total < enough {
			end--
			sum.add(w.reports[end])
		}
		for ; end > first; end-- {
			c.removeAt(w, end-1)
		}
	}
	w.compactAt = 2*len(w.reports) + 64
}
