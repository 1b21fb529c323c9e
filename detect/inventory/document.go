package inventory

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/suggest"
)

// document is a YAML file being read. It collects mistakes and goes on.
type document struct {
	file     string
	mistakes []mistake
}

type mistake struct {
	line, column int
	text         string
}

// maxMistakes are told; nobody reads more.
const maxMistakes = 100

func (d *document) mistake(at *yaml.Node, format string, args ...any) {
	d.mistakes = append(d.mistakes, mistake{at.Line, at.Column, fmt.Sprintf(format, args...)})
}

// err joins the mistakes in the order of the file.
func (d *document) err() error {
	slices.SortStableFunc(d.mistakes, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var all []error
	for i, m := range d.mistakes {
		if i == maxMistakes {
			all = append(all, fmt.Errorf("%s: and %d more mistakes", d.file, len(d.mistakes)-i))
			break
		}
		all = append(all, fmt.Errorf("%s:%d:%d: %s", d.file, m.line, m.column, m.text))
	}
	return errors.Join(all...)
}

// parse returns the root of the only YAML document in data.
func (d *document) parse(data []byte) (*yaml.Node, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("%s: %d bytes, more than %d", d.file, len(data), MaxFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: empty; write networks and hosts", d.file)
	}
	if err == nil {
		if err = decoder.Decode(&second); errors.Is(err, io.EOF) {
			return first.Content[0], nil
		}
	}
	if err == nil {
		return nil, fmt.Errorf("%s:%d: a second YAML document; an inventory is one", d.file, second.Line)
	}
	return nil, fmt.Errorf("%s: %w", d.file, err)
}

// resolved follows an alias. The nodes may form a cycle, which does no harm:
// what is read of them is never deeper than the keys that are known.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// keys are what a mapping may hold, and what reads it.
type keys map[string]func(value *yaml.Node)

// mapping reads a mapping of known keys. It reports false when node isn't one.
func (d *document) mapping(node *yaml.Node, known keys) bool {
	return d.entries(node, func(key, value *yaml.Node) {
		if read, ok := known[key.Value]; ok {
			read(value)
			return
		}
		names := slices.Sorted(maps.Keys(known))
		d.mistake(key, "unknown key %.64q%s (known here: %s)", key.Value, suggest.DidYouMean(key.Value, names), strings.Join(names, ", "))
	})
}

// entries calls read for each entry of a mapping whose key is a text that
// wasn't there before.
func (d *document) entries(node *yaml.Node, read func(key, value *yaml.Node)) bool {
	m := resolved(node)
	if m.Kind != yaml.MappingNode {
		d.mistake(node, "%s where keys and values belong", kindOf(m))
		return false
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			d.mistake(key, "%s where a key belongs", kindOf(key))
			continue
		}
		if line, twice := lines[key.Value]; twice {
			d.mistake(key, "%.64q is in line %d already", key.Value, line)
			continue
		}
		lines[key.Value] = key.Line
		read(key, value)
	}
	return true
}

// list returns the items of a list of at most so many. what they are and an
// example of one are for messages.
func (d *document) list(node *yaml.Node, what, example string, most int) ([]*yaml.Node, bool) {
	s := resolved(node)
	switch {
	case s.Kind == yaml.ScalarNode && s.Value != "" && s.Tag != "!!null":
		d.mistake(node, "a text where a list of %s belongs; write [%.64s]", what, s.Value)
	case s.Kind != yaml.SequenceNode:
		d.mistake(node, "%s where a list of %s belongs; write [%s]", kindOf(s), what, example)
	case len(s.Content) > most:
		d.mistake(node, "%d %s, more than %d", len(s.Content), what, most)
	default:
		return s.Content, true
	}
	return nil, false
}

// text accepts any scalar but null: a number needs no quotes to be a name.
func (d *document) text(node *yaml.Node) (string, bool) {
	s := resolved(node)
	if s.Kind != yaml.ScalarNode || s.Tag == "!!null" || s.Value == "" {
		d.mistake(node, "%s where a text belongs", kindOf(s))
		return "", false
	}
	return s.Value, true
}

// yesOrNo returns true after a mistake.
func (d *document) yesOrNo(node *yaml.Node) bool {
	text, ok := d.text(node)
	switch {
	case !ok:
	case text == "false":
		return false
	case text != "true":
		d.mistake(node, "%.64q: write true or false", text)
	}
	return true
}

func kindOf(n *yaml.Node) string {
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
