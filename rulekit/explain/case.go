package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/detect/rule/explain"
	"headstart/event"
)

// Outcome is the result of a rule on a connection.
type Outcome string

// The outcomes, the furthest first.
const (
	Fired      Outcome = "fired"
	Suppressed Outcome = "suppressed" // by an exception
	Failed     Outcome = "failed"     // it could not be evaluated
	Matched    Outcome = "matched"    // a pattern, which did not fire
	Waited     Outcome = "waited"     // for the connection's age, in vain
	NotFired   Outcome = "did not fire"
)

// Case is a connection on which a rule was evaluated, or a host that was silent.
type Case struct {
	Host        string                 `json:"host"`
	Peer        string                 `json:"peer,omitempty"` // the other end's name, if it has one
	Connection  *event.AlertConnection `json:"connection,omitempty"`
	Outcome     Outcome                `json:"outcome"`
	Because     string                 `json:"because"`
	Evaluations []*Evaluation          `json:"asked"` // in order, at most 16
	Skipped     int                    `json:"skipped,omitempty"`
	Alerts      []string               `json:"alerts,omitempty"` // ids of those that it is part of

	keys    []string // of the pattern, under which it matched
	rank    int
	touched *Evaluation // by the message at hand
}

// Evaluation is one evaluation of the rule, or several with the same result.
type Evaluation struct {
	At       time.Time              `json:"at"`              // in stream time
	Until    time.Time              `json:"until,omitzero"`  // of the last of several
	Times    int                    `json:"times"`           // how many
	Trigger  string                 `json:"occasion"`        // change, again, end or absence
	Event    string                 `json:"event,omitempty"` // the connection's change
	Parts    []*explain.Explanation `json:"parts"`           // one, or one for each evaluated step of a sequence
	Windows  []*pattern.Contents    `json:"windows,omitempty"`
	Fired    []Firing               `json:"fired,omitempty"` // alerts that followed
	distance time.Duration          // from the expected time
}

// Firing is an alert that followed, with the matches of its pattern.
type Firing struct {
	Alert    string           `json:"alert"`
	Matched  int              `json:"matched,omitempty"`
	Evidence []event.Evidence `json:"evidence,omitempty"`
}

// newCase describes a connection, whose times are on the stream's clock.
func newCase(o *rule.Observation, conn *event.Connection, at time.Time) *Case {
	c := new(Case)
	if o.Host != nil {
		c.Host = o.Host.Name
	}
	if conn != nil {
		d := event.DescribeConnection(conn, at)
		c.Connection = &d
		if o.Peer != nil && conn.Direction != 0 {
			c.Peer = o.Peer.Name
		}
	}
	return c
}

// add notes an evaluation. One with the same result as the one before is merged
// with it.
func (c *Case) add(e *Evaluation) {
	c.touched = e
	if n := len(c.Evaluations); n > 0 && c.Evaluations[n-1].result() == e.result() {
		last := c.Evaluations[n-1]
		last.Until, last.Parts, last.distance = e.At, e.Parts, min(last.distance, e.distance)
		last.Times++
		c.touched = last
	} else {
		c.Evaluations = append(c.Evaluations, e)
		if len(c.Evaluations) > maxEvaluations {
			c.Evaluations = slices.Delete(c.Evaluations, maxEvaluations/2, maxEvaluations/2+1)
			c.Skipped++
		}
	}
	for _, p := range e.Parts {
		if p.Verdict == explain.Holds && p.By != "" && !slices.Contains(c.keys, p.By) && len(c.keys) < maxWindows {
			c.keys = append(c.keys, p.By)
		}
	}
}

// result is equal for evaluations to merge.
func (e *Evaluation) result() string {
	var b strings.Builder
	b.WriteString(e.Event)
	for _, p := range e.Parts {
		fmt.Fprintf(&b, "|%d %s", p.Part, p.Verdict)
		if p.Verdict == explain.DoesNotHold {
			for _, t := range p.Condition.Decisive() {
				fmt.Fprintf(&b, " %d:%d", t.Line, t.Column)
			}
		}
	}
	return b.String()
}

// The ranks of cases: how far the rule came. A case that misses a criterion of a
// preferred subject ranks below all that meet more.
const (
	rankFired     = 1000
	rankHolds     = 900 // plus how much of its pattern's window is reached, below 100
	rankMuted     = 800
	rankFailed    = 700
	rankWaits     = 600
	rankDoesNot   = 500 // minus the number of terms that would have to change
	rankCriterion = 10_000
)

func rankOf(e *explain.Explanation) int {
	switch e.Verdict {
	case explain.Holds:
		return rankHolds
	case explain.Suppressed:
		return rankMuted
	case explain.Fails:
		return rankFailed
	case explain.Waits:
		return rankWaits
	}
	return rankDoesNot - min(400, len(lacking(e)))
}

// lacking returns the terms for which a rule doesn't hold.
func lacking(e *explain.Explanation) (terms []*explain.Term) {
	if !e.Condition.Holds {
		terms = e.Condition.Decisive()
	}
	if e.For != nil && !e.For.Holds && e.For.Wait == 0 {
		terms = append(terms, e.For)
	}
	return terms
}

// waiting returns the terms that become true with the connection's age.
func waiting(e *explain.Explanation) (terms []*explain.Term) {
	terms = e.Condition.Decisive()
	if e.For != nil {
		terms = append(terms, e.For)
	}
	return slices.DeleteFunc(terms, func(t *explain.Term) bool { return t.Wait == 0 })
}

// Best returns the evaluation, and the part of it, on which the rule came
// furthest: of equal ones the closest to the expected time, or the first. With a
// step other than -1 it looks at that step alone.
func (c *Case) Best(step int) (best *Evaluation, part *explain.Explanation) {
	for _, e := range c.Evaluations {
		for _, p := range e.Parts {
			if step >= 0 && p.Part != step {
				continue
			}
			if part == nil || rankOf(p) > rankOf(part) || rankOf(p) == rankOf(part) && e.distance < best.distance {
				best, part = e, p
			}
		}
	}
	return best, part
}

// String names the originator, the responder and the port.
func (c *Case) String() string {
	if c.Connection == nil {
		return c.Host
	}
	d := c.Connection
	if d.Direction == 0 {
		return fmt.Sprintf("%s listens on %s", c.Host, netip.AddrPortFrom(d.Source.Netip(), d.Port))
	}
	own, other := c.Host, c.Peer
	source, destination := d.Source.String(), d.Destination.String()
	if d.Direction == event.Inbound {
		own, other = other, own
	}
	if own != "" {
		source = own
	}
	if other != "" {
		destination = other
	}
	return fmt.Sprintf("%s -> %s:%d", source, destination, d.Port)
}
