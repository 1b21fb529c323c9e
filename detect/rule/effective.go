package rule

import (
	"fmt"
	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// Effective writes a rule as it is in force, in the layout of [Format]: with
// what overrides set in the place of what they override, and comments that say
// which file each of that is from. The layers are those of a set that was
// loaded; false is that they have no such rule.
func Effective(layers []Layer, set *Set, id string) ([]byte, bool) {
	l := newLinter(layers, set, nil, time.Time{})
	l.readAll()
	of := l.byID[id]
	if of == nil {
		return nil, false
	}
	f := formatter{source: of.source, kind: aRule}
	f.collect(of.root)
	f.head = append([]string{"# " + of.source.Name}, f.head...)
	for _, o := range l.overridesOf(id) {
		if o.layer < of.layer {
			continue // of the rule that was replaced
		}
		f.head[0] += fmt.Sprintf(", overridden by %s", o.source.Name)
		if n := yamlsrc.Field(o.root, "reason"); n != nil {
			f.head = append(f.head, "# "+o.source.Name+": "+yamlsrc.Short(yamlsrc.Printable(n.Value)))
		}
		f.override(of.root, o)
	}
	f.header()
	f.mapping(of.root, 0, nil)
	f.footer()
	return f.out.Bytes(), true
}

// override puts what an override sets into the tree of a rule.
func (f *formatter) override(root *yaml.Node, o *looked) {
	from := "# " + o.source.Name
	for _, name := range []string{"severity", "score", "score_learning", "enabled", "alert"} {
		if n := yamlsrc.Field(o.root, name); n != nil {
			f.set(root, name, n, from)
		}
	}
	if given := yamlsrc.Field(o.root, schema.ThresholdGroup); given != nil {
		for i := 0; i+1 < len(given.Content); i += 2 {
			f.set(yamlsrc.Field(root, schema.ThresholdGroup), given.Content[i].Value, given.Content[i+1], from)
		}
	}
	more := o.unless()
	if len(more) == 0 {
		return
	}
	if yamlsrc.Field(root, "unless") == nil {
		f.set(root, "unless", &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}, "")
	}
	all := yamlsrc.Field(root, "unless")
	all.Style &^= yaml.FlowStyle
	for _, e := range more {
		f.remarks[e] = &remarks{above: []string{from}}
		all.Content = append(all.Content, e)
	}
}

// set sets a field of a mapping, and says where it is from.
func (f *formatter) set(n *yaml.Node, name string, value *yaml.Node, from string) {
	if n == nil {
		return
	}
	i := slices.IndexFunc(n.Content, func(c *yaml.Node) bool { return c.Value == name })
	if i < 0 || i%2 == 1 {
		i = len(n.Content)
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, nil)
	}
	n.Content[i+1] = value
	r := f.remarks[n.Content[i]]
	if r == nil {
		r = new(remarks)
		f.remarks[n.Content[i]] = r
	}
	if from != "" {
		r.after = from
	}
}
