package pattern

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// State is everything that patterns remember, as it is saved. Two that
// remember the same save the same.
type State struct {
	Clock, Swept int64
	Used         uint64
	Dropped      Dropped
	Rules        []ruleState
	Marks        []markState
}

type ruleState struct {
	Rule  Rule
	Keys  []keyState
	Nodes []nodeState // of a path: those that chains keep come last
	Links []chainState
}

// keyState is a key with its window. A sequence has the step in the matches.
type keyState struct {
	Name, Owner string
	Used        uint64
	Touched     int64
	Matches     []Match
	Newest      int64
	Fired       []int64
	CompactAt   int
	Low, High   float64
}

type nodeState struct {
	Match          Match
	Until, Touched int64
	Fired          bool
	Detached       bool      // it is only part of chains
	Chains         [][]int32 // by length, the places of the chains; without those of length 1
	Longest        int32
}

// chainState is a chain: the places of what comes before, or -1, and of the
// last edge.
type chainState struct{ Prev, Node int32 }

type markState struct {
	Rule  string
	IDs   []string
	Until []int64
}

// Save returns everything that Restore needs to continue exactly.
func (p *Patterns) Save() State {
	s := State{Clock: p.clock, Swept: p.swept, Used: p.used, Dropped: p.dropped}
	for _, one := range p.rules {
		r := ruleState{Rule: one.rule}
		switch {
		case one.count != nil:
			r.Keys = saveKeys(&one.count.keys, (*countWindow).save)
		case one.sequence != nil:
			r.Keys = saveKeys(&one.sequence.keys, (*sequenceWindow).save)
		default:
			one.path.save(&r)
		}
		s.Rules = append(s.Rules, r)
	}
	for _, id := range slices.Sorted(maps.Keys(p.marks)) {
		m := p.marks[id]
		saved := markState{Rule: id, IDs: m.ordered()}
		for _, one := range saved.IDs {
			saved.Until = append(saved.Until, m.until[one])
		}
		s.Marks = append(s.Marks, saved)
	}
	return s
}

// Restore replaces what is remembered by what was saved. The rules that were set
// stay active, and those that have changed since begin empty; if none were, the
// saved ones are active. After an error nothing is remembered.
func (p *Patterns) Restore(s State) error {
	rules := make([]Rule, 0, len(p.rules))
	for _, one := range p.rules {
		rules = append(rules, one.rule)
	}
	fresh := New(p.limits)
	err := fresh.restore(&s)
	if err != nil {
		fresh = New(p.limits)
	}
	if len(rules) > 0 {
		fresh.SetRules(rules)
	}
	*p = *fresh
	for _, one := range p.rules {
		one.adopt(p)
	}
	if err != nil {
		return fmt.Errorf("restore patterns: %w", err)
	}
	return nil
}

func (p *Patterns) restore(s *State) error {
	p.clock, p.swept, p.used, p.dropped = s.Clock, s.Swept, s.Used, s.Dropped
	for i := range s.Rules {
		saved := &s.Rules[i]
		one := p.newState(saved.Rule)
		if one == nil || p.byID[saved.Rule.ID] != nil {
			return fmt.Errorf("rule %d is no pattern, or there twice", i)
		}
		p.rules, p.byID[saved.Rule.ID] = append(p.rules, one), one
		var err error
		switch {
		case one.count != nil:
			restoreKeys(&one.count.keys, saved.Keys, one.count.restore)
		case one.sequence != nil:
			restoreKeys(&one.sequence.keys, saved.Keys, one.sequence.restore)
		default:
			err = one.path.restore(saved)
		}
		if err != nil {
			return fmt.Errorf("rule %s: %w", saved.Rule.ID, err)
		}
	}
	for _, m := range s.Marks {
		if len(m.IDs) != len(m.Until) {
			return fmt.Errorf("rule %s: %d ids until %d times", m.Rule, len(m.IDs), len(m.Until))
		}
		until := make(map[string]int64, len(m.IDs))
		for i, id := range m.IDs {
			until[id] = m.Until[i]
		}
		p.marks[m.Rule] = &marks{until: until}
	}
	return nil
}

// adopt makes a rule's windows part of patterns.
func (s *state) adopt(p *Patterns) {
	switch {
	case s.count != nil:
		s.count.patterns, s.count.keys.patterns = p, p
	case s.sequence != nil:
		s.sequence.patterns, s.sequence.keys.patterns = p, p
	default:
		s.path.patterns = p
	}
}

func saveKeys[W any](t *keys[W], save func(*W, *keyState)) []keyState {
	var all []keyState
	for _, k := range t.all {
		saved := keyState{Name: k.name, Owner: k.owner.host, Used: k.used, Touched: k.touched}
		save(&k.window, &saved)
		all = append(all, saved)
	}
	slices.SortFunc(all, func(a, b keyState) int { return cmp.Compare(a.Used, b.Used) })
	return all
}

// restoreKeys recreates the keys, in the order in which they were used.
func restoreKeys[W any](t *keys[W], saved []keyState, restore func(*W, *keyState)) {
	for i := range saved {
		s := &saved[i]
		k := &key[W]{name: s.Name, used: s.Used, touched: s.Touched}
		if t.all[k.name] != nil {
			continue
		}
		t.all[k.name] = k
		t.own(k, s.Owner)
		restore(&k.window, s)
		t.resized(k)
	}
}

func (w *countWindow) save(s *keyState) {
	for _, r := range w.reports {
		s.Matches = append(s.Matches, r.Match)
	}
	s.Newest, s.Fired, s.CompactAt, s.Low, s.High = w.newest, slices.Clone(w.fired), w.compactAt, w.baseline.low, w.baseline.high
}

func (c *counts) restore(w *countWindow, s *keyState) {
	for _, m := range s.Matches {
		if r := newReport(m, c.patterns.limits.Interval); r != nil {
			r.By = s.Name
			if at, found := place(w.reports, r); !found {
				c.insert(w, r, at)
			}
		}
	}
	w.newest, w.fired, w.compactAt, w.baseline.low, w.baseline.high = s.Newest, slices.Clone(s.Fired), s.CompactAt, s.Low, s.High
}

func (w *sequenceWindow) save(s *keyState) {
	for _, step := range w.steps {
		for _, r := range step {
			s.Matches = append(s.Matches, r.Match)
		}
	}
	s.Newest, s.Fired = w.newest, slices.Clone(w.fired)
}

func (q *sequences) restore(w *sequenceWindow, s *keyState) {
	w.steps = make([][]*report, len(q.def.Steps))
	for _, m := range s.Matches {
		if r := newReport(m, q.patterns.limits.Interval); r != nil && r.Part >= 0 && r.Part < len(w.steps) {
			r.By = s.Name
			w.steps[r.Part] = append(w.steps[r.Part], r)
		}
	}
	for _, step := range w.steps {
		slices.SortStableFunc(step, (*report).compare)
	}
	w.newest, w.fired = s.Newest, slices.Clone(s.Fired)
}
