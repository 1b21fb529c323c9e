package condition

import (
	"headstart/event"
)

// Extractor finds the features of changes that guards compare.
type Extractor struct {
	Internal   *NetworkSet
	dimensions [dimensionCount]dimension
	roleFacts  map[string]roleFacts // what having a role says
}

// Extractor returns that of the conditions that are compiled so far.
func (l *Language) Extractor() Extractor {
	x := Extractor{Internal: l.Lists.Networks[InternalNetworks], dimensions: Dimensions(), roleFacts: map[string]roleFacts{}}
	for i, roles := range l.roleSets {
		for role := range roles {
			x.roleFacts[role] |= hasRole(i)
		}
	}
	return x
}

// Sighting is what a guard compares of a change.
type Sighting struct {
	facts      Facts
	host, peer roleFacts
	Port       uint16
}

// Lacks reports whether something that a guard needs is missing.
func (s *Sighting) Lacks(g *Guard) bool {
	return s.facts&^g.facts != 0 || s.host&^g.host != 0 || s.peer&^g.peer != 0 ||
		g.ports != nil && !g.ports.Has(int(s.Port))
}

// Sight returns what guards compare of an observation of a connection.
func (s *Extractor) Sight(o *Observation) Sighting {
	c, d := o.Connection, &s.dimensions
	internal := !isListener(c) && s.Internal.Has(c.Remote)
	external := !isListener(c) && !internal
	seen := Sighting{
		Port: c.ServicePort(),
		facts: d[byEvent].Fact(int(c.Kind)) |
			d[byDirection].Fact(int(c.Direction)) |
			d[byDirectionFrom].Fact(int(c.DirectionFrom)) |
			d[byState].Fact(int(c.State)) |
			d[byReason].Fact(int(c.Reason)) |
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

func (s *Extractor) rolesOf(h *Host) roleFacts {
	var has roleFacts
	if h != nil {
		for _, role := range h.Roles {
			has |= s.roleFacts[role]
		}
	}
	return has | (^has << maxRoleFacts)
}
