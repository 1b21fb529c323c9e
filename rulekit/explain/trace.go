package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/detect"
	"headstart/detect/firing"
	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/detect/rule/explain"
	"headstart/event"
)

// Trace observes the evaluations of one rule. One goroutine uses it at a time.
type Trace struct {
	rule        *rule.Rule
	subject     Subject
	explainer   *explain.Explainer
	engine      *detect.Engine
	cases       map[caseKey]*Case
	seen        map[event.ConnectionID]sighting
	uncounted   int
	reasons     []string // terms for which the rule doesn't hold
	reason      map[string]int16
	near        []Near
	touched     []*Case // by the message at hand
	first, last time.Time
}

// caseKey is a connection's id, or the name of a host that was silent.
type caseKey struct {
	id   event.ConnectionID
	host string
}

// sighting is how far the rule came on a connection, and the reason.
type sighting struct {
	rank   int16
	reason int16 // in reasons, from 1
}

// Near is a connection that meets most criteria of the subject, but not all.
type Near struct {
	ID   event.ConnectionID `json:"id"`
	What string             `json:"what"`
	At   time.Time          `json:"at"` // it had begun

	met int // criteria
}

// New returns a trace of a rule of a set.
func New(set *rule.Set, r *rule.Rule, s Subject) *Trace {
	return &Trace{
		rule: r, subject: s, explainer: explain.New(set),
		cases: map[caseKey]*Case{}, seen: map[event.ConnectionID]sighting{}, reason: map[string]int16{},
	}
}

// Begin observes an engine, which must use the set of the trace.
func (t *Trace) Begin(c *detect.Engine) {
	t.engine = c
	c.Observe(t.observe)
}

func (t *Trace) observe(a *firing.Evaluation) {
	o := &a.Observation
	at := o.At
	if a.Trigger != firing.OnAbsence {
		at = a.Message.StreamTime(at)
	}
	if t.first.IsZero() {
		t.first = at
	}
	if at.After(t.last) {
		t.last = at
	}
	if a.Rule != nil && a.Rule.ID != t.rule.ID {
		return
	}
	conn, began := inStreamTime(a), at
	if conn != nil {
		began = conn.OpenedBefore
	}
	met, all := t.subject.fits(o, began, at)
	if met < all && t.subject.Expected.IsZero() {
		t.noteNear(o, conn, met)
		return
	}
	e := &Evaluation{At: at, Times: 1, Trigger: a.Trigger.String()}
	if conn != nil {
		e.Event = conn.Kind.String()
	}
	if !t.subject.Expected.IsZero() {
		e.distance = at.Sub(t.subject.Expected).Abs()
	}
	switch {
	case t.rule.Absent != nil && a.Trigger != firing.OnAbsence: // nothing is missing
		if t.rule.Absent.Of == rule.MissingPoller {
			conn = nil
		}
	case a.Rule != nil:
		e.Parts = append(e.Parts, t.explainer.Explain(t.rule, a.Part, *o))
	default:
		for n := range t.rule.Parts() {
			e.Parts = append(e.Parts, t.explainer.Explain(t.rule, n, *o))
		}
	}
	t.note(newCase(o, conn, at), e, (met-all)*rankCriterion)
}

