package rule

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/suggest"
)

// mapping reads a YAML mapping whose keys are known, and reports unknown and
// repeated ones. what names the mapping in messages.
func (s *source) mapping(n *yaml.Node, what string, known []string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		s.mistake(placeOf(n), "%s is written as lines of \"field: value\", this is %s", what, kindOf(n))
		return nil
	}
	values := make(map[string]*yaml.Node, len(n.Content)/2)
	first := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch line, repeated := first[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			s.mistake(placeOf(key), "%s has no such field: a field is a word", what)
		case repeated:
			s.mistake(placeOf(key), "%q is here a second time; the first is in line %d", short(key.Value), line)
		case known != nil && !slices.Contains(known, key.Value):
			s.mistake(placeOf(key), "%s has no field %q%s", what, short(key.Value), fieldHint(what, key.Value, known))
		default:
			values[key.Value] = value
		}
		first[key.Value] = key.Line
	}
	return values
}

// fieldHint says what an unknown field was meant to be: a misspelt one, one of
// another rule language, or one that belongs elsewhere.
func fieldHint(what, name string, known []string) string {
	if now := renamedFields[what+"."+name]; now != "" {
		return "; it is now called " + now
	}
	if hint := suggest.DidYouMean(name, known); hint != "" {
		return hint
	}
	if hint := otherFields[strings.ToLower(name)]; hint != "" && what == "a rule" {
		return "; " + hint
	}
	return "; it has " + oneOf(known)
}

// renamedFields are the new names of fields that had another.
var renamedFields = map[string]string{inCount + ".regular": "beaconing"}

// otherFields are what a rule doesn't have, and what it has instead.
var otherFields = map[string]string{
	"id": "the id is written rule: my-rule", "name": "write rule: my-rule for the id, title for what people read", "level": "write severity", "priority": "write severity",
	"condition": "write when", "detection": "write when, and in it what must be true of a connection", "tags": "write attack: [T1021.004]", "tag": "write attack: [T1021.004]",
	"desc": "write description", "output": "write title and description", "falsepositives": "write false_positives", "exceptions": "write unless",
	"list": "lists go into lists.yaml", "macro": "macros go into macros.yaml", "items": "lists go into lists.yaml", "fields": "write when, and in it what must be true of a connection",
	"by": "it goes below count, or into each step of a sequence", "of": "it goes below count or absent", "sum": "it goes below count", "within": "it goes below count, sequence or path",
	"window": "write within, below count, sequence or path", "timespan": "write within, below count, sequence or path", "at_least": "it goes below count", "above_usual": "it goes below count",
	"steps": "it goes below sequence", "hops": "it goes below path", "owner": "it goes into an exception below unless", "expires": "it goes into an exception below unless",
}

func suggestOrList(name string, known []string) string {
	if hint := suggest.DidYouMean(name, known); hint != "" {
		return hint
	}
	return "; it has " + oneOf(known)
}

// text reads a string. A number or a date that stands where words are expected
// is taken as the words it is written with.
func (s *source) text(n *yaml.Node, field string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Tag == "!!bool" {
		s.mistake(placeOf(n), "%s must be text, this is %s", field, kindOf(n))
		return "", false
	}
	value := strings.TrimSpace(n.Value)
	if value == "" {
		s.mistake(placeOf(n), "%s is empty", field)
		return "", false
	}
	return value, true
}

// oneLine reads a string of one line with at most limit bytes.
func (s *source) oneLine(n *yaml.Node, field string, limit int) (string, bool) {
	value, ok := s.text(n, field)
	if !ok {
		return "", false
	}
	if strings.ContainsAny(value, "\n\r") || len(value) > limit {
		s.mistake(placeOf(n), "%s must be one line of at most %d characters", field, limit)
		return "", false
	}
	return value, true
}

func (s *source) boolean(n *yaml.Node, field string) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		s.mistake(placeOf(n), "%s must be true or false, this is %s", field, kindOf(n))
		return false, false
	}
	return strings.EqualFold(n.Value, "true"), true
}

// number reads a number that is one.
func (s *source) number(n *yaml.Node, field string) (float64, bool) {
	var value float64
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" && n.Tag != "!!float" || n.Decode(&value) != nil ||
		math.IsNaN(value) || math.IsInf(value, 0) {
		s.mistake(placeOf(n), "%s must be a number, this is %s", field, written(n))
		return 0, false
	}
	return value, true
}

// written says what a node is, and of a single value what it says.
func written(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		return strconv.Quote(short(n.Value))
	}
	return kindOf(n)
}

// list reads a YAML sequence; a null is an empty one.
func (s *source) list(n *yaml.Node, field string) ([]*yaml.Node, bool) {
	switch {
	case n.Kind == yaml.SequenceNode:
		return n.Content, true
	case n.Tag == "!!null":
		return nil, true
	}
	s.mistake(placeOf(n), "%s must be a list ([a, b], or one \"- a\" a line), this is %s", field, kindOf(n))
	return nil, false
}

// kindOf says what a node is, in the words of someone who writes YAML.
func kindOf(n *yaml.Node) string {
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

// short keeps a name from a file short enough for a message.
func short(name string) string {
	const most = 60
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}
