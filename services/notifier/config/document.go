package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"headstart/yamlsrc"
)

// document is a configuration being read. It collects errors and goes on.
type document struct {
	yamlsrc.Document
	dir string
	env Environment
}

// mapping calls the function of each key in the order of the file, and
// reports keys that are unknown, repeated or missing though required. It
// reports false when node isn't a mapping.
func (d *document) mapping(node *yaml.Node, known map[string]func(key, value *yaml.Node), required ...string) bool {
	seen := map[string]bool{}
	ok := d.Entries(node, func(key, value *yaml.Node) {
		seen[key.Value] = true
		if read, ok := known[key.Value]; ok {
			read(key, value)
			return
		}
		d.Errorf(key, "unknown key %.64q; known here: %s", key.Value, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	})
	for _, key := range required {
		if ok && !seen[key] {
			d.Errorf(node, "%s is missing", key)
		}
	}
	return ok
}

func (d *document) sequence(node *yaml.Node, most int) ([]*yaml.Node, bool) {
	s := yamlsrc.Resolve(node)
	switch {
	case s.Kind != yaml.SequenceNode:
		d.Errorf(node, "%s where a list belongs", yamlsrc.Describe(s))
	case len(s.Content) > most:
		d.Errorf(node, "%d entries, more than %d", len(s.Content), most)
	default:
		return s.Content, true
	}
	return nil, false
}

// duration returns zero after an error.
func (d *document) duration(node *yaml.Node, least, most time.Duration) time.Duration {
	text, ok := d.Text(node)
	if !ok {
		return 0
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < least || v > most {
		d.Errorf(node, "%.64q: write a time from %v to %v, such as 30s or 1h30m", text, least, most)
		return 0
	}
	return v
}
