package condition

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// Term is a part of a condition that isn't made of others by and, or and not:
// that it holds, or that it doesn't.
type Term struct {
	Node  ast.Node
	Holds bool
	At    int // its place in the condition, or that of the macro that has it
}

func (t Term) String() string {
	if t.Holds {
		return t.Node.String()
	}
	return "not (" + t.Node.String() + ")"
}

// Branch is terms that must hold together.
type Branch []Term

// HasAll reports whether terms are all among a branch's.
func (b Branch) HasAll(terms []Term) bool {
	return !slices.ContainsFunc(terms, func(t Term) bool { return !slices.Contains(b, t) })
}

// Reasoner finds out of a condition, without evaluating it, that it can't hold,
// or that it always does. It is sound and not complete: what it doesn't
// understand it takes for possible.
type Reasoner struct {
	Lists      *Lists              // nil: nothing is known of them
	Macros     map[string]ast.Node // by name
	Thresholds map[string]string   // of the rule, as written
	Language   *Language
	Kinds      []kindOfChange
}

// A condition with more branches, or macros deeper within each other, is not
// looked at.
const (
	maxBranches   = 256
	maxMacroDepth = 8
)

// Branches writes a condition's being true, or false, as branches, of which
// one must hold; false when they are too many. in is where the macro stands
// whose condition it is, negative when it is none.
func (r *Reasoner) Branches(n ast.Node, value bool, in, depth int) ([]Branch, bool) {
	switch n := n.(type) {
	case *ast.UnaryNode:
		if IsNot(n.Operator) {
			return r.Branches(n.Node, !value, in, depth)
		}
	case *ast.BinaryNode:
		if !IsAnd(n.Operator) && !IsOr(n.Operator) {
			break
		}
		left, ok := r.Branches(n.Left, value, in, depth)
		if !ok {
			return nil, false
		}
		right, ok := r.Branches(n.Right, value, in, depth)
		if !ok {
			return nil, false
		}
		if IsAnd(n.Operator) != value {
			return append(left, right...), len(left)+len(right) <= maxBranches
		}
		return Product(left, right)
	case *ast.MemberNode:
		path, _ := PathOf(n)
		name, isMacro := strings.CutPrefix(path, "macros.")
		if macro := r.Macros[name]; isMacro && macro != nil && depth < maxMacroDepth {
			if in < 0 {
				in = startOf(n)
			}
			return r.Branches(macro, value, in, depth+1)
		}
	}
	if in < 0 {
		in = startOf(n)
	}
	return []Branch{{{n, value, in}}}, true
}

func Product(left, right []Branch) ([]Branch, bool) {
	if len(left)*len(right) > maxBranches {
		return nil, false
	}
	var all []Branch
	for _, l := range left {
		for _, r := range right {
			both := append(append(make(Branch, 0, len(l)+len(r)), l...), r...)
			all = append(all, both)
		}
	}
	return all, true
}

// Never returns why none of some branches can hold: the terms of the first
// that exclude each other. There are none when one can, or when nothing is
// known. lasting says that the connection is still there.
func (r *Reasoner) Never(among []Branch, lasting bool) []Term {
	for _, b := range among {
		if r.Possible(b, lasting) {
			return nil
		}
	}
	if len(among) == 0 {
		return nil
	}
	return r.clash(among[0], lasting)
}

// clash returns as few terms of an impossible branch as exclude each other.
func (r *Reasoner) clash(b Branch, lasting bool) []Term {
	const most = 64 // terms of which each is tried
	left := slices.Clone(b)
	for i := len(left) - 1; i >= 0 && len(b) <= most; i-- {
		without := slices.Delete(slices.Clone(left), i, i+1)
		if !r.Possible(without, lasting) {
			left = without
		}
	}
	return left
}

// Possible reports whether the terms of a branch can hold together, as far as
// is known.
func (r *Reasoner) Possible(b Branch, lasting bool) bool {
	p := newPossible(r)
	for _, t := range b {
		if !p.add(t) {
			return false
		}
	}
	return p.together(lasting)
}
