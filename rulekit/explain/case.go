package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// Outcome is what became of a rule on a connection.
type Outcome string

// The outcomes, the furthest first.
const (
	Fired    Outcome = "fired"
	Muted    Outcome = "muted"   // by an exception
	Failed   Outcome = "failed"  // it could not be evaluated
	Matched  Outcome = "matched" // a pattern, which did not fire
	Waited   Outcome = "waited"  // for the connection to get older, in vain
	NotFired Outcome = "did not fire"
)

// Case is a connection that a rule was asked about, or a host that said nothing.
type Case struct {
	Host       string                 `json:"host"`
	Peer       string                 `json:"peer,omitempty"` // the other end's name, if it has one
	Connection *event.AlertConnection `json:"connection,omitempty"`
	Outcome    Outcome                `json:"outcome"`
	Because    string                 `json:"because"`
	Askings    []*Asking              `json:"asked"` // in order, at most 16
	Skipped    int                    `json:"skipped,omitempty"`
	Alerts     []string               `json:"alerts,omitempty"` // ids of those that it is part of

	keys    []string // of a pattern, that it matched with
	rank    int
	touched *Asking // by the message that is being handled
}

// Asking is one occasion, or several with the same answer, on which the rule was
// asked.
type Asking struct {
	At       time.Time           `json:"at"`              // in stream time
	Until    time.Time           `json:"until,omitzero"`  // of the last, where there are several
	Times    int                 `json:"times"`           // how many
	Occasion string              `json:"occasion"`        // change, again, end or absence
	Event    string              `json:"event,omitempty"` // what had become known of the connection
	Parts    []*rule.Explanation `json:"parts"`           // one, or one for each step of a sequence that was asked
	Windows  []*pattern.Contents `json:"windows,omitempty"`
	Fired    []Firing            `json:"fired,omitempty"` // alerts that followed
}

// Firing is an alert that followed, with what a pattern put together for it.
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

// add takes in what the rule was asked and answered. An answer like the one
// before is not kept again.
func (c *Case) add(a *Asking) {
	c.touched = a
	if n := len(c.Askings); n > 0 && c.Askings[n-1].says() == a.says() {
		last := c.Askings[n-1]
		last.Until, last.Parts = a.At, a.Parts
		last.Times++
		c.touched = last
	} else {
		c.Askings = append(c.Askings, a)
		if len(c.Askings) > maxAskings {
			c.Askings = slices.Delete(c.Askings, maxAskings/2, maxAskings/2+1)
			c.Skipped++
		}
	}
	for _, e := range a.Parts {
		c.rank = max(c.rank, rankOf(e))
		if e.Verdict == rule.Holds && e.By != "" && !slices.Contains(c.keys, e.By) && len(c.keys) < maxWindows {
			c.keys = append(c.keys, e.By)
		}
	}
}

// says is what makes an asking like another.
func (a *Asking) says() string {
	var b strings.Builder
	b.WriteString(a.Event)
	for _, e := range a.Parts {
		fmt.Fprintf(&b, "|%d %s", e.Part, e.Verdict)
		if e.Verdict == rule.DoesNotHold {
			for _, t := range e.Condition.Decisive() {
				fmt.Fprintf(&b, " %d:%d", t.Line, t.Column)
			}
		}
	}
	return b.String()
}

// The ranks of what a rule says of a connection: how far it came. What is closer
// to holding ranks higher.
const (
	rankFired   = 1000
	rankHolds   = 900
	rankMuted   = 800
	rankFailed  = 700
	rankWaits   = 600
	rankDoesNot = 500 // minus the terms that would have to be otherwise
)

func rankOf(e *rule.Explanation) int {
	switch e.Verdict {
	case rule.Holds:
		return rankHolds
	case rule.IsMuted:
		return rankMuted
	case rule.Fails:
		return rankFailed
	case rule.Waits:
		return rankWaits
	default:
		return rankDoesNot - min(400, len(lacking(e)))
	}
}

// lacking are the terms for which a rule doesn't hold.
func lacking(e *rule.Explanation) (terms []*rule.Term) {
	if !e.Condition.Holds {
		terms = e.Condition.Decisive()
	}
	if e.For != nil && !e.For.Holds && e.For.Wait == 0 {
		terms = append(terms, e.For)
	}
	return terms
}

// best is the asking, and the part of it, on which the rule came furthest: of
// those that are alike the first.
func (c *Case) best() (a *Asking, e *rule.Explanation) {
	for _, asking := range c.Askings {
		for _, part := range asking.Parts {
			if e == nil || rankOf(part) > rankOf(e) {
				a, e = asking, part
			}
		}
	}
	return a, e
}

// String says who began it and with whom, by their names where they have one.
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
