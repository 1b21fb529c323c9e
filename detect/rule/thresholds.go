package rule

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// Threshold is a number or a duration that a rule has a name for, so that an
// override can set it.
type Threshold struct {
	Name  string
	Value string // as written: 5m, 20
	File  string // that the value is from
	Line  int
	Used  bool // by the rule
}

// thresholds are those of one rule.
type thresholds map[string]*threshold

type threshold struct {
	setting
	number     float64
	duration   time.Duration
	isDuration bool
	used       bool
}

// thresholds reads a rule's, with what overrides set.
func (d *draft) thresholds() thresholds {
	t := thresholds{}
	t.read(d.source, d.fields[schema.ThresholdGroup], func(key *yaml.Node, given *threshold) {
		name := key.Value
		switch {
		case !schema.IsListName(name):
			d.Errorf(yamlsrc.PlaceOf(key), "%q can't be the name of a threshold: %s", yamlsrc.Short(name), schema.ListNameRules)
		case len(t) == schema.MaxThresholds:
			d.Errorf(yamlsrc.PlaceOf(key), "a rule has at most %d thresholds", schema.MaxThresholds)
		default:
			t[name] = given
		}
	})
	for _, o := range d.overrides {
		t.read(o.source, o.fields[schema.ThresholdGroup], func(key *yaml.Node, given *threshold) {
			switch own := t[key.Value]; {
			case own == nil:
				o.Errorf(yamlsrc.PlaceOf(key), "the rule %s has no threshold %s%s", d.id, yamlsrc.Short(key.Value), suggest.OrList(key.Value, t.names()))
			case own.isDuration != given.isDuration:
				o.Errorf(yamlsrc.PlaceOf(given.n), "%s is %s in the rule, such as %s", key.Value, own.kind(), own.n.Value)
			default:
				t[key.Value] = given
			}
		})
	}
	return t
}

func (t thresholds) names() []string { return slices.Sorted(maps.Keys(t)) }

func (t *threshold) kind() string {
	if t.isDuration {
		return "a duration"
	}
	return "a number"
}

func (t thresholds) read(s *source, n *yaml.Node, add func(key *yaml.Node, given *threshold)) {
	if n == nil {
		return
	}
	values := s.Mapping(n, schema.ThresholdGroup, nil)
	for i := 0; i+1 < len(n.Content) && values != nil; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if values[key.Value] != value {
			continue // repeated, and reported
		}
		given := &threshold{setting: setting{s, value}}
		if value.Kind != yaml.ScalarNode {
			s.Errorf(yamlsrc.PlaceOf(value), "a threshold is a number, or a duration such as 5m; this is %s", yamlsrc.KindOf(value))
			continue
		}
		if value.Tag == "!!int" || value.Tag == "!!float" {
			var ok bool
			if given.number, ok = s.Number(value, key.Value); ok {
				add(key, given)
			}
			continue
		}
		d, err := parseDuration(value.Value)
		if err != nil || d <= 0 {
			s.Errorf(yamlsrc.PlaceOf(value), "a threshold is a number, or a duration such as 5m, not %s", yamlsrc.Written(value))
			continue
		}
		given.duration, given.isDuration = d, true
		add(key, given)
	}
}

// literal is the value as a part of an expression.
func (t *threshold) literal() (ast.Node, string) {
	switch {
	case t.isDuration:
		return &ast.ConstantNode{Value: t.duration}, TypeDuration
	case t.number == math.Trunc(t.number) && math.Abs(t.number) < 1<<53:
		return &ast.IntegerNode{Value: int(t.number)}, TypeNumber
	default:
		return &ast.FloatNode{Value: t.number}, TypeNumber
	}
}

// find returns a threshold by what an author calls it, thresholds.NAME, or says
// why there is none.
func (t thresholds) find(path string) (found *threshold, why string) {
	name := strings.TrimPrefix(path, schema.ThresholdGroup+".")
	if found = t[name]; found != nil {
		found.used = true
		return found, ""
	}
	if len(t) == 0 {
		return nil, "the rule has no thresholds; they are written below \"thresholds:\""
	}
	return nil, "the rule has no threshold " + yamlsrc.Short(name) + suggest.OrList(name, t.names())
}

// threshold puts a threshold's value in the place of its name.
func (r *resolver) threshold(n *ast.Node, path string) string {
	if r.thresholds == nil {
		r.mistake(*n, "only a rule has thresholds; a macro is the same for all rules")
		return unknown
	}
	t, why := r.thresholds.find(path)
	if t == nil {
		r.mistake(*n, "%s", why)
		return unknown
	}
	literal, kind := t.literal()
	ast.Patch(n, literal)
	return kind
}

// resolve returns what stands for a field's value: a threshold's where the
// field names one.
func (t thresholds) resolve(s *source, n *yaml.Node) setting {
	if n.Kind != yaml.ScalarNode {
		return setting{s, n}
	}
	if group, name, ok := strings.Cut(n.Value, "."); ok && group != schema.ThresholdGroup && t[name] != nil {
		s.Errorf(yamlsrc.PlaceOf(n), "%s is no value; did you mean %s.%s?", yamlsrc.Short(n.Value), schema.ThresholdGroup, name)
		return setting{}
	}
	if !strings.HasPrefix(n.Value, schema.ThresholdGroup+".") {
		return setting{s, n}
	}
	found, why := t.find(n.Value)
	if found == nil {
		s.Errorf(yamlsrc.PlaceOf(n), "%s", why)
		return setting{}
	}
	return found.setting
}

// list returns the thresholds by name.
func (t thresholds) list() (all []Threshold) {
	for _, name := range t.names() {
		one := t[name]
		all = append(all, Threshold{Name: name, Value: one.n.Value, File: one.s.Name, Line: one.n.Line, Used: one.used})
	}
	return all
}
