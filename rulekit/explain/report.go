package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/detect/rule/explain"
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
	Outcome Outcome  `json:"outcome"` // of the first case
	Because string   `json:"because"`
	Notes   []string `json:"notes,omitempty"`

	From  time.Time `json:"from,omitzero"` // of the replayed history
	Until time.Time `json:"until,omitzero"`

	Connections int      `json:"connections"` // on which it was evaluated
	Counts      []Count  `json:"counts"`      // by outcome, and by reason where it did not fire
	Cases       []*Case  `json:"cases"`       // those on which it came furthest first
	Near        []Near   `json:"near,omitempty"`
	Overrides   []string `json:"overrides,omitempty"` // files that change the rule
}

// Count is the number of connections with an outcome and a reason.
type Count struct {
	Outcome Outcome `json:"outcome"`
	For     string  `json:"for,omitempty"` // the first decisive term, and its value
	Number  int     `json:"number"`
}

// Report returns the explanation, with up to most cases.
func (t *Trace) Report(most int) *Report {
	r := &Report{
		Rule: t.rule.ID, Title: t.rule.Title, File: t.rule.File, Enabled: t.rule.Enabled, Subject: t.subject, Outcome: NotFired,
		From: t.first, Until: t.last, Connections: len(t.seen) + t.uncounted, Counts: t.counts(), Cases: []*Case{},
	}
	for _, o := range t.rule.Overrides {
		r.Overrides = append(r.Overrides, fmt.Sprintf("%s (%s)", o.File, strings.Join(o.Fields, ", ")))
	}
	for _, c := range t.cases {
		c.Outcome, c.Because = t.outcome(c)
		r.Cases = append(r.Cases, c)
	}
	slices.SortFunc(r.Cases, func(a, b *Case) int {
		return cmp.Or(b.rank-a.rank, cmp.Compare(a.distance(), b.distance()), a.began().Compare(b.began()), a.key().compare(b.key()))
	})
	switch {
	case len(r.Cases) > 0:
		r.Outcome, r.Because = r.Cases[0].Outcome, r.Cases[0].Because
		r.Cases = r.Cases[:min(most, len(r.Cases))]
	case t.first.IsZero():
		r.Because = "the history is empty"
	default:
		r.Because = "there is no such connection in the history"
		for _, n := range t.near {
			if n.met == t.near[0].met {
				r.Near = append(r.Near, n)
			}
		}
		return r
	}
	if !t.rule.Enabled {
		r.Notes = append(r.Notes, "The rule is not enabled: it raises no alert. This is the result it would have.")
	}
	if !t.rule.Alert {
		r.Notes = append(r.Notes, "The rule is a building block (alert: false): it raises no alert of its own; other rules use whether it has fired.")
	}
	return r
}

func (c *Case) began() (at time.Time) {
	if c.Connection != nil {
		at = c.Connection.OpenedBefore
	}
	return at
}

// distance is that of the best evaluation from the expected time.
func (c *Case) distance() time.Duration {
	if e, _ := c.Best(-1); e != nil {
		return e.distance
	}
	return 0
}

// counts counts the connections by outcome and reason.
func (t *Trace) counts() []Count {
	type kind struct {
		outcome Outcome
		reason  int16
	}
	numbers := map[kind]int{}
	for id, s := range t.seen {
		k := kind{NotFired, s.reason}
		if c := t.cases[caseKey{id: id}]; c != nil {
			if k.outcome, _ = t.outcome(c); k.outcome != NotFired {
				k.reason = 0
			}
		} else if s.rank > rankDoesNot {
			k = kind{outcome: map[int16]Outcome{rankHolds: Fired, rankMuted: Suppressed, rankFailed: Failed, rankWaits: Waited}[s.rank]}
		}
		numbers[k]++
	}
	all := []Count{}
	for k, n := range numbers {
		c := Count{Outcome: k.outcome, Number: n}
		if k.reason > 0 {
			c.For = t.reasons[k.reason-1]
		}
		all = append(all, c)
	}
	order := []Outcome{Fired, Suppressed, Failed, Matched, Waited, NotFired}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(slices.Index(order, a.Outcome)-slices.Index(order, b.Outcome), b.Number-a.Number, strings.Compare(a.For, b.For))
	})
	return all
}

