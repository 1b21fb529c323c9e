// Package suggest finds what a misspelt name was most likely meant to be, for
// messages to people who write rules and inventories. It is pure.
package suggest

import "strings"

// longest is the most bytes of a name that is compared: longer ones are not
// misspelt, they are something else.
const longest = 64

// DidYouMean returns "; did you mean X?" for the known name that is nearest to
// a misspelt one, or nothing when none is near. Of two that are equally near
// the first in alphabetical order is named.
func DidYouMean(name string, known []string) string {
	if len(name) > longest {
		return ""
	}
	best, least := "", 1+max(1, len(name)/3)
	for _, candidate := range known {
		if len(candidate) > len(name)+least || len(name) > len(candidate)+least {
			continue
		}
		d := distance(strings.ToLower(name), strings.ToLower(candidate))
		if d < least || d == least && best != "" && candidate < best {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is the optimal string alignment distance: the least number of
// bytes to insert, delete, replace or swap with the next.
func distance(a, b string) int {
	before, above := []int(nil), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
