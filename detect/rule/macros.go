package rule

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

const (
	// maxMacros is how many there can be, maxDepth how deep one can be in
	// another.
	maxMacros = 1000
	maxDepth  = 10
)

// macros are named conditions that rules share.
type macros struct {
	all    map[string]*macro
	unread bool // a file could not be understood: a name that isn't known is no mistake
	errors yamlsrc.Diagnostics
}

type macro struct {
	setting
	name   string
	over   []string // the files whose macro it replaces
	broken bool
	used   bool
}

// read adds the macros of a file; those of the same name are replaced.
func (m *macros) read(s *source, data []byte) {
	root := s.Parse(data)
	if root == nil {
		m.unread = m.unread || len(s.Diagnostics) > 0
		return
	}
	values := s.Mapping(root, schema.MacrosFile, nil)
	m.unread = m.unread || values == nil
	for i := 0; i+1 < len(root.Content) && values != nil; i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if values[key.Value] != value {
			continue // repeated, and reported
		}
		if !schema.IsListName(key.Value) {
			s.Errorf(yamlsrc.PlaceOf(key), "%q can't be the name of a macro: %s", yamlsrc.Short(key.Value), schema.ListNameRules)
			continue
		}
		if len(m.all) >= maxMacros && m.all[key.Value] == nil {
			s.Errorf(yamlsrc.PlaceOf(key), "more than %d macros", maxMacros)
			return
		}
		one := &macro{setting: setting{s, value}, name: key.Value}
		if before := m.all[key.Value]; before != nil {
			one.over = append(before.over, before.s.Name)
		}
		m.all[key.Value] = one
	}
}

// check compiles each macro by itself, so that its mistakes are reported where
// they are and not in every rule that uses it.
func (m *macros) check(lang *language) {
	checked := map[*source]int{}
	for _, name := range slices.Sorted(maps.Keys(m.all)) {
		one := m.all[name]
		if _, seen := checked[one.s]; !seen {
			checked[one.s] = len(one.s.Diagnostics) // those before are reported already
		}
		before := len(one.s.Diagnostics)
		one.s.condition(one.n, "macro "+name, lang, frame{macro: name})
		one.broken = len(one.s.Diagnostics) > before
	}
	for s, reported := range checked {
		m.errors = append(m.errors, s.Diagnostics[reported:]...)
	}
	for _, one := range m.all {
		one.used = false // by others only
	}
}

func (m *macros) names() []string { return slices.Sorted(maps.Keys(m.all)) }

func (m *macros) definitions() (all []Definition) {
	for _, name := range m.names() {
		one := m.all[name]
		all = append(all, Definition{Kind: schema.MacroGroup, Name: name, File: one.s.Name, Line: one.n.Line, Used: one.used, Size: 1, Over: one.over})
	}
	return all
}

// macro puts a macro's condition in the place of its name.
func (r *resolver) macro(n *ast.Node, path string) string {
	name, use := path[len(schema.MacroGroup)+1:], *n
	one := r.macros.all[name]
	switch {
	case one == nil && r.macros.unread:
		r.unsure = true
		return unknown
	case one == nil:
		r.mistake(use, "%s has no macro %s%s", schema.MacrosFile, yamlsrc.Short(name), suggest.DidYouMean(name, r.macros.names()))
		return unknown
	case slices.Contains(r.within, name):
		r.mistake(use, "the macro %s uses itself (%s)", name, strings.Join(append(slices.Clone(r.within), name), ", "))
		return unknown
	case len(r.within) == maxDepth:
		r.mistake(use, "macros within macros, more than %d deep", maxDepth)
		return unknown
	case one.broken || one.n.Kind != yaml.ScalarNode:
		r.unsure = true
		return unknown
	}
	one.used = true
	if r.nodes > maxNodes {
		return unknown // it is reported
	}
	tree, err := parser.ParseWithConfig(one.n.Value, r.conditions.env)
	if err != nil {
		r.unsure = true // reported where it is
		return unknown
	}
	if r.nodes += count(tree.Node); r.nodes > maxNodes {
		r.mistake(use, "with its macros the expression has more than %d parts; make two rules of it", maxNodes)
		return unknown
	}
	ast.Walk(&tree.Node, moveTo{use.Location()})
	*n = tree.Node
	before := len(r.mistakes)
	r.within = append(r.within, name)
	r.condition(n)
	r.within = r.within[:len(r.within)-1]
	for i := range r.mistakes[before:] {
		m := &r.mistakes[before+i]
		m.message = "in the macro " + name + ": " + m.message
	}
	return TypeBool
}

// moveTo says of all parts of a macro that they are where its name is.
type moveTo struct{ where file.Location }

func (m moveTo) Visit(n *ast.Node) { (*n).SetLocation(m.where) }

// count returns how many parts an expression has.
func count(n ast.Node) int {
	var c counting
	ast.Walk(&n, &c)
	return int(c)
}

type counting int

func (c *counting) Visit(*ast.Node) { *c++ }
