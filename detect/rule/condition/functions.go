package condition

import (
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"

	"headstart/suggest"
	"headstart/yamlsrc"
)

// function resolves a call of one of expr's functions.
func (r *resolver) function(n *ast.Node, call *ast.BuiltinNode) string {
	switch {
	case !slices.Contains(functions(), call.Name):
		r.errorf(call, "the function %s is not part of the rule language%s", call.Name, suggest.OrList(call.Name, functions()))
	case slices.Contains(loops(), call.Name):
		r.loop(call)
		if call.Name == "count" {
			return TypeNumber
		}
		return TypeBool
	case len(call.Arguments) != 1:
		r.errorf(call, "%s takes one value: %s(…)", call.Name, call.Name)
	case call.Name == "duration":
		return r.duration(n, call)
	case call.Name == "date":
		return r.date(n, call)
	case isLiteral(call.Arguments[0]):
		r.errorf(call, "%s of what is written out is always the same; write the result", call.Name)
	case call.Name == "len":
		r.expression(&call.Arguments[0])
		return TypeNumber
	default:
		r.expression(&call.Arguments[0])
		return TypeText
	}
	return Unknown
}

// loop resolves any(list, condition) and its like. A loop within a loop is
// rejected: the cost of a rule would grow with the power of its depth.
func (r *resolver) loop(call *ast.BuiltinNode) {
	if r.element != Unknown {
		r.errorf(call, "%s within another %s is not part of the rule language", call.Name, suggest.OneOf(loops()))
		return
	}
	if len(call.Arguments) != 2 {
		r.errorf(call, "%s takes a list and a condition on its elements: %s(host.roles, # startsWith \"web\")", call.Name, call.Name)
		return
	}
	element, ok := elementOf(r.expression(&call.Arguments[0]))
	if !ok {
		r.errorf(call, "%s takes a list first: host.roles, host.addresses, peer.roles or [a, b]", call.Name)
		return
	}
	if predicate, ok := call.Arguments[1].(*ast.PredicateNode); ok {
		r.element = element
		r.condition(&predicate.Node)
		r.element = Unknown
	}
}

func (r *resolver) duration(n *ast.Node, call *ast.BuiltinNode) string {
	text, ok := call.Arguments[0].(*ast.StringNode)
	if !ok {
		r.errorf(call, `duration takes a text: duration("30s")`)
		return TypeDuration
	}
	d, err := ParseDuration(text.Value)
	if err != nil {
		r.errorf(text, "%v", err)
	}
	ast.Patch(n, &ast.ConstantNode{Value: d})
	return TypeDuration
}

func (r *resolver) date(n *ast.Node, call *ast.BuiltinNode) string {
	text, ok := call.Arguments[0].(*ast.StringNode)
	if !ok {
		r.errorf(call, `date takes a text: date("2026-12-31")`)
		return TypeTime
	}
	at, err := time.Parse(time.DateOnly, text.Value)
	if err != nil {
		at, err = time.Parse(time.RFC3339, text.Value)
	}
	if err != nil {
		r.errorf(text, `%q is not a date such as "2026-12-31" or "2026-12-31T18:00:00Z"`, yamlsrc.Short(text.Value))
	}
	ast.Patch(n, &ast.ConstantNode{Value: at})
	return TypeTime
}
