package pattern

import "slices"

// countWindow is what is kept of one key of a count. What is reached at a time
// is the number of distinct values, or connections, of the window that ends
// then; as that grows and falls in steps, it can be computed for any window.
type countWindow struct {
	reports   []*report // by their own time
	values    map[valueKey]*value
	ups       steps // what comes into the window
	downs     steps // what leaves it
	newest    int64 // snapshot
	fired     days
	compactAt int // how many reports make it worth to settle again; 0: it has not fired
	baseline  struct{ low, high float64 }
}

// value is what is counted once.
type value struct {
	reports []*report // by their own time
}

// valueKey is a value of a count of distinct ones, or a connection's ends.
type valueKey struct {
	of    string
	tuple tuple
}

func (c *counts) valueKey(r *report) valueKey {
	if c.distinct() {
		return valueKey{of: r.Of}
	}
	return valueKey{tuple: r.tuple()}
}

// insert adds a report at its place.
func (c *counts) insert(w *countWindow, r *report, at int) {
	if w.values == nil {
		w.values = map[valueKey]*value{}
	}
	name := c.valueKey(r)
	v := w.values[name]
	if v == nil {
		v = new(value)
		w.values[name] = v
	}
	if len(v.reports) > 0 {
		r.Of = v.reports[0].Of
	}
	r.value = v
	w.reports = slices.Insert(w.reports, at, r)
	c.reshape(w, v, func() {
		at, _ := place(v.reports, r)
		v.reports = slices.Insert(v.reports, at, r)
	})
	if len(w.reports) == 1 {
		w.baseline.low, w.baseline.high = baselineOf(r), baselineOf(r)
	}
	w.baseline.low, w.baseline.high = min(w.baseline.low, baselineOf(r)), max(w.baseline.high, baselineOf(r))
}

// remove takes a report out of all but the list of reports.
func (c *counts) remove(w *countWindow, r *report) {
	v := r.value
	c.reshape(w, v, func() {
		at, _ := place(v.reports, r)
		v.reports = slices.Delete(v.reports, at, at+1)
	})
	if len(v.reports) == 0 {
		delete(w.values, c.valueKey(r))
	}
}

// removeAt takes out a report by its place.
func (c *counts) removeAt(w *countWindow, i int) {
	c.remove(w, w.reports[i])
	w.reports = slices.Delete(w.reports, i, i+1)
}

// between returns the reports of a time, both ends included.
func (w *countWindow) between(from, to int64) []*report { return between(w.reports, from, to) }

// place returns where a report is, or belongs, among others. Most come last.
func place(reports []*report, r *report) (at int, found bool) {
	if n := len(reports); n == 0 || reports[n-1].compare(r) < 0 {
		return n, false
	}
	return slices.BinarySearchFunc(reports, r, (*report).compare)
}

func between(reports []*report, from, to int64) []*report {
	return reports[firstAt(reports, from):firstAt(reports, to+1)]
}

// firstAt returns the place of the first report that is not before a time.
func firstAt(reports []*report, from int64) int {
	i, _ := slices.BinarySearchFunc(reports, from, func(r *report, from int64) int {
		if r.own < from {
			return -1
		}
		return 1
	})
	return i
}

func (w *countWindow) measureBaseline() {
	for i, r := range w.reports {
		if i == 0 {
			w.baseline.low, w.baseline.high = baselineOf(r), baselineOf(r)
		}
		w.baseline.low, w.baseline.high = min(w.baseline.low, baselineOf(r)), max(w.baseline.high, baselineOf(r))
	}
}

// days are those on which a key has fired, ascending.
type days []int64

func (d days) has(day int64) bool { return slices.Contains(d, day) }

// maxDays that a key remembers; the ids that were fired are remembered longer.
const maxDays = 40

func (d *days) add(day int64) {
	at, _ := slices.BinarySearch(*d, day)
	*d = slices.Insert(*d, at, day)
	if len(*d) > maxDays {
		*d = slices.Delete(*d, 0, 1)
	}
}

// covered reports whether each window that a match at a time can be in ends on
// one of the days.
func (d days) covered(own, within int64) bool {
	last := dayOf(own + within)
	for day := dayOf(own); day <= last; day++ {
		if !d.has(day) {
			return false
		}
	}
	return true
}
