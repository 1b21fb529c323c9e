package firing

import (
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// Trigger is when rules are asked of a connection.
type Trigger uint8

// The occasions.
const (
	OnChange  Trigger = iota + 1 // all rules: something became known of it
	Pending                      // a rule that waited for it to get older
	OnEnd                        // a rule that waited: did it, before the connection was gone?
	OnAbsence                    // a rule that asks for what is missing
)

// String returns a word for people.
func (o Trigger) String() string {
	return [...]string{"", "change", "again", "end", "absence"}[min(o, OnAbsence)]
}

// Evaluation is what rules are asked about, before they are.
type Evaluation struct {
	Trigger Trigger
	Rule    *rule.Rule // that alone is asked; nil when all are
	Part    int        // of Rule

	// Observation is what they see, on the host's clock; that of an absence is on
	// the stream's. It, its connection and its baseline are valid during the call
	// only.
	Observation rule.Observation
	Message     *event.Changes // that it follows from
}

// observation makes what is asked about a connection, and tells whoever wants to know.
func (t *pass) observation(occasion Trigger, p part, c *event.Connection, at time.Time) rule.Observation {
	o := t.observe(c, at)
	if t.Observer != nil {
		t.Observer(&Evaluation{Trigger: occasion, Rule: p.rule, Part: p.number, Observation: o, Message: t.changes})
	}
	return o
}
