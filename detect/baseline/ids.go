package baseline

import (
	"strings"

	"headstart/event"
)

// ids numbers ends, and what ends have in common. A host is its name, where it
// has one; an internal address without one is itself; external addresses count
// by network, because people's addresses change within one.
type ids struct {
	texts     [kinds]map[string]id
	addresses [kinds]map[event.Address]id
	list      []label // by number; the first stands for what there was no room for
}

type idKind uint8

const (
	anEnd   idKind = iota // a host's name, or an address
	aRole                 // a role
	aStem                 // what names of hosts begin with
	aRegion               // a network
	kinds
)

// label is what a number stands for.
type label struct {
	Kind    idKind
	Text    string
	Address event.Address
}

func newIDs() ids {
	n := ids{list: make([]label, 1)}
	for k := range kinds {
		n.texts[k], n.addresses[k] = map[string]id{}, map[event.Address]id{}
	}
	return n
}

// maxIDs bounds the numbers that are given away.
const maxIDs = 4_000_000

func (n *ids) of(e *End) id {
	switch {
	case e.Host != "":
		return n.text(anEnd, e.Host)
	case e.External:
		return n.address(anEnd, networkOf(e.Address))
	}
	return n.address(anEnd, e.Address)
}

func (n *ids) text(k idKind, text string) id {
	if i, ok := n.texts[k][text]; ok {
		return i
	}
	return n.add(label{Kind: k, Text: strings.Clone(text)})
}

func (n *ids) address(k idKind, a event.Address) id {
	if i, ok := n.addresses[k][a]; ok {
		return i
	}
	return n.add(label{Kind: k, Address: a})
}

func (n *ids) add(l label) id {
	if len(n.list) >= maxIDs {
		return 0
	}
	i := id(len(n.list))
	n.list = append(n.list, l)
	if l.Text != "" {
		n.texts[l.Kind][l.Text] = i
	} else {
		n.addresses[l.Kind][l.Address] = i
	}
	return i
}

// String returns the name or the address.
func (l label) String() string {
	if l.Text != "" {
		return l.Text
	}
	return l.Address.String()
}

// networkOf is the /24 or /48 of an address.
func networkOf(a event.Address) event.Address {
	if a.Is4() {
		a.Lo &^= 0xff
		return a
	}
	return event.Address{Hi: a.Hi &^ 0xffff}
}

// roles appends the numbers of an end's roles. An end without any has its
// name's stem (web of web-01) or its network for one: what is called alike, or
// stands side by side, does alike.
func (n *ids) roles(to []id, e *End) []id {
	if len(e.Roles) > 0 {
		for _, role := range e.Roles[:min(len(e.Roles), maxRoles)] {
			to = append(to, n.text(aRole, role))
		}
		return to
	}
	if e.Host != "" {
		if stem := stemOf(e.Host); stem != "" {
			to = append(to, n.text(aStem, stem))
		}
		return to
	}
	return append(to, n.address(aRegion, networkOf(e.Address)))
}

// stemOf is a host's name without its number and what follows it: web of
// web-01 and of web01.example.com.
func stemOf(name string) string {
	digits := strings.IndexAny(name, "0123456789")
	if digits < 0 {
		return ""
	}
	return strings.TrimRight(name[:digits], "-_.")
}
