package yamlsrc

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Document reads a YAML file whose errors may not show its lines, since they can
// hold secrets. Unlike a [File], it may have anchors and aliases.
type Document struct {
	Name string
	errs []placedError
}

type placedError struct {
	Place
	error
}

// Errorf adds an error at a node.
func (d *Document) Errorf(at *yaml.Node, format string, args ...any) {
	d.errs = append(d.errs, placedError{PlaceOf(at), fmt.Errorf(format, args...)})
}

// Err joins the errors by line and column, each with its place; nil when there
// are none. After the first hundred only their number is given.
func (d *Document) Err() error {
	slices.SortStableFunc(d.errs, func(a, b placedError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for i, e := range d.errs {
		if i == maxErrors {
			all = append(all, fmt.Errorf("%s: and %d more errors", d.Name, len(d.errs)-i))
			break
		}
		all = append(all, fmt.Errorf("%s:%d:%d: %w", d.Name, e.Line, e.Column, e.error))
	}
	return errors.Join(all...)
}

// Parse returns the root of the only YAML document in data of at most most bytes.
// isOne and empty complete the messages on a second document and on none.
func (d *Document) Parse(data []byte, most int, isOne, empty string) (*yaml.Node, error) {
	if len(data) > most {
		return nil, fmt.Errorf("%s: %d bytes, more than %d", d.Name, len(data), most)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: empty; %s", d.Name, empty)
	}
	if err == nil {
		if err = decoder.Decode(&second); errors.Is(err, io.EOF) {
			return first.Content[0], nil
		}
	}
	if err == nil {
		return nil, fmt.Errorf("%s:%d: a second YAML document; %s is one", d.Name, second.Line, isOne)
	}
	return nil, fmt.Errorf("%s: %w", d.Name, err)
}

// Resolve follows an alias. The nodes may form a cycle, which does no harm: what
// is read of them is never deeper than the keys that are known.
func Resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// Entries calls read for each entry of a mapping whose key is a new text. It
// reports false when the node is no mapping.
func (d *Document) Entries(node *yaml.Node, read func(key, value *yaml.Node)) bool {
	m := Resolve(node)
	if m.Kind != yaml.MappingNode {
		d.Errorf(node, "%s where keys and values belong", Describe(m))
		return false
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			d.Errorf(key, "%s where a key belongs", Describe(key))
			continue
		}
		if line, twice := lines[key.Value]; twice {
			d.Errorf(key, "%.64q is in line %d already", key.Value, line)
			continue
		}
		lines[key.Value] = key.Line
		read(key, value)
	}
	return true
}

// Text accepts any scalar but null: a number needs no quotes to be a name.
func (d *Document) Text(node *yaml.Node) (string, bool) {
	s := Resolve(node)
	if s.Kind != yaml.ScalarNode || s.Tag == "!!null" || s.Value == "" {
		d.Errorf(node, "%s where a text belongs", Describe(s))
		return "", false
	}
	return s.Value, true
}

// Describe names the kind of a node of a document.
func Describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "keys and values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null" || n.Value == "":
		return "nothing"
	default:
		return "a text"
	}
}
