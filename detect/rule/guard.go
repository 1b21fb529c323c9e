package rule

import "github.com/expr-lang/expr/ast"

// guard is what must be true of a change for a condition to hold: necessary,
// not sufficient. It is a box: for each field on its own the values with which
// the condition can hold. So the guard of "a and b" is the intersection of
// theirs, and that of "a or b" the union field by field, which may hold more
// than either.
type guard struct {
	facts      facts
	host, peer roleFacts
	ports      *portSet // of conn.port; nil is every port
}

// roleFacts is facts about the roles of one end: bit i of the lower half says
// that it has one of the roles of list i, bit i of the upper half that it has
// none of them.
type roleFacts uint64

const (
	maxRoleFacts = 32
	allRoleFacts = ^roleFacts(0)
)

func hasRole(list int) roleFacts   { return 1 << list }
func lacksRole(list int) roleFacts { return 1 << (list + maxRoleFacts) }

// anything is the guard of a condition of which nothing is known.
func anything() guard { return guard{facts: allFacts, host: allRoleFacts, peer: allRoleFacts} }

func (g guard) and(o guard) guard {
	g.facts &= o.facts
	g.host &= o.host
	g.peer &= o.peer
	switch {
	case g.ports == nil:
		g.ports = o.ports
	case o.ports != nil:
		both := *g.ports
		for i := range both {
			both[i] &= o.ports[i]
		}
		g.ports = &both
	}
	return g
}

func (g guard) or(o guard) guard {
	g.facts |= o.facts
	g.host |= o.host
	g.peer |= o.peer
	if g.ports == nil || o.ports == nil {
		g.ports = nil
		return g
	}
	either := *g.ports
	for i := range either {
		either[i] |= o.ports[i]
	}
	g.ports = &either
	return g
}

// leaf is a part of a condition that asks about one field only: the guards of
// its being true and of its being false.
type leaf struct{ holds, fails guard }

func factLeaf(d *dimension, allowed facts) leaf {
	holds, fails := anything(), anything()
	holds.facts = allowed | ^d.all()
	fails.facts = d.all()&^allowed | ^d.all()
	return leaf{holds, fails}
}

func portLeaf(ports *portSet) leaf {
	holds, fails := anything(), anything()
	holds.ports, fails.ports = ports, ports.complement()
	return leaf{holds, fails}
}

func hostLeaf(list int) leaf {
	holds, fails := anything(), anything()
	holds.host, fails.host = ^lacksRole(list), ^hasRole(list)
	return leaf{holds, fails}
}

func peerLeaf(list int) leaf {
	holds, fails := anything(), anything()
	holds.peer, fails.peer = ^lacksRole(list), ^hasRole(list)
	return leaf{holds, fails}
}

// necessary returns the guard of an expression's being true, or of its being
// false. leaves holds what is known of its parts.
func necessary(n ast.Node, value bool, leaves map[ast.Node]leaf) guard {
	if l, ok := leaves[n]; ok {
		if value {
			return l.holds
		}
		return l.fails
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		if isNot(n.Operator) {
			return necessary(n.Node, !value, leaves)
		}
	case *ast.BinaryNode:
		if !isAnd(n.Operator) && !isOr(n.Operator) {
			break
		}
		left, right := necessary(n.Left, value, leaves), necessary(n.Right, value, leaves)
		if isAnd(n.Operator) == value {
			return left.and(right)
		}
		return left.or(right)
	}
	return anything()
}

func isNot(operator string) bool { return operator == "not" || operator == "!" }
func isAnd(operator string) bool { return operator == "and" || operator == "&&" }
func isOr(operator string) bool  { return operator == "or" || operator == "||" }
