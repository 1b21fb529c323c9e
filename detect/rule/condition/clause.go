package condition

import (
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Clause is a part of a condition: what and connects at its top level is split,
// so that the baseline is only looked up where everything else holds, and a
// connection that is only too young is known to be just that.
type Clause struct {
	program  *vm.Program
	baseline bool // it needs the baseline
	Fired    bool // it can become true when another rule fires
}

// bound is the clause that a connection has lived longer than something. What
// is still open gets older, so it can become true without a change.
type bound struct {
	Clause               // of the duration; without a program it is fixed
	fixed  time.Duration // that is written out
	most   bool          // conn.age.max is compared, not conn.age.min
	orAt   bool          // >=, not >
}

// split compiles the clauses of a condition without errors.
func (l *Language) split(tree *parser.Tree, usesFired map[ast.Node]bool) (c Condition, err error) {
	var cheap, usual, fired ast.Node
	for _, n := range conjuncts(tree.Node, nil) {
		if b, duration, ok := boundOf(n); ok {
			if constant, ok := duration.(*ast.ConstantNode); ok {
				b.fixed, _ = constant.Value.(time.Duration)
			} else if b.Clause, err = l.clause(duration, tree, l.values); err != nil {
				return c, err
			}
			c.Bounds = append(c.Bounds, b)
			continue
		}
		switch {
		case mayFire(n, usesFired):
			fired = join(fired, n)
		case uses(n, "baseline"):
			usual = join(usual, n)
		default:
			cheap = join(cheap, n)
		}
	}
	for _, n := range []ast.Node{cheap, usual, fired} {
		if n == nil {
			continue
		}
		one, err := l.clause(n, tree, l.conditions)
		if err != nil {
			return c, err
		}
		one.Fired = n == fired
		c.Clauses = append(c.Clauses, one)
	}
	return c, nil
}

func (l *Language) clause(n ast.Node, of *parser.Tree, with configs) (Clause, error) {
	baseline := uses(n, "baseline")
	program, err := assemble(&parser.Tree{Node: n, Source: of.Source}, with.of(baseline))
	return Clause{program: program, baseline: baseline}, err
}

// conjuncts returns what and connects, in order.
func conjuncts(n ast.Node, all []ast.Node) []ast.Node {
	if and, ok := n.(*ast.BinaryNode); ok && IsAnd(and.Operator) {
		return conjuncts(and.Right, conjuncts(and.Left, all))
	}
	return append(all, n)
}

func join(left, right ast.Node) ast.Node {
	if left == nil {
		return right
	}
	and := &ast.BinaryNode{Operator: "and", Left: left, Right: right}
	and.SetLocation(right.Location())
	return and
}

// boundOf returns what a conjunct like conn.age.min > duration("30s") requires.
func boundOf(n ast.Node) (b bound, duration ast.Node, ok bool) {
	node, ok := n.(*ast.BinaryNode)
	if !ok {
		return b, nil, false
	}
	age, duration, operator := node.Left, node.Right, node.Operator
	if operator == "<" || operator == "<=" {
		age, duration, operator = duration, age, mirrored(operator)
	}
	path, _ := PathOf(age)
	if path != "conn.age.min" && path != "conn.age.max" || operator != ">" && operator != ">=" || uses(duration, "conn.age") {
		return b, nil, false
	}
	return bound{most: path == "conn.age.max", orAt: operator == ">="}, duration, true
}

// uses reports whether an expression has a field of a group in it.
func uses(n ast.Node, group string) bool {
	a := usage{group: group}
	ast.Walk(&n, &a)
	return a.found
}

type usage struct {
	group string
	found bool
}

func (a *usage) Visit(n *ast.Node) {
	if path, ok := PathOf(*n); ok && path == a.group {
		a.found = true
	}
}
