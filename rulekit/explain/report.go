package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/term"
)

// Report says why a rule fired or did not.
type Report struct {
	Rule    string   `json:"rule"`
	Title   string   `json:"title"`
	File    string   `json:"file"`
	Enabled bool     `json:"enabled"`
	Subject Subject  `json:"subject"`
	Outcome Outcome  `json:"outcome"` // on the connection on which it came furthest
	Because string   `json:"because"`
	Notes   []string `json:"notes,omitempty"`

	From  time.Time `json:"from,omitzero"` // of the history that was replayed
	Until time.Time `json:"until,omitzero"`

	Connections int      `json:"connections"` // that it was asked about
	Counts      []Count  `json:"counts"`      // how many by outcome; those that did not fire also by why
	Cases       []*Case  `json:"cases"`       // those on which it came furthest first
	Near        []Near   `json:"near,omitempty"`
	Overrides   []string `json:"overrides,omitempty"` // files that changed the rule
}

// Count is how many connections there were of which the same is to be said.
type Count struct {
	Outcome Outcome `json:"outcome"`
	For     string  `json:"for,omitempty"` // the first term that decided, and its value
	Number  int     `json:"number"`
}

// Report returns what was found out, with as many connections as are asked for.
func (q *Inquiry) Report(most int) *Report {
	r := &Report{
		Rule: q.rule.ID, Title: q.rule.Title, File: q.rule.File, Enabled: q.rule.Enabled, Subject: q.subject, Outcome: NotFired,
		From: q.first, Until: q.last, Connections: len(q.seen) + q.uncounted, Counts: q.counts(), Cases: []*Case{},
	}
	for _, o := range q.rule.Overrides {
		r.Overrides = append(r.Overrides, fmt.Sprintf("%s (%s)", o.File, strings.Join(o.Fields, ", ")))
	}
	for _, c := range q.hosts {
		r.Cases = append(r.Cases, c)
	}
	for _, c := range q.cases {
		r.Cases = append(r.Cases, c)
	}
	for _, c := range r.Cases {
		c.Outcome, c.Because = q.outcome(c)
	}
	slices.SortFunc(r.Cases, func(a, b *Case) int {
		return cmp.Or(b.rank-a.rank, began(a).Compare(began(b)), strings.Compare(name(a), name(b)))
	})
	if len(r.Cases) == 0 {
		r.Because = q.nothing()
		for _, n := range q.near {
			if n.has == q.near[0].has {
				r.Near = append(r.Near, n)
			}
		}
		return r
	}
	r.Outcome, r.Because = r.Cases[0].Outcome, r.Cases[0].Because
	r.Cases = r.Cases[:min(most, len(r.Cases))]
	if !q.rule.Enabled {
		r.Notes = append(r.Notes, "The rule is not enabled: it raises no alert. This is what it would make of what it saw.")
	}
	if !q.rule.Alert {
		r.Notes = append(r.Notes, "The rule is a building block (alert: false): it raises no alert of its own, but other rules ask whether it has fired.")
	}
	return r
}

func (q *Inquiry) nothing() string {
	if q.first.IsZero() {
		return "the history is empty"
	}
	return "there is no such connection in the history"
}

func began(c *Case) time.Time {
	if c.Connection == nil {
		return time.Time{}
	}
	return c.Connection.OpenedBefore
}

func name(c *Case) string {
	if c.Connection == nil {
		return c.Host
	}
	return c.Connection.ID.String()
}

// counts says how far the rule came on how many connections.
func (q *Inquiry) counts() []Count {
	type kind struct {
		outcome Outcome
		reason  int16
	}
	numbers := map[kind]int{}
	for id, s := range q.seen {
		k := kind{NotFired, s.reason}
		if c := q.cases[id]; c != nil {
			if k.outcome, _ = q.outcome(c); k.outcome != NotFired {
				k.reason = 0
			}
		} else if s.rank > rankDoesNot {
			k = kind{outcome: map[int16]Outcome{rankHolds: Fired, rankMuted: Muted, rankFailed: Failed, rankWaits: Waited}[s.rank]}
		}
		numbers[k]++
	}
	all := []Count{}
	for k, n := range numbers {
		c := Count{Outcome: k.outcome, Number: n}
		if k.reason > 0 {
			c.For = q.reasons[k.reason-1]
		}
		all = append(all, c)
	}
	order := []Outcome{Fired, Muted, Failed, Matched, Waited, NotFired}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(slices.Index(order, a.Outcome)-slices.Index(order, b.Outcome), b.Number-a.Number, strings.Compare(a.For, b.For))
	})
	return all
}

