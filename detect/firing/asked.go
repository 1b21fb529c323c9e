package firing

import (
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// Occasion is when rules are asked of a connection.
type Occasion uint8

// The occasions.
const (
	OnChange Occasion = iota + 1 // all rules: something became known of it
	Again                        // a rule that waited for it to get older
	AtEnd                        // a rule that waited: did it, before the connection was gone?
	Absence                      // a rule that asks for what is missing
)

// String returns a word for people.
func (o Occasion) String() string {
	return [...]string{"", "change", "again", "end", "absence"}[min(o, Absence)]
}

// Asked is what rules are asked about, before they are.
type Asked struct {
	Occasion Occasion
	Rule     *rule.Rule // that alone is asked; nil when all are
	Part     int        // of Rule

	// Observation is what they see, on the host's clock; that of an absence is on
	// the stream's. It, its connection and its baseline are valid during the call
	// only.
	Observation rule.Observation
	Message     *event.Changes // that it follows from
}

// asking makes what is asked about a connection, and tells whoever wants to know.
func (t *turn) asking(occasion Occasion, p part, c *event.Connection, at time.Time) rule.Observation {
	o := t.observe(c, at)
	if t.Asked != nil {
		t.Asked(&Asked{Occasion: occasion, Rule: p.rule, Part: p.number, Observation: o, Message: t.changes})
	}
	return o
}
