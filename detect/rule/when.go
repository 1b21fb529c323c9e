package rule

import (
	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/yamlsrc"
)

// When is a condition and where it is from.
type When struct {
	condition.Condition
	Frame condition.Frame // what it stands in
	in    *source
	node  *yaml.Node // nil: there is no condition
}

// Given reports whether there is a condition.
func (w *When) Given() bool { return w.node != nil }

// Text is the condition as written.
func (w *When) Text() string { return w.node.Value }

// File is the name of the file that it is in.
func (w *When) File() string { return w.in.Name }

// Place returns the place of a character of the text; of the condition as a
// whole where offset is negative.
func (w *When) Place(offset int) yamlsrc.Place {
	if offset < 0 {
		return yamlsrc.PlaceOf(w.node)
	}
	return w.in.PlaceIn(w.node, offset)
}
