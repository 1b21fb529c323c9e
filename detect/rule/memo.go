package rule

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Rules are often made from one another: a thousand of them ask the same
// questions again and again. Conditions that are written alike, with the same
// thresholds, have a number in common, and of one change each of these is asked
// once.

// alike returns the number of a condition, from 1.
func (l *language) alike(text string, in frame) int {
	h := sha256.New()
	fmt.Fprintf(h, "%d %q", in.about, text)
	for _, name := range slices.Sorted(maps.Keys(in.thresholds)) {
		t := in.thresholds[name]
		fmt.Fprintf(h, " %s %v %d %t", name, t.number, t.duration, t.isDuration)
	}
	key := [sha256.Size]byte(h.Sum(nil))
	number, known := l.numbers[key]
	if !known {
		number = len(l.numbers) + 1
		l.numbers[key] = number
	}
	return number
}

// answer is what a condition says of the observation of a round.
type answer struct {
	round uint64
	holds bool
	wait  time.Duration
}

// begin forgets what was seen of the observation before.
func (e *Evaluator) begin() {
	e.change, e.env = nil, nil
	e.round++
}

// holds reports whether a condition holds. When only its bounds don't, and the
// connection can get older, it says how much older it must get.
func (e *Evaluator) holds(c *condition, o *Observation) (holds bool, wait time.Duration, err error) {
	if c.number == 0 || c.number >= len(e.answers) {
		return e.decide(c, o)
	}
	a := &e.answers[c.number]
	if a.round == e.round {
		return a.holds, a.wait, nil
	}
	if holds, wait, err = e.decide(c, o); err == nil {
		*a = answer{e.round, holds, wait}
	}
	return holds, wait, err
}
