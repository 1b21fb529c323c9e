package inventory

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/suggest"
	"headstart/yamlsrc"
)

// document is an inventory being read. It collects errors and goes on.
type document struct{ yamlsrc.Document }

// keys are what a mapping may hold, and what reads it.
type keys map[string]func(value *yaml.Node)

// mapping reads a mapping of known keys. It reports false when node isn't one.
func (d *document) mapping(node *yaml.Node, known keys) bool {
	return d.Entries(node, func(key, value *yaml.Node) {
		if read, ok := known[key.Value]; ok {
			read(value)
			return
		}
		names := slices.Sorted(maps.Keys(known))
		d.Errorf(key, "unknown key %.64q%s (known here: %s)", key.Value, suggest.DidYouMean(key.Value, names), strings.Join(names, ", "))
	})
}

// list returns the items of a list of at most so many. what they are and an
// example of one are for messages.
func (d *document) list(node *yaml.Node, what, example string, most int) ([]*yaml.Node, bool) {
	s := yamlsrc.Resolve(node)
	switch {
	case s.Kind == yaml.ScalarNode && s.Value != "" && s.Tag != "!!null":
		d.Errorf(node, "a text where a list of %s belongs; write [%.64s]", what, s.Value)
	case s.Kind != yaml.SequenceNode:
		d.Errorf(node, "%s where a list of %s belongs; write [%s]", yamlsrc.Describe(s), what, example)
	case len(s.Content) > most:
		d.Errorf(node, "%d %s, more than %d", len(s.Content), what, most)
	default:
		return s.Content, true
	}
	return nil, false
}

// yesOrNo returns true after an error.
func (d *document) yesOrNo(node *yaml.Node) bool {
	text, ok := d.Text(node)
	switch {
	case !ok:
	case text == "false":
		return false
	case text != "true":
		d.Errorf(node, "%.64q: write true or false", text)
	}
	return true
}
