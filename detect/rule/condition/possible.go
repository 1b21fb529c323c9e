package condition

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"headstart/detect/rule/schema"
	"headstart/event"
)

// possible is what the fields of a change can still be, when the terms that
// were added hold.
type possible struct {
	*Reasoner
	facts   Facts
	ports   map[string]*PortSet
	texts   map[string]*possibleText
	numbers map[string]*interval
	truths  map[string]bool      // of fields and of what isn't understood
	has     map[string][]RoleSet // one of each, by end
	lacks   map[string][]RoleSet // all of them
}

type possibleText struct {
	allowed  []string // when only
	only     bool
	excluded []string
}

// interval is the numbers from least to most, without the ends that are open.
// Durations are in nanoseconds, times in seconds.
type interval struct {
	least, most         float64
	openLeast, openMost bool
}

func newPossible(r *Reasoner) *possible {
	return &possible{
		Reasoner: r, facts: allFacts, ports: map[string]*PortSet{}, texts: map[string]*possibleText{}, numbers: map[string]*interval{},
		truths: map[string]bool{}, has: map[string][]RoleSet{}, lacks: map[string][]RoleSet{},
	}
}

// add takes a term for true, and reports whether that leaves something.
func (p *possible) add(t Term) bool {
	switch n := t.Node.(type) {
	case *ast.BoolNode:
		return n.Value == t.Holds
	case *ast.MemberNode, *ast.IdentifierNode:
		path, _ := PathOf(n)
		return p.truth(path, t.Holds)
	case *ast.BinaryNode:
		return p.comparison(n, t)
	}
	return p.truth(t.Node.String(), t.Holds)
}

func (p *possible) truth(path string, value bool) bool {
	if d := p.Language.dimensions[path]; d != nil && d.names == nil {
		return p.fact(d, d.truth(value))
	}
	before, said := p.truths[path]
	p.truths[path] = value
	return !said || before == value
}

func (p *possible) fact(d *dimension, allowed Facts) bool {
	p.facts &= allowed | ^d.All()
	return p.facts&d.All() != 0
}

func (p *possible) comparison(n *ast.BinaryNode, t Term) bool {
	left, right, operator := n.Left, n.Right, n.Operator
	if _, ok := p.constant(left); ok {
		left, right, operator = right, left, mirrored(operator)
	}
	path, isPath := PathOf(left)
	field, known := p.Language.fields[path]
	if operator == "in" {
		return p.member(n, t)
	}
	if !isPath || !known {
		return p.truth(t.Node.String(), t.Holds)
	}
	switch value := right.(type) {
	case *ast.StringNode:
		if operator == "==" || operator == "!=" {
			return p.text(path, []string{p.spelt(field, value.Value)}, t.Holds == (operator == "=="))
		}
	case *ast.BoolNode:
		if operator == "==" || operator == "!=" {
			return p.truth(path, value.Value == (t.Holds == (operator == "==")))
		}
	}
	number, ok := p.constant(right)
	if !ok {
		return p.truth(t.Node.String(), t.Holds)
	}
	if field.Type == TypePort {
		if number != math.Trunc(number) || number < 0 || number > schema.MaxPort {
			return true
		}
		return p.port(path, compared(operator, int(number)), t.Holds)
	}
	return p.number(path, operator, number, t.Holds)
}

// spelt makes two spellings of an address the same.
func (p *possible) spelt(field Field, text string) string {
	if field.Type == TypeAddress {
		if a, err := parseAddress(text); err == nil {
			return event.AddressFrom(a).String()
		}
	}
	return text
}

func (p *possible) text(path string, values []string, among bool) bool {
	if d := p.Language.dimensions[path]; d != nil && d.names != nil && d.size > 1 {
		var allowed Facts
		for _, v := range values {
			if i := slices.Index(d.names, v); i >= 0 {
				allowed |= d.Fact(i)
			}
		}
		if !among {
			allowed = d.All() &^ allowed
			allowed &^= d.Fact(len(d.names))
		}
		return p.fact(d, allowed)
	}
	set := p.texts[path]
	if set == nil {
		set = new(possibleText)
		p.texts[path] = set
	}
	switch {
	case !among:
		set.excluded = append(set.excluded, values...)
	case set.only:
		set.allowed = slices.DeleteFunc(set.allowed, func(v string) bool { return !slices.Contains(values, v) })
	default:
		set.allowed, set.only = slices.Clone(values), true
	}
	set.allowed = slices.DeleteFunc(set.allowed, func(v string) bool { return slices.Contains(set.excluded, v) })
	return !set.only || len(set.allowed) > 0
}

