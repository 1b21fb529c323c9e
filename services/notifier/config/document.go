package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// document is a YAML file being read. It collects mistakes and goes on.
type document struct {
	file     string
	dir      string
	env      Environment
	mistakes []mistake
}

type mistake struct {
	line, column int
	err          error
}

func (d *document) mistake(at *yaml.Node, format string, args ...any) {
	d.mistakes = append(d.mistakes, mistake{at.Line, at.Column, fmt.Errorf(format, args...)})
}

// err joins the mistakes in the order of the file.
func (d *document) err() error {
	slices.SortStableFunc(d.mistakes, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	all := make([]error, len(d.mistakes))
	for i, m := range d.mistakes {
		all[i] = fmt.Errorf("%s:%d:%d: %w", d.file, m.line, m.column, m.err)
	}
	return errors.Join(all...)
}

// parse returns the root of the only YAML document in data.
func (d *document) parse(data []byte) (*yaml.Node, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: %d bytes, more than %d", d.file, len(data), maxFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: empty; it needs a list of receivers", d.file)
	}
	if err == nil {
		if err = decoder.Decode(&second); errors.Is(err, io.EOF) {
			return first.Content[0], nil
		}
	}
	if err == nil {
		return nil, fmt.Errorf("%s:%d: a second YAML document; a configuration is one", d.file, second.Line)
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

// mapping calls the function of each key in the order of the file, and
// reports keys that are unknown, repeated or missing though required. It
// reports false when node isn't a mapping.
func (d *document) mapping(node *yaml.Node, known map[string]func(key, value *yaml.Node), required ...string) bool {
	seen := map[string]bool{}
	ok := d.entries(node, func(key, value *yaml.Node) {
		seen[key.Value] = true
		if read, ok := known[key.Value]; ok {
			read(key, value)
			return
		}
		d.mistake(key, "unknown key %.64q; known here: %s", key.Value, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	})
	for _, key := range required {
		if ok && !seen[key] {
			d.mistake(node, "%s is missing", key)
		}
	}
	return ok
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

func (d *document) sequence(node *yaml.Node, most int) ([]*yaml.Node, bool) {
	s := resolved(node)
	switch {
	case s.Kind != yaml.SequenceNode:
		d.mistake(node, "%s where a list belongs", kindOf(s))
	case len(s.Content) > most:
		d.mistake(node, "%d entries, more than %d", len(s.Content), most)
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

// duration returns zero after a mistake.
func (d *document) duration(node *yaml.Node, least, most time.Duration) time.Duration {
	text, ok := d.text(node)
	if !ok {
		return 0
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < least || v > most {
		d.mistake(node, "%.64q: write a time from %v to %v, such as 30s or 1h30m", text, least, most)
		return 0
	}
	return v
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
