package lint

import (
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v3"

	"headstart/detect/rule"
	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
)

// newLinter returns a linter that has read nothing yet.
func newLinter(set *rule.Set, errs yamlsrc.Diagnostics, now time.Time) *linter {
	l := &linter{set: set, now: now, byID: map[string]*checked{}, broken: map[string]bool{}}
	for _, e := range errs {
		l.broken[e.File] = true
	}
	l.reasoner = condition.Reasoner{Macros: map[string]ast.Node{}, Kinds: condition.KindsOfChange()}
	if set != nil {
		l.reasoner.Language, l.reasoner.Lists = set.Language(), set.Language().Lists
	} else {
		l.reasoner.Language = condition.NewLanguage(condition.NewLists(), &condition.Macros{}, nil)
	}
	return l
}

// read takes the files that have no errors.
func (l *linter) read(files []rule.ParsedFile) {
	for _, p := range files {
		if l.broken[p.Name] || p.Root.Kind != yaml.MappingNode {
			continue
		}
		unsaid := *p.File
		unsaid.Diagnostics = nil
		l.sort(&checked{File: &unsaid, layer: p.Layer, name: p.Base, root: p.Root})
	}
}

// sort puts a file where it belongs.
func (l *linter) sort(f *checked) {
	id, overridden := yamlsrc.Field(f.root, "rule"), yamlsrc.Field(f.root, "override")
	tested, isTest := schema.RuleTestedBy(f.name)
	switch {
	case isTest:
		if of := l.byID[tested]; of != nil && of.layer == f.layer {
			of.tested = true
		}
	case f.name == schema.ListsFile:
		l.others = append(l.others, f)
	case f.name == schema.MacrosFile:
		l.others = append(l.others, f)
		for i := 0; i+1 < len(f.root.Content); i += 2 {
			if tree := l.tree(f.root.Content[i+1]); tree != nil {
				l.reasoner.Macros[f.root.Content[i].Value] = tree
			}
		}
	case overridden != nil:
		f.id = strings.TrimSpace(overridden.Value)
		l.overrides = append(l.overrides, f)
	case id != nil:
		f.id = strings.TrimSpace(id.Value)
		l.rules = append(l.rules, f)
		l.byID[f.id] = f
	}
}

// expression is a condition, or another expression, of a file.
type expression struct {
	node  *yaml.Node
	field string // when, by, of, sum
	step  *yaml.Node
}

// expressions returns all expressions of a rule or an override.
func (f *checked) expressions() []expression {
	var all []expression
	add := func(n *yaml.Node, name string, step *yaml.Node) {
		switch {
		case n == nil:
		case n.Kind == yaml.SequenceNode:
			for _, one := range n.Content {
				all = append(all, expression{one, name, step})
			}
		default:
			all = append(all, expression{n, name, step})
		}
	}
	add(yamlsrc.Field(f.root, "when"), "when", nil)
	for _, name := range []string{"by", "of", "sum"} {
		add(yamlsrc.Field(yamlsrc.Field(f.root, "count"), name), name, nil)
	}
	if steps := yamlsrc.Field(yamlsrc.Field(f.root, "sequence"), "steps"); steps != nil {
		for _, step := range steps.Content {
			add(yamlsrc.Field(step, "when"), "when", step)
			add(yamlsrc.Field(step, "by"), "by", step)
		}
	}
	for _, e := range f.unless() {
		add(yamlsrc.Field(e, "when"), "unless", nil)
	}
	return all
}

// unless returns the exceptions of a rule or an override.
func (f *checked) unless() []*yaml.Node {
	if n := yamlsrc.Field(f.root, "unless"); n != nil && n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return nil
}

// tree returns an expression as it is parsed, nil when it has errors.
func (l *linter) tree(n *yaml.Node) ast.Node {
	if n == nil || n.Kind != yaml.ScalarNode {
		return nil
	}
	tree, errs := l.reasoner.Language.Parse(n.Value)
	if errs != nil {
		return nil
	}
	return tree.Node
}

// thresholdsOf are those of a rule, as its overrides leave them.
func (l *linter) thresholdsOf(id string) map[string]string {
	all := map[string]string{}
	for _, f := range append([]*checked{l.byID[id]}, l.overridesOf(id)...) {
		if f == nil {
			continue
		}
		if n := yamlsrc.Field(f.root, "thresholds"); n != nil && n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				all[n.Content[i].Value] = n.Content[i+1].Value
			}
		}
	}
	return all
}

func (l *linter) overridesOf(id string) []*checked {
	var all []*checked
	for _, f := range l.overrides {
		if f.id == id {
			all = append(all, f)
		}
	}
	return all
}
