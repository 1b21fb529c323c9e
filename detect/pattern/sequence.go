package pattern

import (
	"slices"

	"headstart/detect/rule"
	"headstart/event"
)

// sequences are the windows of a sequence.
type sequences struct {
	patterns *Patterns
	rule     Rule
	def      *rule.Sequence
	within   int64
	keys     keys[sequenceWindow]
}

// sequenceWindow is what is kept of one key: the matches of each step, by their
// own time.
type sequenceWindow struct {
	steps  [][]*report
	newest int64 // snapshot
	fired  days
}

func newSequences(p *Patterns, r Rule) *sequences {
	return &sequences{
		patterns: p, rule: r, def: r.Sequence, within: withinOf(r.Sequence.Within),
		keys: newKeys(p, (*sequenceWindow).size),
	}
}

func (w *sequenceWindow) size() (n int) {
	for _, step := range w.steps {
		n += len(step)
	}
	return n
}

func (s *sequences) feed(r *report) []Fired {
	if r.Part < 0 || r.Part >= len(s.def.Steps) {
		return nil
	}
	k := s.keys.use(r)
	r.By = k.name
	w := &k.window
	if w.steps == nil {
		w.steps = make([][]*report, len(s.def.Steps))
	}
	w.newest = max(w.newest, event.Nanoseconds(r.At))
	at, found := place(w.steps[r.Part], r)
	if found || w.fired.covered(r.own, s.within) {
		return nil
	}
	w.steps[r.Part] = slices.Insert(w.steps[r.Part], at, r)
	fired := s.check(w, r)
	s.trim(w, r.Part)
	s.keys.resized(k)
	s.keys.evict()
	return fired
}

// check returns what a new report proves: it is the latest of a choice, or one
// that is at most Within later is.
func (s *sequences) check(w *sequenceWindow, r *report) (fired []Fired) {
	for _, step := range w.steps {
		if len(step) == 0 {
			return nil
		}
	}
	for part, step := range w.steps {
		for _, last := range between(step, r.own, r.own+s.within) {
			day := dayOf(last.own)
			if w.fired.has(day) || part == r.Part && last.own == r.own && last != r {
				continue
			}
			choice := s.choose(w, last, part)
			if choice == nil {
				continue
			}
			w.fired.add(day)
			if id, ok := s.patterns.fire(&s.rule, r.By, day, s.within); ok {
				fired = append(fired, Fired{
					Rule: s.rule.ID, ID: id, Key: r.By, Matched: len(choice), Reached: float64(len(choice)),
					At: latest(choice), Evidence: some(choice),
				})
			}
		}
	}
	slices.SortFunc(fired, func(a, b Fired) int { return a.At.Compare(b.At) })
	return fired
}

// choose returns a match for each step, of which one is given and is the
// latest; nil if there is no such choice.
func (s *sequences) choose(w *sequenceWindow, last *report, part int) []*report {
	c := chooser{last: last, part: part, steps: make([][]*report, len(w.steps)), chosen: make([]*report, 0, len(w.steps)), budget: maxTries}
	for i, step := range w.steps {
		c.steps[i] = between(step, last.own-s.within, last.own)
		if i != part && len(c.steps[i]) == 0 {
			return nil
		}
	}
	c.steps[part] = []*report{last}
	if done, _ := c.choose(0); !done {
		return nil
	}
	return c.chosen
}

// maxTries bounds the search for a choice in which no connection comes twice.
const maxTries = 1000

// chooser looks for a choice. The connections of a choice can have begun in
// order if each can have begun when those before it must have: the latest of
// their lower bounds. So what has the earliest lower bound is best in each step,
// but for a connection that another step needs.
type chooser struct {
	last   *report
	part   int
	steps  [][]*report
	chosen []*report
	budget int
}

// choose completes a choice, given what those before it must have begun at. It
// returns whether it could, and if not, whether another choice before might.
func (c *chooser) choose(must int64) (done, taken bool) {
	step := len(c.chosen)
	if step == len(c.steps) {
		return true, false
	}
	var tried *report
	for {
		next, blocked := c.next(step, must, tried)
		taken = taken || blocked
		if next == nil || c.budget == 0 {
			return false, taken
		}
		c.budget--
		tried = next
		c.chosen = append(c.chosen, next)
		done, again := c.choose(max(must, next.began))
		if done {
			return true, false
		}
		c.chosen = c.chosen[:step]
		if !again {
			return false, taken
		}
		taken = true
	}
}

// next returns the report of a step with the earliest lower bound, of those that
// come after the one tried before, and whether one was chosen for another step.
func (c *chooser) next(step int, must int64, tried *report) (best *report, blocked bool) {
	for _, r := range c.steps[step] {
		switch {
		case r.own <= must, tried != nil && order(r, tried) <= 0, best != nil && order(r, best) >= 0:
		case c.serves(r, step):
			blocked = true
		default:
			best = r
		}
	}
	return best, blocked
}

// serves reports whether a connection is chosen already.
func (c *chooser) serves(r *report, step int) bool {
	if step != c.part && r.same(c.last) {
		return true
	}
	return slices.ContainsFunc(c.chosen, r.same)
}

func order(a, b *report) int {
	if a.began != b.began {
		if a.began < b.began {
			return -1
		}
		return 1
	}
	return a.compare(b)
}

// trim drops what no match that can still come shares a window with, and the
// oldest of a step that has more than its part.
func (s *sequences) trim(w *sequenceWindow, part int) {
	oldest := w.newest - s.patterns.limits.horizon(s.within)
	for i, step := range w.steps {
		gone := firstAt(step, oldest)
		clear(step[:gone])
		w.steps[i] = step[gone:]
	}
	if len(w.fired) > 0 {
		w.steps[part] = slices.DeleteFunc(w.steps[part], func(r *report) bool { return w.fired.covered(r.own, s.within) })
	}
	if most := max(s.patterns.limits.MatchesPerKey/len(w.steps), 1); len(w.steps[part]) > most {
		w.steps[part] = slices.Delete(w.steps[part], 0, 1)
		s.patterns.dropped.Matches++
	}
}
