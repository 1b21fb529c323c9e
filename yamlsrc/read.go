package yamlsrc

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/suggest"
)

// Mapping reads a YAML mapping whose keys are known, and reports unknown and
// repeated ones. what names the mapping in messages.
func (f *File) Mapping(n *yaml.Node, what string, known []string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		f.Errorf(PlaceOf(n), "%s is written as lines of \"field: value\", this is %s", what, KindOf(n))
		return nil
	}
	values := make(map[string]*yaml.Node, len(n.Content)/2)
	first := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch line, repeated := first[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			f.Errorf(PlaceOf(key), "%s has no such field: a field is a word", what)
		case repeated:
			f.Errorf(PlaceOf(key), "%q is here a second time; the first is in line %d", Short(key.Value), line)
		case known != nil && !slices.Contains(known, key.Value):
			f.Errorf(PlaceOf(key), "%s has no field %q%s", what, Short(key.Value), f.fieldHint(what, key.Value, known))
		default:
			values[key.Value] = value
		}
		first[key.Value] = key.Line
	}
	return values
}

// fieldHint says what an unknown field was meant to be.
func (f *File) fieldHint(what, name string, known []string) string {
	if f.dialect.Hint != nil {
		if hint := f.dialect.Hint(what, name, known); hint != "" {
			return hint
		}
	}
	return suggest.OrList(name, known)
}

// Text reads a string. A number or a date that stands where words are expected
// is taken as the words it is written with.
func (f *File) Text(n *yaml.Node, field string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Tag == "!!bool" {
		f.Errorf(PlaceOf(n), "%s must be text, this is %s", field, KindOf(n))
		return "", false
	}
	value := strings.TrimSpace(n.Value)
	if value == "" {
		f.Errorf(PlaceOf(n), "%s is empty", field)
		return "", false
	}
	return value, true
}

// OneLine reads a string of one line with at most limit bytes.
func (f *File) OneLine(n *yaml.Node, field string, limit int) (string, bool) {
	value, ok := f.Text(n, field)
	if !ok {
		return "", false
	}
	if strings.ContainsAny(value, "\n\r") || len(value) > limit {
		f.Errorf(PlaceOf(n), "%s must be one line of at most %d characters", field, limit)
		return "", false
	}
	return value, true
}

func (f *File) Bool(n *yaml.Node, field string) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		f.Errorf(PlaceOf(n), "%s must be true or false, this is %s", field, KindOf(n))
		return false, false
	}
	return strings.EqualFold(n.Value, "true"), true
}

// Number reads a number that is one.
func (f *File) Number(n *yaml.Node, field string) (float64, bool) {
	var value float64
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" && n.Tag != "!!float" || n.Decode(&value) != nil ||
		math.IsNaN(value) || math.IsInf(value, 0) {
		f.Errorf(PlaceOf(n), "%s must be a number, this is %s", field, Written(n))
		return 0, false
	}
	return value, true
}

// Written says what a node is, and of a single value what it says.
func Written(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		return strconv.Quote(Short(n.Value))
	}
	return KindOf(n)
}

// List reads a YAML sequence; a null is an empty one.
func (f *File) List(n *yaml.Node, field string) ([]*yaml.Node, bool) {
	switch {
	case n.Kind == yaml.SequenceNode:
		return n.Content, true
	case n.Tag == "!!null":
		return nil, true
	}
	f.Errorf(PlaceOf(n), "%s must be a list ([a, b], or one \"- a\" a line), this is %s", field, KindOf(n))
	return nil, false
}

// KindOf says what a node is, in the words of someone who writes YAML.
func KindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	switch n.Tag {
	case "!!null":
		return "empty"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	default:
		return "text"
	}
}

// Short keeps a name from a file short enough for a message.
func Short(name string) string {
	const most = 60
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}

// Require reports the fields that are missing, at the mapping that lacks them.
// One that is there and misspelt is reported as that.
func (f *File) Require(n *yaml.Node, fields map[string]*yaml.Node, what string, names ...string) {
	for _, name := range names {
		if fields[name] == nil && !hasMisspelt(n, fields, name) {
			f.Errorf(PlaceOf(n), "%s needs the field %q", what, name)
		}
	}
}

// hasMisspelt reports whether an unknown field is near to a name.
func hasMisspelt(n *yaml.Node, fields map[string]*yaml.Node, name string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; fields[key] == nil && suggest.DidYouMean(key, []string{name}) != "" {
			return true
		}
	}
	return false
}

// Field returns a field's value of a mapping, nil when it has none.
func Field(n *yaml.Node, name string) *yaml.Node {
	_, value := Entry(n, name)
	return value
}

func Entry(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}
