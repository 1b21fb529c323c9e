package condition

import (
	"reflect"
	"time"

	"github.com/expr-lang/expr/ast"

	"headstart/event"
)

// calculated is a field of the environment that takes no room in it: it is
// calculated from the others by the conditions that use it, in the place of
// their reading it.
type calculated[T any] struct{}

func (calculated[T]) typeOfField() reflect.Type { return reflect.TypeFor[T]() }

// calculations are the functions for the calculated fields, of types that
// expr's virtual machine calls without reflection.
func calculations() map[string]any {
	return map[string]any{
		"conn.began":      func(env any) any { return changeOf(env).Conn.began },
		"conn.weekday":    func(env any) string { return weekdayNames[changeOf(env).Conn.weekday] },
		"conn.hour":       func(env any) int { return int(changeOf(env).Conn.hour) },
		"conn.originator": func(env any) any { return changeOf(env).originator() },
		"conn.responder":  func(env any) any { return changeOf(env).responder() },
		"conn.service":    func(env any) any { return changeOf(env).service() },
		"peer.subnet":     func(env any) string { return changeOf(env).subnet() },
	}
}

func changeOf(env any) Change {
	if with, ok := env.(Env); ok {
		return with.Change
	}
	return env.(Change)
}

// calculator puts calculations in the place of fields, in a tree that is
// resolved.
type calculator map[string]any

func (c calculator) Visit(n *ast.Node) {
	if _, ok := (*n).(*ast.MemberNode); !ok {
		return
	}
	path, _ := PathOf(*n)
	function, ok := c[path]
	if !ok {
		return
	}
	env := &ast.IdentifierNode{Value: "$env"}
	by := call(function, env)
	env.SetLocation((*n).Location())
	by.Callee.SetLocation((*n).Location())
	ast.Patch(n, by)
}

// weekdayAndHour is what time.Time says in UTC, without its detours.
func weekdayAndHour(t time.Time) (weekday, hour uint8) {
	const day, anHour, thursday = 24 * 60 * 60, 60 * 60, 4 // 1 January 1970 was one
	seconds := t.Unix()
	days, rest := seconds/day, seconds%day
	if rest < 0 {
		days, rest = days-1, rest+day
	}
	return uint8((days%7 + 7 + thursday) % 7), uint8(rest / anHour)
}

func (c Change) own() End { return End{Name: c.Host.Name, Address: c.Conn.Local} }

// peer is the other end; a listening socket has no other than its own.
func (c Change) peer() End {
	if c.Conn.Direction == "" {
		return c.own()
	}
	return End{Name: c.Peer.Name, Address: c.Conn.Peer}
}

func (c Change) isInbound() bool { return c.Conn.Direction == event.Inbound.String() }

func (c Change) originator() End {
	if c.isInbound() {
		return c.peer()
	}
	return c.own()
}

func (c Change) responder() End {
	if c.isInbound() {
		return c.own()
	}
	return c.peer()
}

func (c Change) service() End {
	end := c.responder()
	end.Port = uint16(c.Conn.Port)
	return end
}

// The lengths of the prefixes that are taken for a subnet where nothing says
// how networks are cut.
const subnet4, subnet6 = 24, 64

// subnet is the network of the other end's address.
func (c Change) subnet() string {
	if c.Conn.Direction == "" {
		return ""
	}
	bits := subnet6
	if c.Conn.Peer.Is4() {
		bits = subnet4
	}
	prefix, err := c.Conn.Peer.Netip().Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}
