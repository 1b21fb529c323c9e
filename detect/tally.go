package detect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"headstart/detect/rule"
)

// Tally counts something that happens now and then, in event time.
type Tally struct {
	Count       int
	First, Last time.Time
}

// tallies count how often each rule has fired and each exception has suppressed it.
// They outlive a restart, and a set of rules: an exception is known by its
// condition.
type tallies map[tallyKey]*Tally

type tallyKey struct {
	Rule      string
	Exception string // empty for what fired
}

const (
	maxTallies = 20_000
	tallyAge   = 90 * 24 * time.Hour // after which what doesn't happen is forgotten
)

func (t tallies) count(of tallyKey, at time.Time) {
	one := t[of]
	if one == nil {
		if len(t) >= maxTallies {
			return
		}
		one = &Tally{First: at, Last: at}
		t[of] = one
	}
	one.Count++
	if at.After(one.Last) {
		one.Last = at
	}
}

func (t tallies) expire(now time.Time) {
	maps.DeleteFunc(t, func(_ tallyKey, one *Tally) bool { return now.Sub(one.Last) > tallyAge })
}

// exceptionKey names an exception of a rule by its condition.
func exceptionKey(e *rule.Exception) string {
	sum := sha256.Sum256([]byte(e.When))
	return hex.EncodeToString(sum[:8])
}

// exceptionKeys are the keys of a set's exceptions, computed once.
func exceptionKeys(set *rule.Set) map[*rule.Exception]string {
	keys := map[*rule.Exception]string{}
	for _, r := range set.Rules {
		for _, e := range r.Unless {
			keys[e] = exceptionKey(e)
		}
	}
	return keys
}

// suppress counts an alert that an exception suppresses.
func (c *Engine) suppress(r *rule.Rule, e *rule.Exception, at time.Time) {
	c.counts.Suppressed[r.ID]++
	c.tallies.count(tallyKey{r.ID, c.exceptions[e]}, at)
}

// Fired returns how often a rule has fired.
func (c *Engine) Fired(id string) Tally { return c.tallies.of(tallyKey{Rule: id}) }

// Suppressed returns how often an exception has suppressed a rule.
func (c *Engine) Suppressed(id string, e *rule.Exception) Tally {
	return c.tallies.of(tallyKey{id, exceptionKey(e)})
}

func (t tallies) of(what tallyKey) Tally {
	if one := t[what]; one != nil {
		return *one
	}
	return Tally{}
}

// tallyState is one as it is saved.
type tallyState struct {
	Of tallyKey
	Tally
}

func (t tallies) save() (all []tallyState) {
	for of, one := range t {
		all = append(all, tallyState{of, *one})
	}
	slices.SortFunc(all, func(a, b tallyState) int {
		return cmp.Or(cmp.Compare(a.Of.Rule, b.Of.Rule), cmp.Compare(a.Of.Exception, b.Of.Exception))
	})
	return all
}

func (t tallies) restore(all []tallyState) {
	for _, saved := range all[:min(len(all), maxTallies)] {
		t[saved.Of] = &Tally{saved.Count, saved.First, saved.Last}
	}
}