func (p *possible) port(path string, allowed *PortSet, holds bool) bool {
	if !holds {
		allowed = allowed.Complement()
	}
	both := *allowed
	if before := p.ports[path]; before != nil {
		for i := range both {
			both[i] &= before[i]
		}
	}
	p.ports[path] = &both
	return both.Len() > 0
}

// within is between what a field always is.
func within(path string) interval {
	switch {
	case path == "conn.hour":
		return interval{least: 0, most: 23}
	case path == "baseline.prevalence":
		return interval{least: 0, most: 1}
	case path == "now" || path == "conn.began" || path == "host.clock_offset":
		return interval{least: math.Inf(-1), most: math.Inf(1)}
	}
	return interval{least: 0, most: math.Inf(1)}
}

func (p *possible) number(path, operator string, value float64, holds bool) bool {
	if !holds {
		operator = map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}[operator]
	}
	i := p.numbers[path]
	if i == nil {
		w := within(path)
		i = &w
		p.numbers[path] = i
	}
	switch operator {
	case "<", "<=":
		i.atMost(value, operator == "<")
	case ">", ">=":
		i.atLeast(value, operator == ">")
	case "==":
		i.atMost(value, false)
		i.atLeast(value, false)
	}
	return !i.empty()
}

func (i *interval) atMost(value float64, open bool) {
	if value < i.most || value == i.most && open {
		i.most, i.openMost = value, open
	}
}

func (i *interval) atLeast(value float64, open bool) {
	if value > i.least || value == i.least && open {
		i.least, i.openLeast = value, open
	}
}

func (i *interval) empty() bool {
	return i.least > i.most || i.least == i.most && (i.openLeast || i.openMost)
}

// member adds what in says.
func (p *possible) member(n *ast.BinaryNode, t Term) bool {
	path, _ := PathOf(n.Left)
	list, _ := PathOf(n.Right)
	kind, name, _ := strings.Cut(list, ".")
	role, isText := n.Left.(*ast.StringNode)
	switch {
	case isText && (list == "host.roles" || list == "peer.roles"):
		return p.role(kind, newRoleSet(role.Value), t.Holds)
	case p.Lists != nil && kind == schema.RoleLists && (path == "host" || path == "peer") && p.Lists.Roles[name] != nil:
		return p.role(path, p.Lists.Roles[name], t.Holds)
	case p.Lists != nil && kind == schema.PortLists && p.Language.fields[path].Type == TypePort && p.Lists.Ports[name] != nil:
		return p.port(path, p.Lists.Ports[name], t.Holds)
	case p.Lists != nil && kind == schema.HostLists && p.Lists.Hosts[name] != nil && len(p.Lists.Hosts[name].Names)+len(p.Lists.Hosts[name].Patterns) == 0 && t.Holds:
		return false
	case p.Lists != nil && kind == schema.NetworkLists && p.Lists.Networks[name] != nil && p.Lists.Networks[name].isEmpty() && t.Holds:
		return false
	}
	switch right := n.Right.(type) {
	case *ast.ArrayNode:
		return p.array(path, right.Nodes, t)
	case *ast.BinaryNode:
		from, ok := right.Left.(*ast.IntegerNode)
		to, ok2 := right.Right.(*ast.IntegerNode)
		if ok && ok2 && p.Language.fields[path].Type == TypePort && from.Value >= 0 && to.Value <= schema.MaxPort {
			ports := new(PortSet)
			ports.add(from.Value, to.Value)
			return p.port(path, ports, t.Holds)
		}
	}
	return p.truth(t.Node.String(), t.Holds)
}

