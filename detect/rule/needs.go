package rule

import (
	"maps"
	"slices"
	"time"
)

// Needs is what there must be for a rule to fire: what is known of it by
// looking at the rule alone. There can be more to it.
type Needs struct {
	// Lengths are how long a connection must be seen to last at least: one for
	// each part of the rule that asks for a length.
	Lengths []time.Duration

	// Hosts and Peers are lists of roles of each of which a host that reports,
	// or the other end of its connection, must have one.
	Hosts, Peers []RoleList

	Baseline bool // it asks what is normal, so that little can be said of a host that is still learnt
}

// RoleList is a list of roles under the name by which rules know it, or a role
// that a rule names, quoted.
type RoleList struct {
	Name  string
	Roles []string
}

// Needs returns what a rule of the set needs.
func (s *Set) Needs(r *Rule) Needs {
	var n Needs
	for i := range r.parts {
		p := &r.parts[i]
		n.ofCondition(s, &p.condition)
		length := p.lasts
		for _, b := range p.condition.bounds {
			if !b.most {
				length = max(length, b.fixed)
			}
		}
		if length > 0 {
			n.Lengths = append(n.Lengths, length)
		}
		n.Baseline = n.Baseline || p.usual
	}
	if r.Absent != nil && r.When != "" {
		n.ofCondition(s, &r.absent)
	}
	return n
}

func (n *Needs) ofCondition(s *Set, c *condition) {
	n.Hosts = s.language.appendMissing(n.Hosts, c.needs.host)
	n.Peers = s.language.appendMissing(n.Peers, c.needs.peer)
	for i := range c.clauses {
		n.Baseline = n.Baseline || c.clauses[i].baseline
	}
	for i := range c.bounds {
		n.Baseline = n.Baseline || c.bounds[i].baseline
	}
}

// appendMissing appends the lists without which a condition can't hold: those
// that it doesn't allow to lack. Lists beyond [maxRoleFacts] are not known.
func (l *language) appendMissing(all []RoleList, allowed roleFacts) []RoleList {
	for _, name := range slices.Sorted(maps.Keys(l.roleFacts)) {
		n := l.roleFacts[name]
		if allowed&lacksRole(n) != 0 || slices.ContainsFunc(all, func(r RoleList) bool { return r.Name == name }) {
			continue
		}
		all = append(all, RoleList{name, slices.Sorted(maps.Keys(l.roleSets[n]))})
	}
	return all
}
