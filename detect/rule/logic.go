package rule

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// term is a part of a condition that isn't made of others by and, or and not:
// that it holds, or that it doesn't.
type term struct {
	node  ast.Node
	holds bool
	at    int // its place in the condition, or that of the macro that has it
}

func (t term) String() string {
	if t.holds {
		return t.node.String()
	}
	return "not (" + t.node.String() + ")"
}

// branch is terms that must hold together.
type branch []term

// hasAll reports whether terms are all among a branch's.
func (b branch) hasAll(terms []term) bool {
	return !slices.ContainsFunc(terms, func(t term) bool { return !slices.Contains(b, t) })
}

// reasoner finds out of a condition, without evaluating it, that it can't hold,
// or that it always does. It is sound and not complete: what it doesn't
// understand it takes for possible.
type reasoner struct {
	lists      *lists              // nil: nothing is known of them
	macros     map[string]ast.Node // by name
	thresholds map[string]string   // of the rule, as written
	language   *language
	kinds      []kindOfChange
}

// A condition with more branches, or macros deeper within each other, is not
// looked at.
const (
	maxBranches   = 256
	maxMacroDepth = 8
)

// branches writes a condition's being true, or false, as branches, of which
// one must hold; false when they are too many. in is where the macro stands
// whose condition it is, negative when it is none.
func (r *reasoner) branches(n ast.Node, value bool, in, depth int) ([]branch, bool) {
	switch n := n.(type) {
	case *ast.UnaryNode:
		if isNot(n.Operator) {
			return r.branches(n.Node, !value, in, depth)
		}
	case *ast.BinaryNode:
		if !isAnd(n.Operator) && !isOr(n.Operator) {
			break
		}
		left, ok := r.branches(n.Left, value, in, depth)
		if !ok {
			return nil, false
		}
		right, ok := r.branches(n.Right, value, in, depth)
		if !ok {
			return nil, false
		}
		if isAnd(n.Operator) != value {
			return append(left, right...), len(left)+len(right) <= maxBranches
		}
		return product(left, right)
	case *ast.MemberNode:
		path, _ := pathOf(n)
		name, isMacro := strings.CutPrefix(path, "macros.")
		if macro := r.macros[name]; isMacro && macro != nil && depth < maxMacroDepth {
			if in < 0 {
				in = startOf(n)
			}
			return r.branches(macro, value, in, depth+1)
		}
	}
	if in < 0 {
		in = startOf(n)
	}
	return []branch{{{n, value, in}}}, true
}

func product(left, right []branch) ([]branch, bool) {
	if len(left)*len(right) > maxBranches {
		return nil, false
	}
	var all []branch
	for _, l := range left {
		for _, r := range right {
			both := append(append(make(branch, 0, len(l)+len(r)), l...), r...)
			all = append(all, both)
		}
	}
	return all, true
}

// never returns why none of some branches can hold: the terms of the first
// that exclude each other. There are none when one can, or when nothing is
// known. lasting says that the connection is still there.
func (r *reasoner) never(among []branch, lasting bool) []term {
	for _, b := range among {
		if r.possible(b, lasting) {
			return nil
		}
	}
	if len(among) == 0 {
		return nil
	}
	return r.clash(among[0], lasting)
}

// clash returns as few terms of an impossible branch as exclude each other.
func (r *reasoner) clash(b branch, lasting bool) []term {
	const most = 64 // terms of which each is tried
	left := slices.Clone(b)
	for i := len(left) - 1; i >= 0 && len(b) <= most; i-- {
		without := slices.Delete(slices.Clone(left), i, i+1)
		if !r.possible(without, lasting) {
			left = without
		}
	}
	return left
}

// possible reports whether the terms of a branch can hold together, as far as
// is known.
func (r *reasoner) possible(b branch, lasting bool) bool {
	p := newPossible(r)
	for _, t := range b {
		if !p.add(t) {
			return false
		}
	}
	return p.together(lasting)
}
