package explain

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"

	"headstart/detect/rule"
	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
)

// outline is a condition taken apart at and, or and not, each part compiled by
// itself.
type outline struct {
	kind TermKind
	text string
	file string
	at   yamlsrc.Place

	condition condition.Condition // of a leaf
	failure   string              // why it can't be evaluated by itself
	values    []named
	lists     []Named
	fired     *firedAbout // that it is about
	terms     []*outline

	// mayFire says that where the whole condition needs it, it waits for another
	// rule to fire.
	mayFire bool
}

// firedAbout is a rule and an end of which fired(…) asks.
type firedAbout struct {
	rule string
	peer bool
}

// asked is a part of an expression whose value is worth showing.
type named struct {
	name   string
	clause condition.Clause
}

// outline takes a condition apart. It has no errors: it was compiled before.
func (x *Explainer) outline(w *rule.When) *outline {
	text := w.Text()
	tree, errs := x.language.Parse(text)
	tokens, err := lexer.Lex(file.NewSource(text))
	if errs != nil || err != nil {
		return &outline{kind: Leaf, text: shown(text), file: w.File(), at: w.Place(-1), failure: "it can't be taken apart"}
	}
	if n := len(tokens); n > 0 && tokens[n-1].Kind == lexer.EOF {
		tokens = tokens[:n-1]
	}
	in := w.Frame
	in.Thresholds = in.Thresholds.Clone()
	c := cutter{Explainer: x, when: w, frame: in, text: []rune(text)}
	return c.cut(tree.Node, tokens)
}

// cutter takes one condition apart. The parser's tree knows where each operator
// stands, not where its operands begin and end: that the tokens say.
type cutter struct {
	*Explainer
	when  *rule.When
	frame condition.Frame
	text  []rune
}

func (c *cutter) cut(n ast.Node, tokens []lexer.Token) *outline {
	tokens = withoutParentheses(tokens)
	l := &outline{kind: Leaf, text: shown(c.source(tokens)), file: c.when.File()}
	if len(tokens) > 0 {
		l.at = c.when.Place(tokens[0].From)
	}
	switch n := n.(type) {
	case *ast.BinaryNode:
		at := operatorAt(n, tokens)
		if at < 0 || tokens[at].Kind != lexer.Operator || !condition.IsAnd(n.Operator) && !condition.IsOr(n.Operator) || tokens[at].Value != n.Operator {
			break
		}
		if l.kind = Or; condition.IsAnd(n.Operator) {
			l.kind = And
		}
		for _, side := range []*outline{c.cut(n.Left, tokens[:at]), c.cut(n.Right, tokens[at+1:])} {
			l.mayFire = l.mayFire || side.mayFire
			if side.kind == l.kind {
				l.terms = append(l.terms, side.terms...)
			} else {
				l.terms = append(l.terms, side)
			}
		}
		return l
	case *ast.UnaryNode: // a not in b is one too
		if condition.IsNot(n.Operator) && operatorAt(n, tokens) == 0 {
			l.kind, l.terms = Not, []*outline{c.cut(n.Node, tokens[1:])}
			return l
		}
	case *ast.MemberNode:
		path, _ := condition.PathOf(n)
		name, isMacro := strings.CutPrefix(path, schema.MacroGroup+".")
		if one := c.set.Macro(name); isMacro && one != nil {
			one.Frame.About = c.frame.About
			l.kind, l.terms = Macro, []*outline{c.outline(one)}
			l.mayFire = l.terms[0].mayFire
			return l
		}
	}
	c.ask(l, n, tokens)
	return l
}

// ask compiles a part that isn't taken apart further, and what it is about.
func (c *cutter) ask(l *outline, n ast.Node, tokens []lexer.Token) {
	compiled, errs := c.language.Compile(c.source(tokens), c.frame)
	if len(errs) > 0 || compiled.Clauses == nil && compiled.Bounds == nil {
		l.failure = "it can't be evaluated by itself"
	}
	l.condition = compiled
	l.mayFire = slices.ContainsFunc(compiled.Clauses, func(c condition.Clause) bool { return c.Fired })
	c.collect(l, n, tokens)
}

// operatorAt returns where among the tokens the operator of a node is; -1 when
// it isn't.
func operatorAt(n ast.Node, tokens []lexer.Token) int {
	return slices.IndexFunc(tokens, func(t lexer.Token) bool { return t.From == n.Location().From })
}

// withoutParentheses drops those that are around all of the tokens.
func withoutParentheses(tokens []lexer.Token) []lexer.Token {
	for len(tokens) > 2 && tokens[0].Is(lexer.Bracket, "(") && closing(tokens) == len(tokens)-1 {
		tokens = tokens[1 : len(tokens)-1]
	}
	return tokens
}

// closing returns where the bracket closes that the tokens begin with; -1 when
// none does.
func closing(tokens []lexer.Token) int {
	depth := 0
	for i, t := range tokens {
		switch {
		case t.Is(lexer.Bracket, "(", "[", "{"):
			depth++
		case t.Is(lexer.Bracket, ")", "]", "}"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// source is the text of tokens as written, with a blank where there was white
// space or a comment.
func (c *cutter) source(tokens []lexer.Token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 && t.From > tokens[i-1].To {
			b.WriteByte(' ')
		}
		b.WriteString(string(c.text[t.From:t.To]))
	}
	return b.String()
}
