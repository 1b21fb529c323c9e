package condition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// resolver goes over the tree of one expression. It checks every name and
// literal and reports all errors, rejects what is not in the language,
// replaces what refers to lists by constants, and notes what the parts of the
// expression need of a change.
type resolver struct {
	*Language
	errors  []Error
	leaves  map[ast.Node]leaf
	element string // the type of # in the loop that is being resolved
	states  int    // of all regular expressions
	unsure  bool   // a list may exist that could not be read
	Frame
	within              []string          // macros, from the outermost
	nodes               int               // of the expression and the macros in it so far
	weekdays, usesFired map[ast.Node]bool // the calls that are those
	usesField           bool              // for some field
	baseline            bool              // for one of the baseline
}

// Frame is what an expression stands in.
type Frame struct {
	About      scope
	Thresholds Thresholds // of the rule; nil in a macro
	Macro      string     // that it is the condition of; else empty
}

func newResolver(l *Language, in Frame, tree ast.Node) *resolver {
	r := &resolver{
		Language: l, leaves: make(map[ast.Node]leaf), Frame: in, nodes: count(tree),
		weekdays: make(map[ast.Node]bool), usesFired: make(map[ast.Node]bool),
	}
	if in.Macro != "" {
		r.within = []string{in.Macro}
	}
	return r
}

// scope is what an expression can use.
type scope uint8

const (
	aboutConnection scope = iota // everything
	AboutHost                    // a host that says nothing: there is no connection
)

// Error is an error in an expression, at a character of it.
type Error struct {
	Offset  int
	Message string
}

func (r *resolver) errorf(n ast.Node, format string, args ...any) {
	r.errorAt(n.Location().From, format, args...)
}

func (r *resolver) errorAt(offset int, format string, args ...any) {
	m := Error{offset, fmt.Sprintf(format, args...)}
	if !slices.Contains(r.errors, m) {
		r.errors = append(r.errors, m)
	}
}

// Unknown is the type of an expression that had an error, or that is left to
// the type checker.
const Unknown = ""

// expression resolves a part of the tree in place and returns its type.
func (r *resolver) expression(n *ast.Node) string {
	switch node := (*n).(type) {
	case *ast.BoolNode:
		return TypeBool
	case *ast.IntegerNode, *ast.FloatNode:
		return TypeNumber
	case *ast.StringNode:
		return TypeText
	case *ast.IdentifierNode, *ast.MemberNode:
		switch path, _ := PathOf(*n); {
		case strings.HasPrefix(path, schema.ThresholdGroup+"."):
			return r.threshold(n, path)
		case strings.HasPrefix(path, schema.MacroGroup+"."):
			return r.macro(n, path)
		}
		return r.name(*n)
	case *ast.PointerNode:
		if node.Name != "" {
			r.errorf(node, "#%s is not part of the rule language; # is the element", node.Name)
		}
		return r.element
	case *ast.UnaryNode:
		return r.unary(node)
	case *ast.BinaryNode:
		return r.binary(n, node)
	case *ast.ConditionalNode:
		return r.choice(node)
	case *ast.ArrayNode:
		return r.array(node)
	case *ast.BuiltinNode:
		return r.function(n, node)
	case *ast.CallNode:
		return r.ownCall(n, node)
	default:
		r.errorf(node, "%s not part of the rule language", construct(node))
	}
	return Unknown
}

func (r *resolver) unary(n *ast.UnaryNode) string {
	t := r.expression(&n.Node)
	switch {
	case IsNot(n.Operator):
	case isNumber(t):
		return TypeNumber
	default:
		return Unknown
	}
	if t != Unknown && t != TypeBool {
		r.errorf(n, "not is for what is true or false, not for %s; write not (a == b), or a not in b", t)
		return Unknown
	}
	return TypeBool
}

// choice resolves condition ? a : b.
func (r *resolver) choice(n *ast.ConditionalNode) string {
	r.condition(&n.Cond)
	a, b := plain(r.expression(&n.Exp1)), plain(r.expression(&n.Exp2))
	if a != b && a != Unknown && b != Unknown {
		r.errorAt(startOf(n), "one side of the choice is of the type %s, the other of the type %s", a, b)
		return Unknown
	}
	return a
}

// condition resolves a part that must be true or false.
func (r *resolver) condition(n *ast.Node) {
	start := startOf(*n)
	if t := r.expression(n); t != Unknown && t != TypeBool {
		r.errorAt(start, "a condition is true or false, this is of the type %s", t)
	}
}

// construct names what expr has and the rule language has not.
func construct(n ast.Node) string {
	switch n.(type) {
	case *ast.VariableDeclaratorNode:
		return "variables (let) are"
	case *ast.SequenceNode:
		return "several expressions (;) are"
	case *ast.ChainNode:
		return "?. is"
	case *ast.SliceNode:
		return "[:] is"
	case *ast.MapNode:
		return "{} is"
	case *ast.NilNode:
		return "nil is"
	default:
		return "this is"
	}
}

