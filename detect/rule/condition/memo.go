package condition

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
)

// Rules are often copies of one another. Conditions with the same text and
// thresholds share a number, and each number is evaluated once per change.

// Share numbers a condition, from 1.
func (l *Language) Share(c *Condition, text string, in Frame) {
	h := sha256.New()
	fmt.Fprintf(h, "%d %q", in.About, text)
	for _, name := range slices.Sorted(maps.Keys(in.Thresholds)) {
		t := in.Thresholds[name]
		fmt.Fprintf(h, " %s %v %d %t", name, t.Number, t.Duration, t.IsDuration)
	}
	key := [sha256.Size]byte(h.Sum(nil))
	number, known := l.numbers[key]
	if !known {
		number = len(l.numbers) + 1
		l.numbers[key] = number
	}
	c.number = number
}