// outcome returns the result of the rule on a case, and why.
func (t *Trace) outcome(c *Case) (Outcome, string) {
	best, e := c.Best(-1)
	switch {
	case len(c.Alerts) > 0:
		return Fired, t.firedBecause(c)
	case e == nil && t.rule.Absent != nil && t.rule.Absent.Of == rule.MissingPeerReport:
		return NotFired, "nothing was missing: both ends showed the connection, or only one of them can"
	case e == nil:
		return NotFired, "nothing was missing: the host went on reporting, or was not silent for long enough"
	}
	switch e.Verdict {
	case explain.Holds:
		if !t.rule.IsPattern() || t.rule.Absent != nil {
			return Fired, "its condition held at " + moment(best.At)
		}
		return t.matched(c)
	case explain.Suppressed:
		x := e.Muted()
		return Suppressed, fmt.Sprintf("suppressed by an exception of %s: %s; it is valid until %s", x.Owner, x.Reason, lastDay(x.Expires))
	case explain.Fails:
		return Failed, e.Failure
	case explain.Waits:
		return Waited, c.waitedBecause(e)
	}
	text := strings.Join(reasons(lacking(e), 3), "; ")
	if t.rule.Parts() > 1 {
		text = fmt.Sprintf("the condition of no step held; of step %d %s", e.Part+1, text)
	}
	return NotFired, text
}

// reasons returns the first terms with their values, and how many follow.
func reasons(terms []*explain.Term, most int) (texts []string) {
	for _, one := range terms[:min(len(terms), most)] {
		texts = append(texts, one.String())
	}
	if n := len(terms) - most; n > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", n))
	}
	return texts
}

// Reasons returns why a part of the rule did not hold, a line each.
func Reasons(c *Case, e *explain.Explanation) []string {
	if e.Verdict == explain.Waits {
		return []string{c.waitedBecause(e)}
	}
	return reasons(lacking(e), 4)
}

// lastDay is the last day on which an exception is valid.
func lastDay(expires time.Time) string { return expires.AddDate(0, 0, -1).Format(time.DateOnly) }

func (t *Trace) firedBecause(c *Case) string {
	for _, e := range c.Evaluations {
		for _, f := range e.Fired {
			if t.subject.Alert == "" || f.Alert == t.subject.Alert {
				return fmt.Sprintf("at %s, alert %s", moment(e.At), f.Alert)
			}
		}
	}
	return "it is part of alert " + c.Alerts[0]
}

// Window returns the last window of a pattern that the case matched; nil if none.
func (c *Case) Window() (w *pattern.Contents) {
	for _, e := range c.Evaluations {
		if len(e.Windows) > 0 {
			w = e.Windows[0]
		}
	}
	return w
}

// matched explains a match of a pattern that no alert followed.
func (t *Trace) matched(c *Case) (Outcome, string) {
	w := c.Window()
	switch {
	case w == nil:
		return Matched, "it matched, and the rule has fired on its key for the day, or forgotten it"
	case len(w.Fired) > 0 && !t.rule.Alert:
		return Fired, "on " + strings.Join(w.Fired, ", ")
	case len(w.Fired) > 0:
		return Matched, fmt.Sprintf("it matched, but the rule had fired on %s on %s, and fires once a key and day", cmp.Or(term.Plain(w.Key), "this"), strings.Join(w.Fired, ", "))
	}
	what, key := "matches", " of "+term.Plain(w.Key)
	switch {
	case t.rule.Sequence != nil:
		what = "steps"
	case t.rule.Path != nil:
		what, key = "edges", ""
	case t.rule.Count != nil && t.rule.Count.Sum != "":
		what = "in sum"
	case t.rule.Count != nil && t.rule.Count.Of != "":
		what = "distinct values"
	}
	text := fmt.Sprintf("it matched, but %.4g of %.4g %s%s came together within %s", w.Reached, w.Needed, what, key, term.Duration(time.Duration(w.Within)))
	if w.Reached >= w.Needed {
		if t.rule.Sequence != nil {
			text += ", not in this order"
		}
		if w.Above > 0 {
			text += fmt.Sprintf("; above_usual requires more than %.4g", w.Above)
		}
		if t.rule.Count != nil && t.rule.Count.Beaconing > 0 {
			text += fmt.Sprintf("; their regularity is %.2f, beaconing requires %g", w.Beaconing, t.rule.Count.Beaconing)
		}
	}
	return Matched, text
}

// waitedBecause says what a rule waited for in vain.
func (c *Case) waitedBecause(e *explain.Explanation) string {
	var texts []string
	longest := time.Duration(0)
	for _, t := range waiting(e) {
		texts = append(texts, t.Text)
		longest = max(longest, time.Duration(t.Wait))
	}
	text := strings.Join(texts, " and ")
	switch d := c.Connection; {
	case longest < time.Millisecond:
		return text + " did not become true"
	case d != nil && d.Reason != 0:
		return text + fmt.Sprintf(" was not reached; the connection ended after %s to %s", term.Duration(time.Duration(d.AgeMin)), atMost(d))
	}
	return text + fmt.Sprintf(" was not reached; at its last evaluation the connection had to be %s older", term.Duration(longest.Round(time.Second)))
}

func atMost(d *event.AlertConnection) string {
	if d.AgeMax == nil {
		return "any time"
	}
	return term.Duration(time.Duration(*d.AgeMax))
}
