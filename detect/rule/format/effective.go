package format

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule"
	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
)

// Effective writes an active rule in the layout of [Format]: values that
// overrides set replace the rule's own, and comments name the file of each. The
// layers are those from which the rule was loaded.
func Effective(layers []rule.Layer, r *rule.Rule) ([]byte, error) {
	s, root, err := parsed(layers, r.File)
	if err != nil {
		return nil, err
	}
	f := formatter{File: s, kind: aRule}
	f.collect(root)
	f.head = append([]string{"# " + r.File}, f.head...)
	for i := range r.Overrides {
		o := &r.Overrides[i]
		_, by, err := parsed(layers, o.File)
		if err != nil {
			return nil, err
		}
		f.head[0] += fmt.Sprintf(", overridden by %s", o.File)
		if o.Reason != "" {
			f.head = append(f.head, "# "+o.File+": "+yamlsrc.Short(yamlsrc.Printable(o.Reason)))
		}
		f.override(root, by, "# "+o.File)
	}
	f.header()
	f.mapping(root, 0, nil)
	f.footer()
	return f.out.Bytes(), f.err
}

func parsed(layers []rule.Layer, name string) (*yamlsrc.File, *yaml.Node, error) {
	data, err := rule.ReadFile(layers, name)
	if err != nil {
		return nil, nil, err
	}
	s := yamlsrc.New(name, schema.Dialect())
	root := s.Parse(data)
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, nil, s.Diagnostics
	}
	return s, root, nil
}

// override puts what an override sets into the tree of a rule.
func (f *formatter) override(root, by *yaml.Node, from string) {
	for _, name := range []string{"severity", "score", "score_learning", "enabled", "alert"} {
		if n := yamlsrc.Field(by, name); n != nil {
			f.set(root, name, n, from)
		}
	}
	if given := yamlsrc.Field(by, schema.ThresholdGroup); given != nil {
		for i := 0; i+1 < len(given.Content); i += 2 {
			f.set(yamlsrc.Field(root, schema.ThresholdGroup), given.Content[i].Value, given.Content[i+1], from)
		}
	}
	more := yamlsrc.Field(by, "unless")
	if more == nil || len(more.Content) == 0 {
		return
	}
	if yamlsrc.Field(root, "unless") == nil {
		f.set(root, "unless", &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}, "")
	}
	all := yamlsrc.Field(root, "unless")
	all.Style &^= yaml.FlowStyle
	for _, e := range more.Content {
		f.comments[e] = &comments{above: []string{from}}
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
	r := f.comments[n.Content[i]]
	if r == nil {
		r = new(comments)
		f.comments[n.Content[i]] = r
	}
	if from != "" {
		r.after = from
	}
}
