package rule

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
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

// thresholdFields are the thresholds of one rule, and their places.
type thresholdFields struct {
	condition.Thresholds
	from map[string]setting
}

// given is a threshold as a file has it.
type given struct {
	setting
	*condition.Threshold
}

// thresholds reads a rule's, with what overrides set.
func (d *parsedRule) thresholds() thresholdFields {
	t := thresholdFields{condition.Thresholds{}, map[string]setting{}}
	t.read(d.source, d.fields[schema.ThresholdGroup], func(key *yaml.Node, g given) {
		name := key.Value
		switch {
		case !schema.IsListName(name):
			d.Errorf(yamlsrc.PlaceOf(key), "%q can't be the name of a threshold: %s", yamlsrc.Short(name), schema.ListNameRules)
		case len(t.Thresholds) == schema.MaxThresholds:
			d.Errorf(yamlsrc.PlaceOf(key), "a rule has at most %d thresholds", schema.MaxThresholds)
		default:
			t.set(name, g)
		}
	})
	for _, o := range d.overrides {
		t.read(o.source, o.fields[schema.ThresholdGroup], func(key *yaml.Node, g given) {
			switch own := t.Thresholds[key.Value]; {
			case own == nil:
				o.Errorf(yamlsrc.PlaceOf(key), "the rule %s has no threshold %s%s", d.id, yamlsrc.Short(key.Value), suggest.OrList(key.Value, t.Names()))
			case own.IsDuration != g.IsDuration:
				o.Errorf(yamlsrc.PlaceOf(g.n), "%s is %s in the rule, such as %s", key.Value, own.Kind(), t.from[key.Value].n.Value)
			default:
				t.set(key.Value, g)
			}
		})
	}
	return t
}

func (t thresholdFields) set(name string, g given) {
	t.Thresholds[name], t.from[name] = g.Threshold, g.setting
}

func (t thresholdFields) read(s *source, n *yaml.Node, add func(key *yaml.Node, g given)) {
	if n == nil {
		return
	}
	values := s.Mapping(n, schema.ThresholdGroup, nil)
	for i := 0; i+1 < len(n.Content) && values != nil; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if values[key.Value] != value {
			continue // repeated, and reported
		}
		g := given{setting{s, value}, new(condition.Threshold)}
		if value.Kind != yaml.ScalarNode {
			s.Errorf(yamlsrc.PlaceOf(value), "a threshold is a number, or a duration such as 5m; this is %s", yamlsrc.KindOf(value))
			continue
		}
		if value.Tag == "!!int" || value.Tag == "!!float" {
			var ok bool
			if g.Number, ok = s.Number(value, key.Value); ok {
				add(key, g)
			}
			continue
		}
		d, err := condition.ParseDuration(value.Value)
		if err != nil || d <= 0 {
			s.Errorf(yamlsrc.PlaceOf(value), "a threshold is a number, or a duration such as 5m, not %s", yamlsrc.Written(value))
			continue
		}
		g.Duration, g.IsDuration = d, true
		add(key, g)
	}
}

// resolve returns what stands for a field's value: a threshold's where the
// field names one.
func (t thresholdFields) resolve(s *source, n *yaml.Node) setting {
	if n.Kind != yaml.ScalarNode {
		return setting{s, n}
	}
	if group, name, ok := strings.Cut(n.Value, "."); ok && group != schema.ThresholdGroup && t.Thresholds[name] != nil {
		s.Errorf(yamlsrc.PlaceOf(n), "%s is no value; did you mean %s.%s?", yamlsrc.Short(n.Value), schema.ThresholdGroup, name)
		return setting{}
	}
	if !strings.HasPrefix(n.Value, schema.ThresholdGroup+".") {
		return setting{s, n}
	}
	found, why := t.Find(n.Value)
	if found == nil {
		s.Errorf(yamlsrc.PlaceOf(n), "%s", why)
		return setting{}
	}
	return t.from[strings.TrimPrefix(n.Value, schema.ThresholdGroup+".")]
}

// list returns the thresholds by name.
func (t thresholdFields) list() (all []Threshold) {
	for _, name := range t.Names() {
		at := t.from[name]
		all = append(all, Threshold{Name: name, Value: at.n.Value, File: at.s.Name, Line: at.n.Line, Used: t.Thresholds[name].Used})
	}
	return all
}
