package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/detect"
	"headstart/detect/firing"
	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// Inquiry watches one rule. One goroutine uses it at a time.
type Inquiry struct {
	rule        *rule.Rule
	subject     Subject
	explainer   *rule.Explainer
	correlation *detect.Engine
	cases       map[event.ConnectionID]*Case
	hosts       map[string]*Case // of a missing poller
	seen        map[event.ConnectionID]sighting
	uncounted   int
	reasons     []string // for which the rule doesn't hold: texts of terms
	reason      map[string]int
	near        []Near
	touched     []*Case // by the message that is being handled
	first, last time.Time
}

// sighting is how far the rule came on a connection, and what it failed for.
type sighting struct {
	rank   int16
	reason int16 // in reasons, from 1
}

// New returns an inquiry into a rule of a set.
func New(set *rule.Set, r *rule.Rule, s Subject) *Inquiry {
	return &Inquiry{
		rule: r, subject: s, explainer: rule.NewExplainer(set),
		cases: map[event.ConnectionID]*Case{}, hosts: map[string]*Case{}, seen: map[event.ConnectionID]sighting{}, reason: map[string]int{},
	}
}

// Begin watches a correlation, which must use the set of the inquiry.
func (q *Inquiry) Begin(c *detect.Engine) {
	q.correlation = c
	c.Observe(q.asked)
}

func (q *Inquiry) asked(a *firing.Evaluation) {
	o := &a.Observation
	at := o.At
	if a.Trigger != firing.OnAbsence {
		at = a.Message.StreamTime(at)
	}
	if q.first.IsZero() {
		q.first = at
	}
	if at.After(q.last) {
		q.last = at
	}
	if a.Rule != nil && a.Rule.ID != q.rule.ID {
		return
	}
	conn, began := q.inStreamTime(a), at
	if conn != nil {
		began = conn.OpenedBefore
	}
	has, of := q.subject.fits(o, began, at)
	if has < of {
		q.nearly(o, conn, has, at)
		return
	}
	var parts []*rule.Explanation
	switch {
	case q.rule.Absent != nil && a.Trigger != firing.OnAbsence: // nothing is missing
		if q.rule.Absent.Of == rule.MissingPoller {
			conn = nil
		}
	case a.Rule != nil:
		parts = append(parts, q.explainer.Explain(q.rule, a.Part, *o))
	default:
		for n := range q.rule.Parts() {
			parts = append(parts, q.explainer.Explain(q.rule, n, *o))
		}
	}
	q.note(o, conn, &Asking{At: at, Times: 1, Occasion: a.Trigger.String(), Event: eventOf(conn), Parts: parts})
}

func eventOf(conn *event.Connection) string {
	if conn == nil {
		return ""
	}
	return conn.Kind.String()
}

// inStreamTime returns the connection with its times on the stream's clock.
func (q *Inquiry) inStreamTime(a *firing.Evaluation) *event.Connection {
	conn := a.Observation.Connection
	if conn == nil || a.Trigger == firing.OnAbsence {
		return conn
	}
	moved := *conn
	for _, t := range []*time.Time{&moved.OpenedAfter, &moved.OpenedBefore, &moved.SeenUntil, &moved.ClosedAfter, &moved.ClosedBefore} {
		if !t.IsZero() {
			*t = a.Message.StreamTime(*t)
		}
	}
	return &moved
}

// nearly keeps what has most of what was asked for.
func (q *Inquiry) nearly(o *rule.Observation, conn *event.Connection, has int, at time.Time) {
	if conn == nil || has == 0 || len(q.seen) > 0 {
		return
	}
	if len(q.near) == maxNear && has <= q.near[maxNear-1].has {
		return
	}
	if slices.ContainsFunc(q.near, func(n Near) bool { return n.ID == conn.ID }) {
		return
	}
	q.near = append(q.near, Near{ID: conn.ID, What: newCase(o, conn, at).String(), At: conn.OpenedBefore, has: has})
	slices.SortStableFunc(q.near, func(a, b Near) int { return b.has - a.has })
	q.near = q.near[:min(len(q.near), maxNear)]
}

func (q *Inquiry) note(o *rule.Observation, conn *event.Connection, a *Asking) {
	c := newCase(o, conn, a.At)
	for _, e := range a.Parts {
		c.rank = max(c.rank, rankOf(e))
	}
	if conn == nil {
		if known := q.hosts[c.Host]; known != nil {
			c = known
		} else if len(q.hosts) < maxCases {
			q.hosts[c.Host] = c
		}
	} else {
		q.count(conn.ID, c.rank, a)
		if known := q.cases[conn.ID]; known != nil {
			known.Connection = c.Connection
			c = known
		} else if !q.admit(c.rank) {
			return
		} else {
			q.cases[conn.ID] = c
		}
	}
	if len(a.Parts) > 0 {
		c.add(a)
		q.touched = append(q.touched, c)
	}
}