func (r *resolver) name(n ast.Node) string {
	path, ok := PathOf(n)
	if !ok {
		r.errorf(n, "only a field can follow here; the elements of a list are tested with any(…), all(…) or in")
		return Unknown
	}
	if field, ok := r.fields[path]; ok {
		r.uses(n, path)
		if field.Type != TypeAddress {
			r.rejectAmongAddresses(n, path)
		}
		if d := r.dimensions[path]; d != nil && d.names == nil {
			r.leaves[n] = factLeaf(d, d.truth(true))
		}
		return field.Type
	}
	root, list, _ := strings.Cut(path, ".")
	switch {
	case r.IsGroup(path):
		r.errorf(n, "%s is not a value; it has %s", path, r.someFields(path))
	case path == schema.ThresholdGroup || path == schema.MacroGroup:
		r.errorf(n, "%s is not a value; name one of them: %s.NAME", path, path)
	case IsListKind(root) && list != "":
		r.errorf(n, "%s is a list; it stands on the right of in: %s", path, listExample(root))
	case IsListKind(root):
		r.errorf(n, "%s is not a value; its lists are used as in %s", path, listExample(root))
	default:
		r.unknownName(n, path)
	}
	return Unknown
}

// uses records that an expression uses a field.
func (r *resolver) uses(n ast.Node, path string) {
	group, _, _ := strings.Cut(path, ".")
	r.usesField = true
	r.baseline = r.baseline || group == "baseline"
	if r.About == AboutHost && group != "host" && group != "now" {
		r.errorf(n, "%s is unknown for a missing poller; use host.… and now", path)
	}
}

// rejectAmongAddresses keeps a loop over addresses, of which a host can have
// thousands, to comparisons of addresses, which cost next to nothing.
func (r *resolver) rejectAmongAddresses(n ast.Node, what string) {
	if r.element == TypeAddress {
		r.errorf(n, "a loop over addresses can only test addresses; test %s outside of it", what)
	}
}

func IsListKind(name string) bool {
	return slices.Contains(schema.ListKinds(), name)
}

func listExample(kind string) string {
	switch kind {
	case schema.PortLists:
		return "conn.port in ports.NAME"
	case schema.NetworkLists:
		return "conn.peer in networks.NAME"
	case schema.HostLists:
		return "host in hosts.NAME, peer in hosts.NAME"
	default:
		return "host in roles.NAME, peer in roles.NAME"
	}
}

// unknownName reports a name at the first part that isn't known.
func (r *resolver) unknownName(n ast.Node, path string) {
	member, ok := n.(*ast.MemberNode)
	if !ok {
		r.errorf(n, "unknown name %s%s", yamlsrc.Short(path), r.suggest(path))
		return
	}
	base, _ := PathOf(member.Node)
	switch _, isField := r.fields[base]; {
	case r.IsGroup(base):
		r.errorf(n, "%s has no field %s%s", base, yamlsrc.Short(strings.TrimPrefix(path, base+".")), suggest.DidYouMean(path, slices.Concat(r.groups, r.names)))
	case isField:
		r.errorf(n, "%s is %s and has no fields", base, r.fields[base].Type)
	default:
		r.unknownName(member.Node, base)
	}
}

func (r *resolver) unknownCall(n *ast.CallNode) {
	for i := range n.Arguments {
		r.expression(&n.Arguments[i])
	}
	if _, ok := n.Callee.(*ast.MemberNode); ok {
		r.errorf(n.Callee, "fields have no functions of their own")
		return
	}
	name, _ := PathOf(n.Callee)
	if ours := elsewhere[strings.ToLower(name)]; ours != "" {
		r.errorf(n, "unknown function %s; write %s", yamlsrc.Short(name), ours)
		return
	}
	r.errorf(n, "unknown function %s%s", yamlsrc.Short(name), suggest.OrList(name, functions()))
}

func (r *resolver) array(n *ast.ArrayNode) string {
	var element string
	for i := range n.Nodes {
		t := r.expression(&n.Nodes[i])
		if t == TypePort {
			t = TypeNumber
		}
		if i > 0 && t != element {
			t = Unknown
		}
		element = t
	}
	switch element {
	case TypeText:
		return TypeTexts
	case TypeAddress:
		return TypeAddresses
	case TypeNumber:
		return typeNumbers
	default:
		return Unknown
	}
}

// typeNumbers is the type of [1, 2]; no field has it.
const typeNumbers = "list of numbers"

func elementOf(list string) (string, bool) {
	switch list {
	case TypeTexts:
		return TypeText, true
	case TypeAddresses:
		return TypeAddress, true
	case typeNumbers:
		return TypeNumber, true
	default:
		return Unknown, false
	}
}
