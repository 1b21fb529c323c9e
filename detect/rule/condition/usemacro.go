package condition

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// Macros are the named conditions that others can use.
type Macros struct {
	All    map[string]*Macro
	Unread bool // a file could not be read: then an unknown name is no error
}

// Macro is a named condition.
type Macro struct {
	Text   string
	Broken bool // it is no expression
	Used   bool
}

func (m *Macros) Names() []string { return slices.Sorted(maps.Keys(m.All)) }

// maxDepth is how deep a macro can be in others.
const maxDepth = 10

// macro puts a macro's condition in the place of its name.
func (r *resolver) macro(n *ast.Node, path string) string {
	name, use := path[len(schema.MacroGroup)+1:], *n
	one := r.Macros.All[name]
	switch {
	case one == nil && r.Macros.Unread:
		r.unsure = true
		return Unknown
	case one == nil:
		r.errorf(use, "%s has no macro %s%s", schema.MacrosFile, yamlsrc.Short(name), suggest.DidYouMean(name, r.Macros.Names()))
		return Unknown
	case slices.Contains(r.within, name):
		r.errorf(use, "the macro %s uses itself (%s)", name, strings.Join(append(slices.Clone(r.within), name), ", "))
		return Unknown
	case len(r.within) == maxDepth:
		r.errorf(use, "macros within macros, more than %d deep", maxDepth)
		return Unknown
	case one.Broken:
		r.unsure = true
		return Unknown
	}
	one.Used = true
	if r.nodes > maxNodes {
		return Unknown // it is reported
	}
	tree, err := parser.ParseWithConfig(one.Text, r.conditions.env)
	if err != nil {
		r.unsure = true // reported where it is
		return Unknown
	}
	if r.nodes += count(tree.Node); r.nodes > maxNodes {
		r.errorf(use, "with its macros the expression has more than %d parts; make two rules of it", maxNodes)
		return Unknown
	}
	ast.Walk(&tree.Node, moveTo{use.Location()})
	*n = tree.Node
	before := len(r.errors)
	r.within = append(r.within, name)
	r.condition(n)
	r.within = r.within[:len(r.within)-1]
	for i := range r.errors[before:] {
		m := &r.errors[before+i]
		m.Message = "in the macro " + name + ": " + m.Message
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