// admit makes room for a connection, unless all that are kept came further.
func (q *Inquiry) admit(rank int) bool {
	if len(q.cases) < maxCases {
		return true
	}
	var least event.ConnectionID
	lowest := rank
	for id, c := range q.cases {
		if c.rank < lowest || c.rank == lowest && lowest < rank && slices.Compare(id[:], least[:]) < 0 {
			least, lowest = id, c.rank
		}
	}
	if lowest == rank {
		return false
	}
	delete(q.cases, least)
	return true
}

// count notes how far the rule came on a connection.
func (q *Inquiry) count(id event.ConnectionID, rank int, a *Asking) {
	before, known := q.seen[id]
	if !known && len(q.seen) >= maxSeen {
		q.uncounted++
		return
	}
	if known && int16(rank) <= before.rank {
		return
	}
	s := sighting{rank: int16(rank)}
	if rank <= rankDoesNot && len(a.Parts) > 0 {
		if terms := lacking(a.Parts[0]); len(terms) > 0 {
			s.reason = q.reasonOf(fmt.Sprintf("%s was %t", terms[0].Text, terms[0].Holds))
		}
	}
	q.seen[id] = s
}

// reasonOf numbers what a rule fails for: of each step at most 500 things.
func (q *Inquiry) reasonOf(text string) int16 {
	n := q.reason[text]
	if n == 0 {
		q.reasons = append(q.reasons, text)
		n = len(q.reasons)
		q.reason[text] = n
	}
	return int16(n)
}

// Applied takes in what followed from a message.
func (q *Inquiry) Applied(out *detect.Output) {
	for _, c := range q.touched {
		if c.touched != nil {
			c.touched.Windows = q.windows(c)
		}
	}
	for _, a := range out.Alerts {
		if a.Rule == q.rule.ID {
			q.alert(a)
		}
	}
	for _, c := range q.touched {
		c.touched = nil
	}
	q.touched = q.touched[:0]
}

// windows are what the pattern has of the keys of a case.
func (q *Inquiry) windows(c *Case) (all []*pattern.Contents) {
	if q.rule.Path != nil && c.Connection != nil {
		if w := q.correlation.Path(q.rule.ID, c.Host, c.Connection.ID); w != nil {
			all = append(all, w)
		}
		return all
	}
	for _, key := range c.keys {
		if w := q.correlation.Window(q.rule.ID, key); w != nil {
			shown := *w
			shown.Key = strings.ReplaceAll(w.Key, "\x00", " ")
			all = append(all, &shown)
		}
	}
	return all
}

// alert notes an alert of the rule with the cases that it is about.
func (q *Inquiry) alert(a *event.Alert) {
	for _, c := range q.cases {
		if q.isAbout(a, c) {
			c.fire(a)
		}
	}
	if c := q.hosts[a.Host]; c != nil && a.Connection.OpenedBefore.IsZero() {
		c.fire(a)
	}
}

func (c *Case) fire(a *event.Alert) {
	if slices.Contains(c.Alerts, a.ID) || len(c.Alerts) >= maxAskings {
		return
	}
	c.Alerts = append(c.Alerts, a.ID)
	c.rank = rankFired
	if c.touched == nil {
		return
	}
	f := Firing{Alert: a.ID}
	if a.Matched > 0 {
		f.Matched, f.Evidence = a.Matched, a.Evidence
	}
	c.touched.Fired = append(c.touched.Fired, f)
}

// isAbout reports whether an alert is about a connection, or whether that is one
// of those that a pattern put together for it.
func (q *Inquiry) isAbout(a *event.Alert, c *Case) bool {
	d := c.Connection
	switch {
	case a.Connection.ID == d.ID:
		return true
	case !q.rule.IsPattern() || q.rule.Absent != nil:
		return false
	case q.rule.Path != nil:
		return slices.ContainsFunc(a.Evidence, func(e event.Evidence) bool {
			return e.Source == d.Source && e.Destination == d.Destination && e.Port == d.Port && e.At.Sub(d.OpenedBefore).Abs() < time.Minute
		})
	}
	within := lateness
	if q.rule.Count != nil {
		within += q.rule.Count.Within
	} else {
		within += q.rule.Sequence.Within
	}
	return !d.OpenedBefore.After(a.At) && a.At.Sub(d.OpenedBefore) <= within &&
		slices.ContainsFunc(c.keys, func(key string) bool { return strings.ReplaceAll(key, "\x00", " ") == a.Key })
}

// lateness is by how much a pattern can fire after the window that it fires for.
const lateness = 5 * time.Minute
