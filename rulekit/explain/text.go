package explain

import (
	"fmt"
	"path"
	"strings"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule/explain"
	"headstart/term"
)

// mostCounts is the number of reasons to list.
const mostCounts = 12

// writer writes a report about a rule of a file.
type writer struct {
	term.Writer
	file string
}

// Text returns the report for a terminal: the answer in a line, then what it
// rests on.
func (r *Report) Text(p term.Page) string {
	w := &writer{term.Writer{Page: p, Most: mostCounts + 1}, r.File}
	w.Say(term.Bold, "%s %s: %s", r.Rule, r.verdict(), r.Because)
	for _, note := range r.Notes {
		w.Say(term.Yellow, "%s", note)
	}
	w.Say(term.Faint, "%s (%s)", r.Title, r.File)
	for _, o := range r.Overrides {
		w.Say(term.Faint, "changed by %s", o)
	}
	if !r.From.IsZero() {
		w.Say(term.Faint, "replayed from %s to %s UTC", moment(r.From), moment(r.Until))
	}
	if r.Connections > 1 {
		w.counts(r)
	}
	for _, c := range r.Cases {
		w.aCase(c, r.Connections > 1 || len(r.Cases) > 1)
	}
	if len(r.Near) > 0 {
		w.WriteByte('\n')
		w.Say(term.Regular, "Closest to the %s:", r.Subject.String())
		for _, n := range r.Near {
			w.Line(2, term.Regular.Of(n.ID.String()), term.Regular.Of(n.What), term.Faint.Of("began "+moment(n.At)))
		}
	}
	return w.String()
}

func (r *Report) verdict() string {
	switch {
	case r.Outcome == Fired && !r.Enabled:
		return "would have fired"
	case r.Outcome == Fired:
		return "fired"
	case r.Outcome == Failed:
		return "could not be evaluated"
	}
	return "did not fire"
}

func (w *writer) counts(r *Report) {
	w.WriteByte('\n')
	w.Say(term.Regular, "Evaluated on %d connections:", r.Connections)
	var rows []term.Row
	rest := Count{Outcome: NotFired, For: "for other reasons"}
	add := func(c Count) {
		rows = append(rows, term.Row{Cells: term.Regular.Each(fmt.Sprint(c.Number), string(c.Outcome)), Rest: term.Regular.Each(c.For)})
	}
	for i, c := range r.Counts {
		if i < mostCounts {
			add(c)
		} else {
			rest.Number += c.Number
		}
	}
	if rest.Number > 0 {
		add(rest)
	}
	w.Table(nil, rows)
	if len(r.Cases) < r.Connections {
		w.Say(term.Faint, "Those on which it came furthest:")
	}
}

func (w *writer) aCase(c *Case, several bool) {
	w.WriteByte('\n')
	if d := c.Connection; d == nil {
		w.Say(term.Bold, "%s", c.Host)
	} else {
		began := "began before the first poll of the host"
		if !d.OpenedAfter.IsZero() {
			began = fmt.Sprintf("began %s to %s", moment(d.OpenedAfter), clock(d.OpenedBefore))
		}
		how := strings.TrimPrefix(fmt.Sprintf("%s, %s, %s", d.Direction, d.State, began), ", ")
		w.Line(0, term.Bold.Of(c.String()), term.Faint.Format("%s, %s", how, d.ID))
	}
	if several {
		w.Say(term.Regular, "%s: %s", c.Outcome, c.Because)
	}
	best, _ := c.Best(-1)
	for i, e := range c.Evaluations {
		if c.Skipped > 0 && i == maxEvaluations/2 {
			w.Line(2, term.Faint.Format("… %d more", c.Skipped))
		}
		w.evaluation(e, e == best)
	}
}

func clock(t time.Time) string { return t.UTC().Format(time.TimeOnly) }

// evaluation writes the one on which the rule came furthest in whole, of the
// others the decisive terms.
func (w *writer) evaluation(e *Evaluation, whole bool) {
	when := clock(e.At)
	if e.Times > 1 {
		when += fmt.Sprintf(" to %s, %d times", clock(e.Until), e.Times)
	}
	why := map[string]string{
		"change": "connection " + e.Event, "again": "evaluated again as the connection got older", "end": "evaluated for the last time as the connection ended", "absence": "something was missing",
	}[e.Trigger]
	w.Line(2, term.Bold.Of(when), term.Regular.Of(why))
	for _, p := range e.Parts {
		w.part(p, whole, len(e.Parts) > 1 || p.Part > 0)
	}
	for _, c := range e.Windows {
		w.window(c)
	}
	for _, f := range e.Fired {
		w.firing(f)
	}
}

