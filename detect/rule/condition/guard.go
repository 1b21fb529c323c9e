package condition

import (
	"github.com/expr-lang/expr/ast"

	"headstart/detect/rule/schema"
	"headstart/event"
)

// Guard is what must be true of a change for a condition to hold: necessary,
// not sufficient. It is a box: for each field on its own the values with which
// the condition can hold. So the guard of "a and b" is the intersection of
// theirs, and that of "a or b" the union field by field, which may hold more
// than either.
type Guard struct {
	facts      Facts
	host, peer roleFacts
	ports      *PortSet // of conn.port; nil is every port
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

// anything is the guard of a condition that can hold for everything.
func anything() Guard { return Guard{facts: allFacts, host: allRoleFacts, peer: allRoleFacts} }

func (g Guard) and(o Guard) Guard {
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

func (g Guard) or(o Guard) Guard {
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

// WhileItLasts is the guard for connections that have not ended.
func (g Guard) WhileItLasts() Guard {
	d := Dimensions()
	g.facts &^= d[byEvent].Fact(int(event.Closed)) | d[byEvent].Fact(int(event.StoppedListening))
	return g
}

// Split returns the ports of which the guard needs one, and the guard without
// them; false when there are more than most.
func (g Guard) Split(most int) (ports []uint16, rest Guard, ok bool) {
	if g.ports == nil || g.ports.Len() > most {
		return nil, g, false
	}
	for port := range schema.MaxPort + 1 {
		if g.ports.Has(port) {
			ports = append(ports, uint16(port))
		}
	}
	g.ports = nil
	return ports, g, true
}

// leaf is a part of a condition that is about one field only: the guards of
// its being true and of its being false.
type leaf struct{ holds, fails Guard }

func factLeaf(d *dimension, allowed Facts) leaf {
	holds, fails := anything(), anything()
	holds.facts = allowed | ^d.All()
	fails.facts = d.All()&^allowed | ^d.All()
	return leaf{holds, fails}
}

func portLeaf(ports *PortSet) leaf {
	holds, fails := anything(), anything()
	holds.ports, fails.ports = ports, ports.Complement()
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
func necessary(n ast.Node, value bool, leaves map[ast.Node]leaf) Guard {
	if l, ok := leaves[n]; ok {
		if value {
			return l.holds
		}
		return l.fails
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		if IsNot(n.Operator) {
			return necessary(n.Node, !value, leaves)
		}
	case *ast.BinaryNode:
		if !IsAnd(n.Operator) && !IsOr(n.Operator) {
			break
		}
		left, right := necessary(n.Left, value, leaves), necessary(n.Right, value, leaves)
		if IsAnd(n.Operator) == value {
			return left.and(right)
		}
		return left.or(right)
	}
	return anything()
}

func IsNot(operator string) bool { return operator == "not" || operator == "!" }
func IsAnd(operator string) bool { return operator == "and" || operator == "&&" }
func IsOr(operator string) bool  { return operator == "or" || operator == "||" }
