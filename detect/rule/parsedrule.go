package rule

import (
	"path"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// parsedRule is a file with a rule, or with an override of one, before its fields
// are read.
type parsedRule struct {
	*source
	layer     int
	override  bool
	id        string        // empty when it could not be read
	at        yamlsrc.Place // of the id
	root      *yaml.Node
	fields    map[string]*yaml.Node
	overrides []*parsedRule // of the rule, the last to win
	beside    *testFile     // nil when there is none
}

// setting is the value of a field and the file that it is in.
type setting struct {
	s *source
	n *yaml.Node // nil: the field isn't there
}

// open reads a file; nil when nothing of it could be read.
func (l *loader) open(layer int, from Layer, name string) *parsedRule {
	d := &parsedRule{source: newSource(path.Join(from.Name, name)), layer: layer}
	data, err := readFile(from.Files, name, MaxFile)
	if err != nil {
		d.Errorf(yamlsrc.Place{}, "%v", err)
	} else {
		l.hash(layer, "rule", data)
		d.read(data)
		l.keep(layer, name, d.source, d.root)
	}
	if d.fields == nil {
		l.errors = append(l.errors, d.Diagnostics...)
		return nil
	}
	return d
}

func (d *parsedRule) read(data []byte) {
	if d.root = d.Parse(data); d.root == nil {
		return
	}
	what, field, known := schema.Rule, "rule", schema.Names(schema.Rule)
	if d.override = hasKey(d.root, "override") && !hasKey(d.root, "rule"); d.override {
		what, field, known = schema.Override, "override", schema.Names(schema.Override)
	}
	if d.fields = d.Mapping(d.root, what, known); d.fields == nil {
		return
	}
	if n := d.fields[field]; n != nil {
		d.id, d.at = d.readID(n, field), yamlsrc.PlaceOf(n)
	}
}

func hasKey(n *yaml.Node, name string) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return true
		}
	}
	return false
}

// setting returns the value of a field that can be overridden.
func (d *parsedRule) setting(field string) setting {
	for i := len(d.overrides) - 1; i >= 0; i-- {
		if n := d.overrides[i].fields[field]; n != nil {
			return setting{d.overrides[i].source, n}
		}
	}
	return setting{d.source, d.fields[field]}
}

// Override is a file that changes a rule.
type Override struct {
	File   string
	Reason string   // empty when it doesn't say one
	Fields []string // that it sets, of a threshold as in thresholds.session
}

// describe says what an override is about.
func (d *parsedRule) describe() Override {
	o := Override{File: d.Name}
	if n := d.fields["reason"]; n != nil {
		o.Reason, _ = d.Text(n, "reason")
	}
	for i := 0; i+1 < len(d.root.Content); i += 2 {
		switch key, value := d.root.Content[i].Value, d.root.Content[i+1]; key {
		case "override", "reason":
		case "thresholds":
			for j := 0; j+1 < len(value.Content); j += 2 {
				o.Fields = append(o.Fields, "thresholds."+value.Content[j].Value)
			}
		default:
			o.Fields = append(o.Fields, key)
		}
	}
	if len(o.Fields) == 0 {
		d.Errorf(d.at, "an override changes something: %s", suggest.OneOf(schema.Names(schema.Override)[2:]))
	}
	return o
}
