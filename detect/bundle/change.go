package bundle

import (
	"maps"
	"slices"
)

// Change is what one book has other than another: ids of rules, and names of
// files that rules share.
type Change struct {
	Added   []string `json:"added,omitempty"`
	Changed []string `json:"changed,omitempty"`
	Removed []string `json:"removed,omitempty"`
}

// Since returns what a book has other than the one before.
func (o *Origin) Since(before *Origin) (c Change) {
	for _, name := range slices.Sorted(maps.Keys(o.Digests)) {
		switch was, there := before.Digests[name]; {
		case !there:
			c.Added = append(c.Added, name)
		case was != o.Digests[name]:
			c.Changed = append(c.Changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.Digests)) {
		if _, there := o.Digests[name]; !there {
			c.Removed = append(c.Removed, name)
		}
	}
	return c
}
