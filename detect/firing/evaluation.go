package firing

import (
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// Trigger is why rules are evaluated on a connection.
type Trigger uint8

// The triggers.
const (
	OnChange  Trigger = iota + 1 // all rules: the connection has changed
	Pending                      // a rule that was pending until it is older
	OnEnd                        // a rule that was pending when the connection ended
	OnAbsence                    // a rule on what is missing
)

// String returns the trigger's name.
func (o Trigger) String() string {
	return [...]string{"", "change", "again", "end", "absence"}[min(o, OnAbsence)]
}

// Evaluation is what rules are about to be evaluated on.
type Evaluation struct {
	Trigger Trigger
	Rule    *rule.Rule // evaluated alone; nil: all rules are
	Part    int        // of Rule

	// Observation is what they see, on the host's clock; that of an absence is on
	// the stream's. It, its connection and its baseline are valid during the call
	// only.
	Observation rule.Observation
	Message     *event.Changes // that it follows from
}

// observation returns what rules see of a connection, and calls the observer.
func (t *pass) observation(occasion Trigger, p part, c *event.Connection, at time.Time) rule.Observation {
	o := t.observe(c, at)
	if t.Observer != nil {
		t.Observer(&Evaluation{Trigger: occasion, Rule: p.rule, Part: p.number, Observation: o, Message: t.changes})
	}
	return o
}
