package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser/lexer"

	"headstart/detect/rule"
	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/event"
	"headstart/yamlsrc"
)

// The limits of what is shown.
const (
	maxShown       = 300 // characters of a text
	maxValues      = 12  // values of a term
	maxShownValues = 10  // elements of a list
)

// madeOf is what the fields that sum others up are made of.
func madeOf(field string) []string {
	switch field {
	case "baseline.unusual":
		return []string{"baseline.known", "baseline.role_known", "baseline.originator.peers", "baseline.responder.peers", "baseline.host.learning", "baseline.peer.learning"}
	case "baseline.known":
		return []string{"baseline.days"}
	case "baseline.hour_usual":
		return []string{"conn.hour"}
	case "conn.open":
		return []string{"conn.event", "conn.state"}
	case "conn.closed", "conn.attempted":
		return []string{"conn.event"}
	case "conn.loopback":
		return []string{"conn.local", "conn.peer"}
	case "peer.internal", "peer.external":
		return []string{"conn.peer"}
	case "peer.known":
		return []string{"peer.name"}
	}
	return nil
}

// collect notes what a term is about: fields, what is calculated of them, and
// the lists that they are looked for in.
func (c *cutter) collect(l *outline, n ast.Node, tokens []lexer.Token) {
	if not, ok := n.(*ast.UnaryNode); ok && condition.IsNot(not.Operator) {
		n = not.Node // a not in b
	}
	if f := firedIn(n); f != nil {
		l.fired = f
		c.add(l, map[bool]string{true: "peer.name", false: "host.name"}[f.peer])
		return
	}
	if path, ok := condition.PathOf(n); ok {
		for _, part := range madeOf(path) {
			c.add(l, part)
		}
		return
	}
	binary, ok := n.(*ast.BinaryNode)
	at := -1
	if ok {
		at = operatorAt(binary, tokens)
	}
	if at < 0 {
		c.names(l, n)
		return
	}
	left := tokens[:at]
	if n := len(left); n > 0 && left[n-1].Is(lexer.Operator, "not") {
		left = left[:n-1]
	}
	if end, _ := condition.PathOf(binary.Left); end == "host" || end == "peer" { // in roles.web
		if list, _ := condition.PathOf(binary.Right); strings.HasPrefix(list, schema.HostLists+".") {
			c.add(l, end+".name")
		} else {
			c.add(l, end+".roles")
		}
	} else {
		c.side(l, binary.Left, left)
	}
	c.side(l, binary.Right, tokens[at+1:])
}

// firedIn returns what fired("rule", host) asks about; nil of everything else.
func firedIn(n ast.Node) *firedAbout {
	call, ok := n.(*ast.CallNode)
	if !ok || len(call.Arguments) < 2 {
		return nil
	}
	name, _ := condition.PathOf(call.Callee)
	id, isText := call.Arguments[0].(*ast.StringNode)
	if end, _ := condition.PathOf(call.Arguments[1]); name == "fired" && isText {
		return &firedAbout{id.Value, end == "peer"}
	}
	return nil
}

// side notes one side of a comparison: its value too where it is calculated.
func (c *cutter) side(l *outline, n ast.Node, tokens []lexer.Token) {
	if _, isPath := condition.PathOf(n); !isPath && hasPath(n) {
		c.add(l, c.source(withoutParentheses(tokens)))
	}
	c.names(l, n)
}

// names notes the fields and lists in an expression.
func (c *cutter) names(l *outline, n ast.Node) {
	var paths namedPaths
	ast.Walk(&n, &paths)
	for _, path := range paths {
		kind, name, _ := strings.Cut(path, ".")
		switch {
		case condition.IsListKind(kind) && name != "":
			if lists := c.language.Lists.Matching(kind, name); lists != nil {
				c.addList(l, path, formatAll(c.language.Lists.Texts(kind, lists)))
			}
		case c.language.IsGroup(path):
		default:
			c.add(l, path)
			for _, part := range madeOf(path) {
				c.add(l, part)
			}
		}
	}
}

// namedPaths are the dotted names in an expression, in order, with those that
// they begin with.
type namedPaths []string

func (p *namedPaths) Visit(n *ast.Node) {
	if path, ok := condition.PathOf(*n); ok && strings.Contains(path, ".") || path == "now" {
		*p = append(*p, path)
	}
}

func hasPath(n ast.Node) bool {
	var paths namedPaths
	ast.Walk(&n, &paths)
	return paths != nil
}

// add notes an expression, if it has a value.
func (c *cutter) add(l *outline, text string) {
	if len(l.values) >= maxValues || slices.ContainsFunc(l.values, func(a named) bool { return a.name == text }) {
		return
	}
	if of, ok := c.language.CompileAny(text, c.frame); ok {
		l.values = append(l.values, named{shown(text), of})
	}
}

func (c *cutter) addList(l *outline, name, entries string) {
	if !slices.ContainsFunc(l.lists, func(n Named) bool { return n.Name == name }) {
		l.lists = append(l.lists, Named{Name: name, Value: entries, List: true})
	}
}

// named evaluates an expression for people to read.
func (x *Explainer) named(name string, c *condition.Clause, o *rule.Observation) Named {
	value, err := x.machine.Run(c, o)
	if err != nil {
		return Named{Name: shown(name), Value: "can't be evaluated: " + shown(err.Error())}
	}
	return Named{Name: shown(name), Value: format(value)}
}

// format writes a value as the language does, and short.
func format(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(yamlsrc.Short(v))
	case time.Duration:
		if v == condition.Longest {
			return "unbounded"
		}
		return withoutZeros(v.Round(time.Millisecond).String())
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case []string:
		return formatList(len(v), func(i int) string { return yamlsrc.Short(v[i]) })
	case []event.Address:
		return formatList(len(v), func(i int) string { return v[i].String() })
	case float64:
		return strconv.FormatFloat(v, 'g', 6, 64)
	default:
		return shown(string(condition.AppendValue(nil, v)))
	}
}

// withoutZeros writes 5m for Go's 5m0s.
func withoutZeros(duration string) string {
	for _, zeros := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(duration, zeros) {
			duration = duration[:len(duration)-2]
		}
	}
	return duration
}

func formatList(n int, element func(int) string) string {
	var b strings.Builder
	b.WriteByte('[')
	for i := range min(n, maxShownValues) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(yamlsrc.Printable(element(i)))
	}
	if n > maxShownValues {
		fmt.Fprintf(&b, " and %d more", n-maxShownValues)
	}
	return b.String() + "]"
}

func formatAll(all []string) string {
	return formatList(len(all), func(i int) string { return all[i] })
}

// shown keeps a text short, and from steering a terminal.
func shown(text string) string {
	if runes := []rune(text); len(runes) > maxShown {
		text = string(runes[:maxShown]) + "…"
	}
	return yamlsrc.Printable(text)
}
