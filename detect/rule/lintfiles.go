package rule

import (
	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
	"path"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v3"
)

// newLinter returns a linter that has looked at nothing yet.
func newLinter(layers []Layer, set *Set, mistakes yamlsrc.Diagnostics, now time.Time) *linter {
	l := &linter{layers: layers, set: set, now: now, byID: map[string]*looked{}, broken: map[string]bool{}}
	for _, e := range mistakes {
		l.broken[e.File] = true
	}
	l.reasoner = condition.Reasoner{Macros: map[string]ast.Node{}, Kinds: condition.KindsOfChange()}
	if set != nil {
		l.reasoner.Language, l.reasoner.Lists = set.language, set.language.Lists
	} else {
		l.reasoner.Language = condition.NewLanguage(condition.NewLists(), &condition.Macros{}, nil)
	}
	return l
}

// know keeps the linter from parsing again what the loader has.
func (l *linter) know(loaded *loader) {
	l.parsed = make(map[string]*draft, len(loaded.rules)+len(loaded.over))
	for _, d := range loaded.rules {
		l.parsed[d.Name] = d
	}
	for _, d := range loaded.over {
		l.parsed[d.Name] = d
	}
}

// readAll reads the files of the layers, for the places in them.
func (l *linter) readAll() {
	for n, layer := range l.layers {
		names, tests, err := ruleFiles(layer.Files)
		if err != nil {
			continue // which is a mistake, and reported
		}
		for _, name := range append([]string{schema.ListsFile, schema.MacrosFile}, names...) {
			if f := l.read(n, name); f != nil {
				l.sort(f)
			}
		}
		for _, name := range tests {
			id, _ := schema.RuleTestedBy(name)
			if f := l.byID[id]; f != nil && f.layer == n {
				f.tested = true
			}
		}
	}
}

// read returns a file that has no mistakes, nil for others.
func (l *linter) read(layer int, name string) *looked {
	s := newSource(path.Join(l.layers[layer].Name, name))
	if d := l.parsed[s.Name]; d != nil && d.layer == layer && !l.broken[s.Name] {
		s.Lines = d.Lines
		return &looked{source: s, layer: layer, name: name, root: d.root}
	}
	data, err := readFile(l.layers[layer].Files, name, MaxLists)
	if err != nil || l.broken[s.Name] {
		return nil
	}
	f := &looked{source: s, layer: layer, name: name, root: s.Parse(data)}
	if f.root == nil || f.root.Kind != yaml.MappingNode {
		return nil
	}
	return f
}

// sort puts a file where it belongs.
func (l *linter) sort(f *looked) {
	id, overridden := yamlsrc.Field(f.root, "rule"), yamlsrc.Field(f.root, "override")
	switch {
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
func (f *looked) expressions() []expression {
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
func (f *looked) unless() []*yaml.Node {
	if n := yamlsrc.Field(f.root, "unless"); n != nil && n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return nil
}

// tree returns an expression as it is parsed, nil when it has mistakes.
func (l *linter) tree(n *yaml.Node) ast.Node {
	if n == nil || n.Kind != yaml.ScalarNode {
		return nil
	}
	tree, mistakes := l.reasoner.Language.Parse(n.Value)
	if mistakes != nil {
		return nil
	}
	return tree.Node
}

// thresholdsOf are those of a rule, as its overrides leave them.
func (l *linter) thresholdsOf(id string) map[string]string {
	all := map[string]string{}
	for _, f := range append([]*looked{l.byID[id]}, l.overridesOf(id)...) {
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

func (l *linter) overridesOf(id string) []*looked {
	var all []*looked
	for _, f := range l.overrides {
		if f.id == id {
			all = append(all, f)
		}
	}
	return all
}
