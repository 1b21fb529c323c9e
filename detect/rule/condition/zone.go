package condition

import (
	"slices"
	"time"
	_ "time/tzdata" // containers have no time zones of their own

	"github.com/expr-lang/expr/ast"

	"headstart/yamlsrc"
)

// zoneFunctions are the functions that say what a moment is in a time zone.
func zoneFunctions() []string { return []string{"hour", "time_of_day", "weekday"} }

// inZone resolves hour(conn.began, "Europe/Berlin") and its like.
func (r *resolver) inZone(n *ast.Node, name string, node *ast.CallNode) string {
	if len(node.Arguments) != 2 {
		r.errorf(node, `%s takes a time and a zone: %s(conn.began, "Europe/Berlin")`, name, name)
		return Unknown
	}
	zone, ok := node.Arguments[1].(*ast.StringNode)
	if !ok {
		r.errorf(node.Arguments[1], `a zone is written in quotes, as in "Europe/Berlin"`)
		return Unknown
	}
	where, err := time.LoadLocation(zone.Value)
	if err != nil || zone.Value == "" || zone.Value == "Local" {
		r.errorf(zone, `there is no time zone %q; they are called as in "Europe/Berlin", "America/New_York" or "UTC"`, yamlsrc.Short(zone.Value))
		return Unknown
	}
	if kind := r.expression(&node.Arguments[0]); kind != TypeTime {
		if kind != Unknown {
			r.errorAt(startOf(node.Arguments[0]), "%s takes a time first, such as conn.began or now, not %s", name, kind)
		}
		return Unknown
	}
	at := func(v any) time.Time { return v.(time.Time).In(where) }
	var by *ast.CallNode
	kind := TypeNumber
	switch name {
	case "hour":
		by = call(func(v any) int { return at(v).Hour() }, node.Arguments[0])
	case "weekday":
		by = call(func(v any) string { return weekdayNames[at(v).Weekday()] }, node.Arguments[0])
		kind = TypeText
	default:
		by = call(func(v any) any { return sinceMidnight(at(v)) }, node.Arguments[0])
		kind = TypeDuration
	}
	by.Callee.SetLocation(node.Location())
	ast.Patch(n, by)
	if name == "weekday" {
		r.weekdays[*n] = true
	}
	return kind
}

// sinceMidnight is what a clock on the wall shows: on the two days a year on
// which it is set, not the time that has passed.
func sinceMidnight(t time.Time) time.Duration {
	hour, minute, second := t.Clock()
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
}

// valuesOf returns the dimension whose values an expression can have, and what
// the expression is called; nil when its values are not few.
func (r *resolver) valuesOf(n ast.Node) (*dimension, string) {
	if r.weekdays[n] {
		return r.dimensions["conn.weekday"], "weekday(…)"
	}
	path, _ := PathOf(n)
	return r.dimensions[path], path
}

// ownCall resolves a call of a function that expr doesn't have.
func (r *resolver) ownCall(n *ast.Node, node *ast.CallNode) string {
	switch name, _ := PathOf(node.Callee); {
	case name == "fired":
		return r.fired(n, node)
	case slices.Contains(zoneFunctions(), name):
		return r.inZone(n, name, node)
	}
	r.unknownCall(node)
	return Unknown
}

// elsewhere is how what other rule languages have is written in this one.
var elsewhere = map[string]string{
	"cidr": `conn.peer in "10.0.0.0/8"`, "cidrmatch": `conn.peer in "10.0.0.0/8"`, "cidr_match": `conn.peer in "10.0.0.0/8"`, "ipinrange": `conn.peer in "10.0.0.0/8"`,
	"startswith": `host.name startsWith "web-"`, "endswith": `host.name endsWith "-01"`, "contains": `host.name contains "web"`,
	"match": `host.name matches "^web-"`, "regex": `host.name matches "^web-"`, "re": `host.name matches "^web-"`, "glob": `host in hosts.NAME, a list with names such as web-*`,
	"role": `host in roles.NAME`, "has_role": `host in roles.NAME`, "exists": `host.name != ""`,
}
