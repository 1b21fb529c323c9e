package rule

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"headstart/detect/rule/schema"
	"headstart/suggest"
)

// language is what the names in a condition can stand for: the fields of the
// environment and the lists.
type language struct {
	fields     map[string]Field
	names      []string // of the fields, in order
	groups     []string // of fields: conn, conn.age
	dimensions map[string]*dimension
	lists      *lists
	macros     *macros
	ids        map[string]*draft        // every rule
	fed        map[string]time.Duration // the rules that fired(…) asks about, and how far it looks back
	calculator calculator
	conditions configs
	values     configs // of expressions that may be of any type

	// roleFacts numbers the lists of roles that conditions use, as long as
	// there are bits for them.
	roleFacts map[string]int
	numbers   map[[32]byte]int // of conditions; see alike
	roleSets  []roleSet
}

func newLanguage(l *lists, m *macros, ids map[string]*draft) *language {
	lang := &language{
		fields:     make(map[string]Field),
		dimensions: make(map[string]*dimension),
		lists:      l,
		macros:     m,
		ids:        ids,
		fed:        make(map[string]time.Duration),
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
	for _, d := range dimensions() {
		lang.dimensions[d.field] = &d
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

func (l *language) ruleIDs() []string { return slices.Sorted(maps.Keys(l.ids)) }

// isGroup reports whether a name stands for a group of fields: conn, conn.age.
func (l *language) isGroup(name string) bool { return slices.Contains(l.groups, name) }

// groupFields lists the fields of a group.
func (l *language) groupFields(name string) []string {
	var fields []string
	for _, field := range l.names {
		if strings.HasPrefix(field, name+".") {
			fields = append(fields, field)
		}
	}
	return fields
}

// someFields shows what a group has, without listing all of a large one.
func (l *language) someFields(name string) string {
	fields := l.groupFields(name)
	if len(fields) > 5 {
		return strings.Join(fields[:3], ", ") + " and more"
	}
	return strings.Join(fields, ", ")
}

// suggest returns what to say after a name that isn't known.
func (l *language) suggest(name string) string {
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
func (l *language) roleFact(name string, roles roleSet) (int, bool) {
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

// pathOf returns the dotted name that an expression consists of: conn.age.min.
func pathOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value, true
	case *ast.MemberNode:
		property, ok := n.Property.(*ast.StringNode)
		if !ok || n.Optional {
			return "", false
		}
		base, ok := pathOf(n.Node)
		return base + "." + property.Value, ok
	default:
		return "", false
	}
}
