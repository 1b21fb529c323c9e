package detect

import (
	"headstart/detect/firing"
	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// Observe calls f before each evaluation of rules, with all that they see; nil: no
// calls. Rules on what is missing are evaluated only when something is.
func (c *Engine) Observe(f func(*firing.Evaluation)) {
	c.observer = f
	c.rules.Observer = f
}

// evaluateAbsence evaluates a rule on what is missing.
func (st *step) evaluateAbsence(r *rule.Rule, o rule.Observation) (rule.Result, bool) {
	if st.observer != nil {
		st.observer(&firing.Evaluation{Trigger: firing.OnAbsence, Rule: r, Observation: o, Message: st.changes})
	}
	return st.evaluator.Absent(r, o)
}

// Window returns what a count or a sequence has of a key, whose values are joined
// as in [rule.Result.By]; nil when it has nothing.
func (c *Engine) Window(rule, key string) *pattern.Contents {
	return c.patterns.Explain(rule, key)
}

// Path returns the longest path that leads to a connection as a host saw it; nil
// when it is no edge of the rule's.
func (c *Engine) Path(rule, host string, id event.ConnectionID) *pattern.Contents {
	return c.patterns.ExplainEdge(rule, host, id)
}
