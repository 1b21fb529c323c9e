package condition

import (
	"slices"

	"github.com/expr-lang/expr/ast"

	"headstart/detect/rule/schema"
	"headstart/event"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// binary resolves an operator with two sides.
func (r *resolver) binary(n *ast.Node, node *ast.BinaryNode) string {
	switch node.Operator {
	case "and", "&&", "or", "||":
		r.condition(&node.Left)
		r.condition(&node.Right)
		return TypeBool
	case "==", "!=":
		r.equality(n, node)
		return TypeBool
	case "<", "<=", ">", ">=":
		left, right := r.expression(&node.Left), r.expression(&node.Right)
		r.literals(node, left, right)
		return TypeBool
	case "in":
		r.membership(n, node)
		return TypeBool
	case "contains", "startsWith", "endsWith":
		r.texts(node, r.expression(&node.Left))
		r.texts(node, r.expression(&node.Right))
		return TypeBool
	case "matches":
		r.texts(node, r.expression(&node.Left))
		r.pattern(node)
		return TypeBool
	case "+", "-", "*", "/", "%":
		return r.arithmetic(n, node)
	case "..":
		r.errorf(node, "a range stands on the right of in: conn.port in 1000..2000")
	default:
		r.errorf(node, "%s is not part of the rule language", node.Operator)
	}
	return Unknown
}

func isNumber(t string) bool { return t == TypeNumber || t == TypePort }

// equality resolves == and !=.
func (r *resolver) equality(n *ast.Node, node *ast.BinaryNode) {
	left, right := r.expression(&node.Left), r.expression(&node.Right)
	r.literals(node, left, right)
	if left != TypeAddress && right != TypeAddress {
		return
	}
	var same ast.Node
	text, field := node.Right, node.Left
	if left == TypeText {
		text, field = node.Left, node.Right
	}
	literal, isText := text.(*ast.StringNode)
	switch {
	case left == right:
		same = call(func(a, b any) bool { return a == b }, node.Left, node.Right)
	case isText:
		a, err := parseAddress(literal.Value)
		if err != nil {
			r.errorf(literal, "%v%s", err, networkHint(literal.Value))
			return
		}
		want := event.AddressFrom(a)
		same = call(func(v any) bool { return v == want }, field)
	default:
		return
	}
	same.SetLocation(node.Location())
	if node.Operator == "!=" {
		same = &ast.UnaryNode{Operator: "not", Node: same}
	}
	ast.Patch(n, same)
}

func networkHint(text string) string {
	if _, err := ParseNetwork(text); err == nil {
		return "; a network is compared with in"
	}
	return ""
}

// call makes a node that calls a constant function. The functions have types
// that expr's virtual machine calls without reflection.
func call(function any, arguments ...ast.Node) *ast.CallNode {
	return &ast.CallNode{Callee: &ast.ConstantNode{Value: function}, Arguments: arguments}
}

// literals checks a field that is compared with a literal, and notes what that
// needs of a change.
func (r *resolver) literals(node *ast.BinaryNode, left, right string) {
	field, literal, operator := node.Left, node.Right, node.Operator
	fieldType, literalType := left, right
	if isLiteral(field) && !isLiteral(literal) {
		field, literal, operator = literal, field, mirrored(operator)
		fieldType, literalType = right, left
	}
	path, _ := PathOf(field)
	switch value := literal.(type) {
	case *ast.StringNode:
		if d, name := r.valuesOf(field); d != nil && d.names != nil && (operator == "==" || operator == "!=") {
			r.note(node, factLeaf(d, r.values(d, name, value)), operator == "==")
		}
	case *ast.IntegerNode:
		if fieldType != TypePort {
			break
		}
		r.portNumber(value)
		if path == "conn.port" {
			r.note(node, portLeaf(compared(operator, value.Value)), true)
		}
	case *ast.BoolNode:
		if l, ok := r.leaves[field]; ok && (operator == "==" || operator == "!=") {
			r.note(node, l, value.Value == (operator == "=="))
		}
	}
	r.types(node, fieldType, literal, literalType)
}

// types reports a comparison of what can't be compared.
func (r *resolver) types(node *ast.BinaryNode, field string, literal ast.Node, literalType string) {
	switch {
	case field == Unknown || literalType == Unknown || field == literalType || isNumber(field) && isNumber(literalType):
	case field == TypeAddress && literalType == TypeText:
	case field == TypeDuration && isLiteral(literal):
		r.errorf(literal, `a duration is written duration("30s")`)
	case field == TypeTime && isLiteral(literal):
		r.errorf(literal, `a time is written date("2026-12-31")`)
	case isNumber(field) && literalType == TypeText && isLiteral(literal):
		r.errorf(literal, "a number is written without quotes")
	default:
		r.errorf(node, "can't compare %s with %s", field, literalType)
	}
}

// note records what a comparison needs: what the leaf does when it holds, or
// the opposite.
func (r *resolver) note(n ast.Node, l leaf, holds bool) {
	if !holds {
		l.holds, l.fails = l.fails, l.holds
	}
	r.leaves[n] = l
}

func isLiteral(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.BoolNode, *ast.ConstantNode:
		return true
	default:
		return false
	}
}

// mirrored is the operator for the sides changed over.
func mirrored(operator string) string {
	switch operator {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	default:
		return operator
	}
}

// compared returns the ports for which "port operator n" holds.
func compared(operator string, n int) *PortSet {
	ports := new(PortSet)
	switch operator {
	case "==":
		ports.add(n, n)
	case "!=":
		ports.add(n, n)
		return ports.Complement()
	case "<":
		ports.add(0, n-1)
	case "<=":
		ports.add(0, n)
	case ">":
		ports.add(n+1, schema.MaxPort)
	case ">=":
		ports.add(n, schema.MaxPort)
	}
	return ports
}

func (r *resolver) portNumber(n *ast.IntegerNode) {
	if n.Value < 0 || n.Value > schema.MaxPort {
		r.errorf(n, "there is no port %d; ports go from 0 to %d", n.Value, schema.MaxPort)
	}
}

// values checks texts that a field with few values is compared with, and
// returns the facts they stand for.
func (r *resolver) values(d *dimension, path string, texts ...*ast.StringNode) Facts {
	var allowed Facts
	for _, text := range texts {
		if !slices.Contains(d.values(), text.Value) {
			r.errorf(text, "%s is never %q%s", path, yamlsrc.Short(text.Value), suggest.OrList(text.Value, quoteEmpty(d.values())))
			continue
		}
		allowed |= d.Fact(slices.Index(d.names, text.Value))
	}
	return allowed
}

func quoteEmpty(values []string) []string {
	values = slices.Clone(values)
	if i := slices.Index(values, ""); i >= 0 {
		values[i] = `""`
	}
	return values
}
