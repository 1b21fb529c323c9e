package condition

import (
	"maps"
	"slices"
	"time"
)

// RoleList is a list of roles under the name by which rules know it, or a role
// that a rule names, quoted.
type RoleList struct {
	Name  string
	Roles []string
}

// Needed adds the lists of roles of which the host, or the peer, needs one for a
// condition to hold.
func (l *Language) Needed(c *Condition, hosts, peers []RoleList) (h, p []RoleList) {
	return l.appendMissing(hosts, c.Needs.host), l.appendMissing(peers, c.Needs.peer)
}

// appendMissing appends the lists without which a condition can't hold: those
// that it doesn't allow to lack. Lists beyond [maxRoleFacts] are not known.
func (l *Language) appendMissing(all []RoleList, allowed roleFacts) []RoleList {
	for _, name := range slices.Sorted(maps.Keys(l.roleFacts)) {
		n := l.roleFacts[name]
		if allowed&lacksRole(n) != 0 || slices.ContainsFunc(all, func(r RoleList) bool { return r.Name == name }) {
			continue
		}
		all = append(all, RoleList{name, slices.Sorted(maps.Keys(l.roleSets[n]))})
	}
	return all
}

// AsksBaseline reports whether the condition needs the baseline.
func (c *Condition) AsksBaseline() bool {
	return slices.ContainsFunc(c.Clauses, func(c Clause) bool { return c.baseline }) ||
		slices.ContainsFunc(c.Bounds, func(b bound) bool { return b.baseline })
}

// LeastAge is how long a connection must have lived for the condition to hold.
func (c *Condition) LeastAge() (least time.Duration) {
	for _, b := range c.Bounds {
		if !b.most {
			least = max(least, b.fixed)
		}
	}
	return least
}