func (p *possible) array(path string, elements []ast.Node, t Term) bool {
	texts, numbers := nodes[*ast.StringNode](elements), nodes[*ast.IntegerNode](elements)
	field := p.Language.fields[path]
	switch {
	case field.Type == TypePort && numbers != nil:
		ports := new(PortSet)
		for _, n := range numbers {
			if n.Value >= 0 && n.Value <= schema.MaxPort {
				ports.add(n.Value, n.Value)
			}
		}
		return p.port(path, ports, t.Holds)
	case field.Type == TypeText && texts != nil:
		var values []string
		for _, n := range texts {
			values = append(values, n.Value)
		}
		return p.text(path, values, t.Holds)
	}
	return p.truth(t.Node.String(), t.Holds)
}

// role adds that an end has one of some roles, or none of them. Who has one of
// few has one of more.
func (p *possible) role(end string, roles RoleSet, holds bool) bool {
	if holds {
		p.has[end] = append(p.has[end], roles)
	} else {
		p.lacks[end] = append(p.lacks[end], roles)
	}
	for _, one := range p.has[end] {
		left := len(one)
		for role := range one {
			if slices.ContainsFunc(p.lacks[end], func(none RoleSet) bool { return none.has(role) }) {
				left--
			}
		}
		if left == 0 {
			return false
		}
	}
	return true
}

// constant returns the number that an expression always is.
func (p *possible) constant(n ast.Node) (float64, bool) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return float64(n.Value), true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.UnaryNode:
		value, ok := p.constant(n.Node)
		return -value, ok && n.Operator == "-"
	case *ast.BuiltinNode:
		if len(n.Arguments) == 1 {
			return constantCall(n.Name, n.Arguments[0])
		}
	case *ast.MemberNode:
		path, _ := PathOf(n)
		name, _ := strings.CutPrefix(path, "thresholds.")
		return p.threshold(name)
	case *ast.BinaryNode:
		left, ok := p.constant(n.Left)
		right, ok2 := p.constant(n.Right)
		if !ok || !ok2 {
			return 0, false
		}
		switch n.Operator {
		case "*":
			return left * right, true
		case "+":
			return left + right, true
		case "-":
			return left - right, true
		}
	}
	return 0, false
}

func constantCall(name string, argument ast.Node) (float64, bool) {
	text, ok := argument.(*ast.StringNode)
	switch {
	case ok && name == "duration":
		d, err := ParseDuration(text.Value)
		return float64(d), err == nil
	case ok && name == "date":
		at, err := time.Parse(time.DateOnly, text.Value)
		if err != nil {
			at, err = time.Parse(time.RFC3339, text.Value)
		}
		return float64(at.Unix()), err == nil
	}
	return 0, false
}

// threshold returns what a threshold of the rule is: a number or a duration.
func (p *possible) threshold(name string) (float64, bool) {
	text, ok := p.Thresholds[name]
	if number, err := strconv.ParseFloat(text, 64); ok && err == nil {
		return number, true
	}
	d, err := ParseDuration(text)
	return float64(d), ok && err == nil
}

// together reports whether what the fields can be on their own can be of one
// change.
func (p *possible) together(lasting bool) bool {
	least, most := p.numbers["conn.age.min"], p.numbers["conn.age.max"]
	if least != nil && most != nil && least.least > most.most {
		return false
	}
	if p.truths["baseline.unusual"] {
		for _, usual := range []string{"baseline.known", "baseline.role_known", "baseline.host.learning", "baseline.peer.learning"} {
			if p.truths[usual] {
				return false
			}
		}
	}
	return slices.ContainsFunc(p.Kinds, func(k kindOfChange) bool {
		if lasting && k.over {
			return false
		}
		both := p.facts & k.facts
		for _, d := range p.Language.dimensions {
			if d.size > 1 && both&d.All() == 0 {
				return false
			}
		}
		return true
	})
}

// Least is the least that a field can be when the terms of a branch hold; false
// when they don't bound it.
func (r *Reasoner) Least(b Branch, path string) (least float64, ok bool) {
	p := newPossible(r)
	for _, t := range b {
		p.add(t)
	}
	i := p.numbers[path]
	if i == nil {
		return 0, false
	}
	return i.least, true
}
