package detect

import (
	"headstart/detect/firing"
	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// Observe has f told what rules are about to be asked, with all that they see at
// that moment; nil tells nobody. Of rules that ask for what is missing it is only
// told when something is.
func (c *Correlation) Observe(f func(*firing.Asked)) {
	c.asked = f
	c.watcher.Asked = f
}

// absence asks a rule about what is missing.
func (c *Correlation) absence(r *rule.Rule, o rule.Observation) (rule.Result, bool) {
	if c.asked != nil {
		c.asked(&firing.Asked{Occasion: firing.Absence, Rule: r, Observation: o, Message: c.changes})
	}
	return c.evaluator.Absent(r, o)
}

// Window returns what a count or a sequence has of a key, whose values are joined
// as in [rule.Result.By]; nil when it has nothing.
func (c *Correlation) Window(rule, key string) *pattern.Contents {
	return c.patterns.Explain(rule, key)
}

// Path returns the longest path that leads to a connection as a host saw it; nil
// when it is no edge of the rule's.
func (c *Correlation) Path(rule, host string, id event.ConnectionID) *pattern.Contents {
	return c.patterns.ExplainEdge(rule, host, id)
}
