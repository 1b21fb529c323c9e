package rule

import (
	"headstart/detect/rule/schema"
	"headstart/event"
)

// index finds the parts of rules that could hold for a change. Most changes leave it
// after a look at the few rules that need their port and a comparison of bits
// with each of the rules that need no port.
type index struct {
	byPort  map[uint16][]candidate
	anyPort []candidate
}

// candidate is a part of an enabled rule with what it needs of a change.
type candidate struct {
	needs guard
	rule  *Rule
	part  int
}

// A rule that needs one of more ports than this is kept once and not with each
// of them.
const maxPortEntries = 64

func newIndex(rules []*Rule, d *[dimensionCount]dimension) index {
	x := index{byPort: make(map[uint16][]candidate)}
	for _, r := range rules {
		if !r.Enabled {
			continue
		}
		for i := range r.parts {
			c := candidate{r.parts[i].condition.needs, r, i}
			if r.parts[i].lasts > 0 {
				c.needs.facts &^= d[byEvent].fact(int(event.Closed)) | d[byEvent].fact(int(event.StoppedListening))
			}
			x.add(c)
		}
	}
	return x
}

func (x *index) add(c candidate) {
	if c.needs.ports == nil || c.needs.ports.len() > maxPortEntries {
		x.anyPort = append(x.anyPort, c)
		return
	}
	ports := c.needs.ports
	c.needs.ports = nil
	for port := range schema.MaxPort + 1 {
		if ports.has(port) {
			x.byPort[uint16(port)] = append(x.byPort[uint16(port)], c)
		}
	}
}

// sighting is a change as the index sees it.
type sighting struct {
	facts      facts
	host, peer roleFacts
	port       uint16
}

// lacks reports whether something that a guard needs is missing.
func (s *sighting) lacks(g *guard) bool {
	return s.facts&^g.facts != 0 || s.host&^g.host != 0 || s.peer&^g.peer != 0 ||
		g.ports != nil && !g.ports.has(int(s.port))
}

func (s *Set) sight(o *Observation) sighting {
	c, d := o.Connection, &s.dimensions
	internal := !isListener(c) && s.Internal(c.Remote)
	external := !isListener(c) && !internal
	seen := sighting{
		port: c.ServicePort(),
		facts: d[byEvent].fact(int(c.Kind)) |
			d[byDirection].fact(int(c.Direction)) |
			d[byDirectionFrom].fact(int(c.DirectionFrom)) |
			d[byState].fact(int(c.State)) |
			d[byReason].fact(int(c.Reason)) |
			d[byAttempted].truth(c.Kind == event.Attempted) |
			d[byOpen].truth(isOpen(c)) |
			d[byClosed].truth(hasEnded(c)) |
			d[byBeganBefore].truth(c.BeganBefore()) |
			d[byLoopback].truth(isLoopback(c)) |
			d[byInternal].truth(internal) |
			d[byExternal].truth(external) |
			d[byKnown].truth(o.peer() != nil && o.peer().Reports),
	}
	if len(s.roleFacts) > 0 {
		seen.host = s.rolesOf(o.Host)
		seen.peer = s.rolesOf(o.peer())
	}
	return seen
}

func (s *Set) rolesOf(h *Host) roleFacts {
	var has roleFacts
	if h != nil {
		for _, role := range h.Roles {
			has |= s.roleFacts[role]
		}
	}
	return has | (^has << maxRoleFacts)
}