// outcome says what became of the rule on a connection, and why.
func (q *Inquiry) outcome(c *Case) (Outcome, string) {
	asking, e := c.best()
	switch {
	case len(c.Alerts) > 0:
		return Fired, q.firedBecause(c)
	case e == nil && q.rule.Absent != nil && q.rule.Absent.Of == rule.MissingPeerReport:
		return NotFired, "nothing was missing: both ends showed the connection, or only one of them can"
	case e == nil:
		return NotFired, "nothing was missing: the host went on reporting, or was not silent for long enough"
	}
	switch e.Verdict {
	case rule.Holds:
		if !q.rule.IsPattern() || q.rule.Absent != nil {
			return Fired, "its condition held at " + moment(asking.At)
		}
		return q.matched(c)
	case rule.IsMuted:
		x := e.Muted()
		return Muted, fmt.Sprintf("muted by an exception of %s: %s; it counts until %s", x.Owner, x.Reason, lastDay(x.Expires))
	case rule.Fails:
		return Failed, e.Failure
	case rule.Waits:
		return Waited, q.waitedBecause(c, e)
	}
	var reasons []string
	terms := lacking(e)
	for _, t := range terms[:min(len(terms), 3)] {
		reasons = append(reasons, t.String())
	}
	text := strings.Join(reasons, "; ")
	if n := len(terms) - len(reasons); n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	if q.rule.Parts() > 1 {
		text = fmt.Sprintf("of no step the condition held; of step %d %s", e.Part+1, text)
	}
	return NotFired, text
}

// lastDay is the last day on which an exception counts.
func lastDay(expires time.Time) string { return expires.AddDate(0, 0, -1).Format(time.DateOnly) }

func (q *Inquiry) firedBecause(c *Case) string {
	for _, a := range c.Askings {
		for _, f := range a.Fired {
			if q.subject.Alert != "" && f.Alert != q.subject.Alert {
				continue
			}
			return fmt.Sprintf("at %s, alert %s", moment(a.At), f.Alert)
		}
	}
	return "it is part of alert " + c.Alerts[0]
}

// matched is a pattern of which the connection is a match, and no alert followed.
func (q *Inquiry) matched(c *Case) (Outcome, string) {
	var windows []*pattern.Contents
	steps := map[int]bool{}
	for _, a := range c.Askings {
		if len(a.Windows) > 0 {
			windows = a.Windows
		}
		for _, e := range a.Parts {
			if e.Verdict == rule.Holds {
				steps[e.Part+1] = true
			}
		}
	}
	if len(windows) == 0 {
		return Matched, "it matched, and the rule has fired on its key for the day, or forgotten it"
	}
	w := windows[0]
	if len(w.Fired) > 0 && !q.rule.Alert {
		return Fired, "on " + strings.Join(w.Fired, ", ")
	}
	text := fmt.Sprintf("it matched, but %s", q.short(w))
	if len(w.Fired) > 0 {
		text = fmt.Sprintf("it matched, but the rule had fired on %s on %s, and fires once a key and day", cmp.Or(term.Plain(w.Key), "this"), strings.Join(w.Fired, ", "))
	}
	return Matched, text
}

// short says how much a window lacks.
func (q *Inquiry) short(w *pattern.Contents) string {
	what, key := "matches", " of "+term.Plain(w.Key)
	switch {
	case q.rule.Sequence != nil:
		what = "steps"
	case q.rule.Path != nil:
		what, key = "edges", ""
	case q.rule.Count != nil && q.rule.Count.Sum != "":
		what = "in sum"
	case q.rule.Count != nil && q.rule.Count.Of != "":
		what = "distinct values"
	}
	text := fmt.Sprintf("%.4g of %.4g %s%s came together within %s", w.Reached, w.Needed, what, key, term.Duration(time.Duration(w.Within)))
	if w.Reached >= w.Needed && q.rule.Sequence != nil {
		text += ", not in this order"
	}
	if w.Above > 0 && w.Reached >= w.Needed {
		text += fmt.Sprintf("; above_usual asks for more than %.4g", w.Above)
	}
	if w.Reached >= w.Needed && q.rule.Count != nil && q.rule.Count.Beaconing > 0 {
		text += fmt.Sprintf("; they are regular by %.2f, and %g is asked for", w.Beaconing, q.rule.Count.Beaconing)
	}
	return text
}

// waitedBecause says what a rule waited for that did not come.
func (q *Inquiry) waitedBecause(c *Case, e *rule.Explanation) string {
	var texts []string
	longest := time.Duration(0)
	for _, t := range waiting(e) {
		texts = append(texts, t.Text)
		longest = max(longest, time.Duration(t.Wait))
	}
	if longest < time.Millisecond {
		return strings.Join(texts, " and ") + " did not come true"
	}
	text := strings.Join(texts, " and ") + " was not reached"
	if d := c.Connection; d != nil && d.Reason != 0 {
		return text + fmt.Sprintf("; the connection ended after %s to %s", term.Duration(time.Duration(d.AgeMin)), atMost(d))
	}
	return text + fmt.Sprintf("; when it was last asked the connection had to be %s older", term.Duration(longest.Round(time.Second)))
}

// waiting are the terms that wait.
func waiting(e *rule.Explanation) (terms []*rule.Term) {
	terms = e.Condition.Decisive()
	if e.For != nil {
		terms = append(terms, e.For)
	}
	return slices.DeleteFunc(terms, func(t *rule.Term) bool { return t.Wait == 0 })
}

func atMost(d *event.AlertConnection) string {
	if d.AgeMax == nil {
		return "any time"
	}
	return term.Duration(time.Duration(*d.AgeMax))
}
