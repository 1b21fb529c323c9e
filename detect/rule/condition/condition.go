package condition

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/optimizer"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"headstart/detect/rule/schema"
)

// The size of a condition. Its nodes bound what one evaluation costs: a loop
// visits no more elements than a host has addresses, and loops don't nest.
const (
	maxNodes = 500
)

// Condition is a compiled expression, and what a change must have for it to
// hold. Without clauses and bounds it holds always.
type Condition struct {
	Clauses []Clause // in the order of evaluation
	Bounds  []bound  // then these
	Needs   Guard
	number  int // that it has in common with those that are written alike; 0: none
}

// configs are expr's configurations: what it knows types from, and for how
// long an expression it takes the trouble.
type configs struct{ change, env *conf.Config }

func newConfigs(expect reflect.Kind) configs {
	c := configs{conf.New(Change{}), conf.New(Env{})}
	for _, config := range []*conf.Config{c.change, c.env} {
		config.MaxNodes = maxNodes
		config.Expect = expect
	}
	return c
}

// of returns the configuration for what needs the baseline, or doesn't.
func (c configs) of(baseline bool) *conf.Config {
	if baseline {
		return c.env
	}
	return c.change
}

// Parse reads the text of an expression.
func (l *Language) Parse(text string) (*parser.Tree, []Error) {
	if len(text) > schema.MaxExpression {
		return nil, []Error{{0, fmt.Sprintf("the expression has %d bytes; the limit is %d", len(text), schema.MaxExpression)}}
	}
	tree, err := parser.ParseWithConfig(text, l.conditions.env)
	if err != nil {
		return nil, []Error{syntaxError(text, err)}
	}
	return tree, nil
}

// Compile compiles the text of a condition, or returns its errors.
func (l *Language) Compile(text string, in Frame) (Condition, []Error) {
	tree, errs := l.Parse(text)
	if errs != nil {
		return Condition{}, errs
	}
	r := newResolver(l, in, tree.Node)
	r.condition(&tree.Node)
	if len(r.errors) > 0 || r.unsure {
		return Condition{}, r.errors
	}
	ast.Walk(&tree.Node, l.calculator)
	if errs := typeErrors(tree, l.conditions.of(r.baseline)); errs != nil {
		return Condition{}, errs
	}
	needs := necessary(tree.Node, true, r.leaves)
	c, err := l.split(tree, r.usesFired)
	if err != nil {
		return Condition{}, []Error{errorOf(err, 0)}
	}
	c.Needs = needs
	return c, nil
}

func assemble(tree *parser.Tree, config *conf.Config) (*vm.Program, error) {
	if _, err := checker.Check(tree, config); err != nil {
		return nil, err
	}
	if err := optimizer.Optimize(&tree.Node, config); err != nil {
		return nil, err
	}
	return compiler.Compile(tree, config)
}

// typeErrors checks the types of each condition that and, or and not
// connect, on its own: the checker stops at the first error.
func typeErrors(tree *parser.Tree, config *conf.Config) []Error {
	switch n := tree.Node.(type) {
	case *ast.UnaryNode:
		if IsNot(n.Operator) {
			return typeErrors(&parser.Tree{Node: n.Node, Source: tree.Source}, config)
		}
	case *ast.BinaryNode:
		if IsAnd(n.Operator) || IsOr(n.Operator) {
			left := typeErrors(&parser.Tree{Node: n.Left, Source: tree.Source}, config)
			return append(left, typeErrors(&parser.Tree{Node: n.Right, Source: tree.Source}, config)...)
		}
	}
	_, err := checker.Check(tree, config)
	if err == nil {
		return nil
	}
	start := startOf(tree.Node)
	if mistyped := (*file.Error)(nil); !errors.As(err, &mistyped) {
		return []Error{{start, "a condition is true or false, this is of the type " + inWords(tree.Node.Type().String())}}
	}
	return []Error{errorOf(err, start)}
}

// startOf returns where an expression begins: a comparison's own place is its
// operator.
func startOf(n ast.Node) int {
	first := firstNode{at: n.Location().From}
	ast.Walk(&n, &first)
	return first.at
}

type firstNode struct{ at int }

func (f *firstNode) Visit(n *ast.Node) { f.at = min(f.at, (*n).Location().From) }

// errorOf takes message and place from an error of expr.
func errorOf(err error, otherwise int) Error {
	var placed *file.Error
	if errors.As(err, &placed) {
		if strings.HasPrefix(placed.Message, "invalid operation: % (") {
			return Error{placed.From, "% is for whole numbers"}
		}
		return Error{placed.From, inWords(placed.Message)}
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	return Error{otherwise, inWords(message)}
}

var goTypes = regexp.MustCompile(`(\[\])?\b(event\.Address|condition\.End|time\.Duration|time\.Time|string|int|float64|bool)\b`)

// inWords replaces Go's names of types by the language's.
func inWords(message string) string {
	words := map[string]string{
		"[]string":        TypeTexts,
		"[]event.Address": TypeAddresses,
		"[]int":           typeNumbers,
		"event.Address":   TypeAddress,
		"condition.End":   TypeEnd,
		"time.Duration":   TypeDuration,
		"time.Time":       TypeTime,
		"string":          TypeText,
		"int":             TypeNumber,
		"float64":         TypeNumber,
		"bool":            TypeBool,
	}
	return goTypes.ReplaceAllStringFunc(message, func(name string) string {
		if word, ok := words[name]; ok {
			return word
		}
		return name
	})
}

// CompileAny compiles an expression of any type; false when it has errors.
func (l *Language) CompileAny(text string, in Frame) (Clause, bool) {
	tree, errs := l.Parse(text)
	if errs != nil {
		return Clause{}, false
	}
	r := newResolver(l, in, tree.Node)
	r.expression(&tree.Node)
	if len(r.errors) > 0 || r.unsure {
		return Clause{}, false
	}
	ast.Walk(&tree.Node, l.calculator)
	if _, err := checker.Check(tree, l.values.of(r.baseline)); err != nil {
		return Clause{}, false
	}
	c, err := l.clause(tree.Node, tree, l.values)
	return c, err == nil
}