func (w *writer) part(e *explain.Explanation, whole, numbered bool) {
	text := string(e.Verdict)
	switch {
	case e.Verdict == explain.Waits && time.Duration(e.Wait) < time.Millisecond:
		text = "waits for another rule to fire"
	case e.Verdict == explain.Waits:
		text = "waits " + term.Duration(time.Duration(e.Wait).Round(time.Second))
	case e.Verdict == explain.Suppressed:
		text = "suppressed by an exception"
	case e.Verdict == explain.Fails:
		text = "fails: " + e.Failure
	}
	if numbered {
		text = fmt.Sprintf("step %d %s", e.Part+1, text)
	}
	w.Line(4, term.Regular.Of(text))
	if !whole {
		w.decisive(e)
		return
	}
	w.term(e.Condition, 4)
	if e.For != nil {
		w.term(e.For, 4)
	}
	for i := range e.Exceptions {
		w.exception(&e.Exceptions[i])
	}
	if len(e.Key) > 0 && e.Verdict == explain.Holds {
		w.Line(4, term.Faint.Of("key: "+values(e.Key)))
	}
}

// decisive writes what kept a rule from firing.
func (w *writer) decisive(e *explain.Explanation) {
	var terms []*explain.Term
	switch e.Verdict {
	case explain.DoesNotHold:
		terms = lacking(e)
	case explain.Waits:
		terms = waiting(e)
	case explain.Suppressed:
		w.exception(e.Muted())
	}
	for _, t := range terms {
		w.term(t, 6)
	}
}

func (w *writer) exception(x *explain.Exception) {
	state := "valid until "
	if x.Expired {
		state = "expired, not evaluated; was valid until "
	}
	w.Line(4, term.Regular.Format("unless (%s: %s; %s%s)", x.Owner, x.Reason, state, lastDay(x.Expires)))
	w.term(x.Condition, 6)
}

// term writes a term and those below it, with their place: in another file than
// the rule's, with its name.
func (w *writer) term(t *explain.Term, indent int) {
	mark := term.Red.Of("✗")
	switch {
	case t.Failure != "":
		mark = term.Yellow.Of("!")
	case t.Wait > 0:
		mark = term.Yellow.Of("…")
	case t.Holds:
		mark = term.Cyan.Of("✓")
	}
	text, shown, below := t.Text, t.Values, t.Terms
	switch t.Kind {
	case explain.Always:
		text = "no condition"
	case explain.And:
		text = "all of"
	case explain.Or:
		text = "any of"
	case explain.Not:
		if inner := t.Terms[0]; inner.Kind == explain.Leaf {
			shown, below = inner.Values, nil
		} else {
			text = "not"
		}
	}
	spans := []term.Span{mark.Style.Of(mark.Text + " " + text)}
	if len(shown) > 0 {
		spans = append(spans, term.Regular.Of("("+values(shown)+")"))
	}
	if t.Failure != "" && len(below) == 0 {
		spans = append(spans, term.Yellow.Of(t.Failure))
	}
	if t.Line > 0 && len(below) == 0 {
		at := fmt.Sprintf("%d:%d", t.Line, t.Column)
		if t.File != w.file {
			at = path.Base(t.File) + ":" + at
		}
		spans = append(spans, term.Faint.Of(at))
	}
	w.Line(indent, spans...)
	for _, inner := range below {
		w.term(inner, indent+2)
	}
}

func values(all []explain.Named) string {
	var texts []string
	for _, v := range all {
		texts = append(texts, v.Name+" is "+v.Value)
	}
	return strings.Join(texts, ", ")
}

// firing writes an alert with its matches, which are no longer in the window.
func (w *writer) firing(f Firing) {
	text := "alert " + f.Alert
	if f.Matched > 0 {
		text += fmt.Sprintf(", of %d", f.Matched)
	}
	w.Line(4, term.Red.Of(text))
	for _, e := range f.Evidence {
		w.Line(6, term.Regular.Of(clock(e.At)), term.Regular.Format("%s -> %s:%d", e.Source, e.Destination, e.Port))
	}
}

func (w *writer) window(c *pattern.Contents) {
	text := fmt.Sprintf("%.4g of %.4g within %s", c.Reached, c.Needed, term.Duration(time.Duration(c.Within)))
	if c.Held == 0 {
		text = "nothing left"
	}
	if c.Key != "" {
		text = term.Plain(c.Key) + ": " + text
	}
	if c.Above > 0 {
		text += fmt.Sprintf(", must be more than %.4g", c.Above)
	}
	if len(c.Fired) > 0 {
		text += ", has fired on " + strings.Join(c.Fired, ", ")
	}
	w.Line(4, term.Regular.Of("window of "+text))
	for _, m := range c.Matches {
		spans := []term.Span{term.Regular.Of(clock(m.At)), term.Regular.Format("%s -> %s:%d", m.From, m.To, m.Port)}
		if m.Step > 0 {
			spans = append(spans, term.Regular.Format("step %d", m.Step))
		}
		if m.Value != "" && m.Value != m.To {
			spans = append(spans, term.Regular.Of(m.Value))
		}
		w.Line(6, append(spans, term.Faint.Format("%s of %s", m.Connection, m.Host))...)
	}
}
