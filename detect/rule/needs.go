package rule

import (
	"time"

	"headstart/detect/rule/condition"
)

// Needs is what there must be for a rule to fire: what is known of it by
// looking at the rule alone. There can be more to it.
type Needs struct {
	// Lengths are how long a connection must be seen to last at least: one for
	// each part of the rule that needs a length.
	Lengths []time.Duration

	// Hosts and Peers are lists of roles of each of which a host that reports,
	// or the other end of its connection, must have one.
	Hosts, Peers []RoleList

	Baseline bool // it needs the baseline, which says little of a host that is still learning
}

// Needs returns what a rule of the set needs.
func (s *Set) Needs(r *Rule) Needs {
	var n Needs
	for i := range r.parts {
		p := &r.parts[i]
		n.ofCondition(s, &p.When.Condition)
		if length := max(p.Lasts, p.When.LeastAge()); length > 0 {
			n.Lengths = append(n.Lengths, length)
		}
		n.Baseline = n.Baseline || p.fanout
	}
	if r.Absent != nil && r.When != "" {
		n.ofCondition(s, &r.absent.Condition)
	}
	return n
}

func (n *Needs) ofCondition(s *Set, c *condition.Condition) {
	n.Hosts, n.Peers = s.language.Needed(c, n.Hosts, n.Peers)
	n.Baseline = n.Baseline || c.AsksBaseline()
}
