package condition

import (
	"regexp/syntax"

	"github.com/expr-lang/expr/ast"
)

// texts reports an operator on texts that is used on something else.
func (r *resolver) texts(node *ast.BinaryNode, side string) {
	switch side {
	case Unknown, TypeText:
	case TypeAddress:
		r.errorf(node, "%s is for text, not for addresses; write conn.peer in \"10.1.0.0/16\"", node.Operator)
	default:
		r.errorf(node, "%s is for text, not for %s", node.Operator, side)
	}
}

// A regular expression of a few bytes can have thousands of states, and each
// of them can cost a step for each character. So the states of an expression's
// patterns are limited together, and the texts are those of the environment,
// which have at most event.MaxName bytes.
const maxPatternStates = 500

func (r *resolver) pattern(node *ast.BinaryNode) {
	if !isShortText(node.Left) {
		r.errorf(node, "matches takes a field, lower(field), upper(field) or #")
	}
	text, ok := node.Right.(*ast.StringNode)
	if !ok {
		r.errorf(node, `matches takes a regular expression in quotes: host.name matches "^web-[0-9]+$"`)
		return
	}
	parsed, err := syntax.Parse(text.Value, syntax.Perl)
	if err != nil {
		r.errorf(text, "not a regular expression (RE2 syntax): %v", err)
		return
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err == nil {
		r.states += len(program.Inst)
	}
	if err != nil || r.states > maxPatternStates {
		r.errorf(text, "the regular expressions have more than %d states; make them shorter or their repetitions smaller", maxPatternStates)
	}
}

// isShortText reports whether a text is one of the environment's.
func isShortText(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BuiltinNode:
		return len(n.Arguments) == 1 && isShortText(n.Arguments[0])
	case *ast.IdentifierNode, *ast.MemberNode, *ast.PointerNode:
		return true
	default:
		return false
	}
}
