package suggest

import "strings"

// OneOf lists names for a message: "a, b or c".
func OneOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// OrList is [DidYouMean], or the list of the known names when none is near.
func OrList(name string, known []string) string {
	if hint := DidYouMean(name, known); hint != "" {
		return hint
	}
	return "; it has " + OneOf(known)
}
