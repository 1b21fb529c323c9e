package condition

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"headstart/detect/rule/schema"
	"headstart/suggest"
)

// Language is what the names in a condition can stand for: the fields of the
// environment and the lists.
type Language struct {
	fields     map[string]Field
	names      []string // of the fields, in order
	groups     []string // of fields: conn, conn.age
	dimensions map[string]*dimension
	Lists      *Lists
	Macros     *Macros
	ids        []string                 // of every rule, in order
	Fed        map[string]time.Duration // the rules that fired(…) uses, and how far it looks back
	calculator calculator
	conditions configs
	values     configs // of expressions that may be of any type

	// roleFacts numbers the lists of roles that conditions use, as long as
	// there are bits for them.
	roleFacts map[string]int
	numbers   map[[32]byte]int // of conditions; see alike
	roleSets  []RoleSet
}

func NewLanguage(l *Lists, m *Macros, ids []string) *Language {
	lang := &Language{
		fields:     make(map[string]Field),
		dimensions: make(map[string]*dimension),
		Lists:      l,
		Macros:     m,
		ids:        ids,
		Fed:        make(map[string]time.Duration),
		calculator: calculations(),
		conditions: newConfigs(reflect.Bool),
		values:     newConfigs(reflect.Invalid),
		roleFacts:  make(map[string]int),
		numbers:    make(map[[32]byte]int),
	}
	for _, f := range Reference() {
		lang.fields[f.Name] = f
		lang.names = append(lang.names, f.Name)
		for i, c := range f.Name {
			if group := f.Name[:i]; c == '.' && !slices.Contains(lang.groups, group) {
				lang.groups = append(lang.groups, group)
			}
		}
	}
	for _, d := range Dimensions() {
		lang.dimensions[d.Field] = &d
	}
	return lang
}

// functions are the functions that the language has. The others of expr are
// left out because their cost depends on what a rule makes up (repeat, range,
// sort, string building), because they read the machine's clock (now), or
// because nothing in the environment has a use for them.
func functions() []string {
	return []string{"all", "any", "count", "date", "duration", "fired", "hour", "len", "lower", "none", "one", "time_of_day", "upper", "weekday"}
}

// loops are the functions that evaluate a condition for each element.
func loops() []string { return []string{"all", "any", "count", "none", "one"} }

// IsGroup reports whether a name stands for a group of fields: conn, conn.age.
func (l *Language) IsGroup(name string) bool { return slices.Contains(l.groups, name) }

// groupFields lists the fields of a group.
func (l *Language) groupFields(name string) []string {
	var fields []string
	for _, field := range l.names {
		if strings.HasPrefix(field, name+".") {
			fields = append(fields, field)
		}
	}
	return fields
}

// someFields shows what a group has, without listing all of a large one.
func (l *Language) someFields(name string) string {
	fields := l.groupFields(name)
	if len(fields) > 5 {
		return strings.Join(fields[:3], ", ") + " and more"
	}
	return strings.Join(fields, ", ")
}

// suggest returns what to say after a name that isn't known.
func (l *Language) suggest(name string) string {
	var ending []string
	for _, field := range l.names {
		if strings.HasSuffix(field, "."+name) {
			ending = append(ending, field)
		}
		if slices.Contains(l.fields[field].Values, name) {
			return "; a text is written in quotes: \"" + name + "\""
		}
	}
	if ending != nil {
		return "; did you mean " + suggest.OneOf(ending) + "?"
	}
	return suggest.DidYouMean(name, append([]string{"conn", "host", "peer", "baseline", schema.PortLists, schema.NetworkLists, schema.RoleLists, schema.HostLists, schema.MacroGroup, schema.ThresholdGroup}, l.names...))
}

// roleFact returns the number of a list of roles, false when all are given
// away: then the condition is right, only not indexed by it.
func (l *Language) roleFact(name string, roles RoleSet) (int, bool) {
	n, ok := l.roleFacts[name]
	if !ok {
		if n = len(l.roleSets); n == maxRoleFacts {
			return 0, false
		}
		l.roleFacts[name] = n
		l.roleSets = append(l.roleSets, roles)
	}
	return n, true
}

// PathOf returns the dotted name that an expression consists of: conn.age.min.
func PathOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value, true
	case *ast.MemberNode:
		property, ok := n.Property.(*ast.StringNode)
		if !ok || n.Optional {
			return "", false
		}
		base, ok := PathOf(n.Node)
		return base + "." + property.Value, ok
	default:
		return "", false
	}
}