// inStreamTime returns the connection with its times on the stream's clock.
func inStreamTime(a *firing.Evaluation) *event.Connection {
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

// noteNear keeps the connections that meet most criteria, while none meets all.
func (t *Trace) noteNear(o *rule.Observation, conn *event.Connection, met int) {
	if conn == nil || met == 0 || len(t.seen) > 0 || len(t.near) == maxNear && met <= t.near[maxNear-1].met {
		return
	}
	if slices.ContainsFunc(t.near, func(n Near) bool { return n.ID == conn.ID }) {
		return
	}
	t.near = append(t.near, Near{ID: conn.ID, What: newCase(o, conn, conn.OpenedBefore).String(), At: conn.OpenedBefore, met: met})
	slices.SortStableFunc(t.near, func(a, b Near) int { return b.met - a.met })
	t.near = t.near[:min(len(t.near), maxNear)]
}

// note adds an evaluation to its case.
func (t *Trace) note(c *Case, e *Evaluation, rank int) {
	key := c.key()
	for i, p := range e.Parts {
		if r := rankOf(p); i == 0 || r > c.rank {
			c.rank = r
		}
	}
	if key.host == "" {
		t.count(key.id, c.rank, e)
	}
	c.rank += rank
	if known := t.cases[key]; known != nil {
		known.Connection, known.rank = c.Connection, max(known.rank, c.rank)
		c = known
	} else if !t.admit(c.rank) {
		return
	} else {
		t.cases[key] = c
	}
	if len(e.Parts) > 0 {
		c.add(e)
		t.touched = append(t.touched, c)
	}
}

func (c *Case) key() caseKey {
	if c.Connection == nil {
		return caseKey{host: c.Host}
	}
	return caseKey{id: c.Connection.ID}
}

func (k caseKey) compare(other caseKey) int {
	return cmp.Or(slices.Compare(k.id[:], other.id[:]), strings.Compare(k.host, other.host))
}

// admit makes room for a case, unless the rule came further on all kept ones.
func (t *Trace) admit(rank int) bool {
	if len(t.cases) < maxCases {
		return true
	}
	var least caseKey
	lowest := rank
	for key, c := range t.cases {
		if c.rank < lowest || c.rank == lowest && lowest < rank && key.compare(least) < 0 {
			least, lowest = key, c.rank
		}
	}
	if lowest == rank {
		return false
	}
	delete(t.cases, least)
	return true
}

// count notes how far the rule came on a connection, and why not further: a rule
// has at most 500 terms a step.
func (t *Trace) count(id event.ConnectionID, rank int, e *Evaluation) {
	before, known := t.seen[id]
	if !known && len(t.seen) >= maxSeen {
		t.uncounted++
		return
	}
	if known && int16(rank) <= before.rank {
		return
	}
	s := sighting{rank: int16(rank)}
	if rank <= rankDoesNot && len(e.Parts) > 0 {
		if terms := lacking(e.Parts[0]); len(terms) > 0 {
			text := fmt.Sprintf("%s was %t", terms[0].Text, terms[0].Holds)
			if s.reason = t.reason[text]; s.reason == 0 {
				t.reasons = append(t.reasons, text)
				s.reason = int16(len(t.reasons))
				t.reason[text] = s.reason
			}
		}
	}
	t.seen[id] = s
}

// Applied notes what followed from a message.
func (t *Trace) Applied(out *detect.Output) {
	for _, c := range t.touched {
		if c.touched == nil {
			continue
		}
		c.touched.Windows = t.windows(c)
		for _, w := range c.touched.Windows {
			if w.Needed > 0 && c.rank%rankCriterion >= rankHolds {
				c.rank = max(c.rank, c.rank-c.rank%100+int(min(99, 100*w.Reached/w.Needed)))
			}
		}
	}
	for _, a := range out.Alerts {
		if a.Rule != t.rule.ID {
			continue
		}
		for _, c := range t.cases {
			if t.isAbout(a, c) {
				c.fire(a)
			}
		}
	}
	for _, c := range t.touched {
		c.touched = nil
	}
	t.touched = t.touched[:0]
}

// windows returns the pattern's windows of a case's keys.
func (t *Trace) windows(c *Case) (all []*pattern.Contents) {
	if t.rule.Path != nil && c.Connection != nil {
		if w := t.engine.Path(t.rule.ID, c.Host, c.Connection.ID); w != nil {
			all = append(all, w)
		}
		return all
	}
	for _, key := range c.keys {
		if w := t.engine.Window(t.rule.ID, key); w != nil {
			shown := *w
			shown.Key = shownKey(w.Key)
			all = append(all, &shown)
		}
	}
	return all
}

func shownKey(key string) string { return strings.ReplaceAll(key, "\x00", " ") }

// fire notes an alert that a case is part of.
func (c *Case) fire(a *event.Alert) {
	if slices.Contains(c.Alerts, a.ID) || len(c.Alerts) >= maxEvaluations {
		return
	}
	c.Alerts = append(c.Alerts, a.ID)
	if c.rank > 0 {
		c.rank = rankFired
	}
	if c.touched == nil {
		return
	}
	f := Firing{Alert: a.ID}
	if a.Matched > 0 {
		f.Matched, f.Evidence = a.Matched, a.Evidence
	}
	c.touched.Fired = append(c.touched.Fired, f)
}

// lateness is how long after its window a pattern can fire.
const lateness = 5 * time.Minute

// isAbout reports whether an alert is about a case, or the case is one of the
// matches of its pattern.
func (t *Trace) isAbout(a *event.Alert, c *Case) bool {
	d := c.Connection
	switch {
	case d == nil:
		return c.Host == a.Host && a.Connection.OpenedBefore.IsZero()
	case a.Connection.ID == d.ID:
		return true
	case !t.rule.IsPattern() || t.rule.Absent != nil:
		return false
	case t.rule.Path != nil:
		return slices.ContainsFunc(a.Evidence, func(e event.Evidence) bool {
			return e.Source == d.Source && e.Destination == d.Destination && e.Port == d.Port && e.At.Sub(d.OpenedBefore).Abs() < time.Minute
		})
	}
	within := lateness
	if t.rule.Count != nil {
		within += t.rule.Count.Within
	} else {
		within += t.rule.Sequence.Within
	}
	return !d.OpenedBefore.After(a.At) && a.At.Sub(d.OpenedBefore) <= within &&
		slices.ContainsFunc(c.keys, func(key string) bool { return shownKey(key) == a.Key })
}
