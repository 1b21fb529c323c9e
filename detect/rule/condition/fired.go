package condition

import (
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"

	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// FiredFor is for how long fired("rule", host) remembers where no duration is
// given.
const FiredFor = 24 * time.Hour

// fired resolves fired("rule-id", host) and fired("rule-id", peer, duration("1h")).
func (r *resolver) fired(n *ast.Node, node *ast.CallNode) string {
	if len(node.Arguments) < 2 || len(node.Arguments) > 3 {
		r.errorf(node, `fired takes a rule and an end, and how long ago it may be: fired("new-listening-port", host, duration("1h"))`)
		return Unknown
	}
	id, ok := node.Arguments[0].(*ast.StringNode)
	end, _ := PathOf(node.Arguments[1])
	switch {
	case !ok:
		r.errorf(node.Arguments[0], "the id of a rule is written in quotes")
		return Unknown
	case end != "host" && end != "peer":
		r.errorf(node.Arguments[1], "fired is about host or peer")
		return Unknown
	case !slices.Contains(r.ids, id.Value):
		r.errorf(id, "there is no rule %s%s", yamlsrc.Short(id.Value), suggest.DidYouMean(id.Value, r.ids))
		return Unknown
	case r.element != Unknown:
		r.errorf(node, "fired can't be used in a loop")
		return Unknown
	}
	within, ok := FiredFor, true
	if len(node.Arguments) == 3 {
		within, ok = r.firedWithin(&node.Arguments[2])
	}
	if !ok {
		return Unknown
	}
	r.uses(node.Arguments[1], end+".name")
	r.Fed[id.Value] = max(r.Fed[id.Value], within)
	rule, peer := id.Value, end == "peer"
	by := call(func(env any) bool { return changeOf(env).hasFired(rule, peer, within) }, &ast.IdentifierNode{Value: "$env"})
	by.Callee.SetLocation(node.Location())
	by.Arguments[0].SetLocation(node.Location())
	ast.Patch(n, by)
	r.usesFired[*n] = true
	return TypeBool
}

// firedWithin reads a duration that is written out, or a threshold.
func (r *resolver) firedWithin(n *ast.Node) (time.Duration, bool) {
	kind := r.expression(n)
	if kind == Unknown {
		return 0, false
	}
	constant, _ := (*n).(*ast.ConstantNode)
	if constant == nil || kind != TypeDuration {
		r.errorf(*n, `how long ago it may be is a duration that is written out: duration("1h")`)
		return 0, false
	}
	within, _ := constant.Value.(time.Duration)
	if within < schema.MinWindow || within > schema.MaxWindow {
		r.errorf(*n, "fired looks back from 1s to 720h (30 days)")
		return 0, false
	}
	return within, true
}

// hasFired reports whether a rule has fired about an end of the connection.
func (c Change) hasFired(rule string, peer bool, within time.Duration) bool {
	name := c.Host.Name
	if peer {
		name = c.Peer.Name
	}
	if c.fired == nil || name == "" {
		return false
	}
	at, ok := c.fired(rule, name)
	return ok && c.Now.Sub(at) <= within
}

// mayFire reports whether a part of a condition can become true when another
// rule fires: it needs that, and not for the opposite.
func mayFire(n ast.Node, usesFired map[ast.Node]bool) bool {
	if usesFired[n] {
		return true
	}
	switch n := n.(type) {
	case *ast.BinaryNode:
		return (IsAnd(n.Operator) || IsOr(n.Operator)) && (mayFire(n.Left, usesFired) || mayFire(n.Right, usesFired))
	default:
		return false
	}
}

type firedCall struct {
	ID string
	At int
}

// CallsOfFired returns the rules whose alerts an expression uses.
func CallsOfFired(tree ast.Node) []firedCall {
	var v firedVisitor
	ast.Walk(&tree, &v)
	return v.calls
}

type firedVisitor struct{ calls []firedCall }

func (v *firedVisitor) Visit(n *ast.Node) {
	call, ok := (*n).(*ast.CallNode)
	if !ok || len(call.Arguments) == 0 {
		return
	}
	name, _ := PathOf(call.Callee)
	if id, ok := call.Arguments[0].(*ast.StringNode); ok && name == "fired" {
		v.calls = append(v.calls, firedCall{id.Value, id.Location().From})
	}
}
