package explain

import (
	"fmt"
	"path"
	"strings"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/term"
)

// writer writes a report for people.
type writer struct {
	strings.Builder
	page term.Page
}

func (w *writer) say(indent int, spans ...term.Span) {
	p := w.page
	p.Margin = indent + 4
	p.Fill(&w.Builder, strings.Repeat(" ", indent), indent, spans...)
}

func regular(format string, args ...any) term.Span {
	return term.Regular.Of(fmt.Sprintf(format, args...))
}

func faint(format string, args ...any) term.Span {
	return term.Faint.Of(fmt.Sprintf(format, args...))
}

// mostCounts is how many reasons are told.
const mostCounts = 12

// Text returns what a person reads: the verdict in a line, then what it rests on.
func (r *Report) Text(p term.Page) string {
	w := &writer{page: p}
	w.say(0, term.Bold.Of(fmt.Sprintf("%s %s: %s", r.Rule, r.verdict(), r.Because)))
	for _, note := range r.Notes {
		w.say(0, term.Yellow.Of(note))
	}
	w.say(0, faint("%s (%s)", r.Title, r.File))
	for _, o := range r.Overrides {
		w.say(0, faint("changed by %s", o))
	}
	if !r.From.IsZero() {
		w.say(0, faint("replayed from %s to %s UTC", moment(r.From), moment(r.Until)))
	}
	if r.Connections > 1 {
		w.counts(r)
	}
	for _, c := range r.Cases {
		w.aCase(r, c)
	}
	if len(r.Near) > 0 {
		w.WriteByte('\n')
		w.say(0, regular("Closest to the %s:", r.Subject.String()))
		for _, n := range r.Near {
			w.say(2, regular("%s", n.ID), regular("%s", n.What), faint("began %s", moment(n.At)))
		}
	}
	return w.String()
}

// verdict is what is said of the rule in the first line.
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
	w.say(0, regular("It was asked about %d connections:", r.Connections))
	var rows []term.Row
	rest := 0
	for i, c := range r.Counts {
		if i >= mostCounts {
			rest += c.Number
			continue
		}
		row := term.Row{Cells: []term.Span{regular("%d", c.Number), regular("%s", c.Outcome)}}
		if c.For != "" {
			row.Rest = []term.Span{regular("%s", c.For)}
		}
		rows = append(rows, row)
	}
	if rest > 0 {
		rows = append(rows, term.Row{Cells: []term.Span{regular("%d", rest), regular("%s", NotFired)}, Rest: []term.Span{regular("for other reasons")}})
	}
	w.page.Table(&w.Builder, 2, rows)
	if len(r.Cases) < r.Connections {
		w.say(0, faint("Those on which it came furthest:"))
	}
}

func (w *writer) aCase(r *Report, c *Case) {
	w.WriteByte('\n')
	if c.Connection == nil {
		w.say(0, term.Bold.Of(c.Host))
	} else {
		d := c.Connection
		how := []string{d.Direction.String(), d.State.String()}
		if d.OpenedAfter.IsZero() {
			how = append(how, "began before the host was first looked at")
		} else {
			how = append(how, fmt.Sprintf("began %s to %s", moment(d.OpenedAfter), d.OpenedBefore.UTC().Format(time.TimeOnly)))
		}
		w.say(0, term.Bold.Of(c.String()), faint("%s, %s", strings.TrimPrefix(strings.Join(how, ", "), ", "), d.ID))
	}
	if r.Connections > 1 || len(r.Cases) > 1 {
		w.say(0, regular("%s: %s", c.Outcome, c.Because))
	}
	for i, a := range c.Askings {
		if c.Skipped > 0 && i == maxAskings/2 {
			w.say(2, faint("… %d more", c.Skipped))
		}
		best, _ := c.best()
		w.asking(r, a, a == best)
	}
}

// asking writes an occasion: in whole that on which the rule came furthest, of the
// others what decided.
func (w *writer) asking(r *Report, a *Asking, whole bool) {
	when := a.At.UTC().Format(time.TimeOnly)
	if a.Times > 1 {
		when += fmt.Sprintf(" to %s, %d times", a.Until.UTC().Format(time.TimeOnly), a.Times)
	}
	why := map[string]string{
		"change": "it was " + a.Event, "again": "asked again, as it got older", "end": "asked for the last time, as it ended", "absence": "something was missing",
	}[a.Occasion]
	w.say(2, term.Bold.Of(when), regular("%s", why))
	for _, e := range a.Parts {
		w.part(r, e, whole, len(a.Parts) > 1 || e.Part > 0)
	}
	for _, c := range a.Windows {
		w.window(c)
	}
	for _, f := range a.Fired {
		w.firing(f)
	}
}

func (w *writer) part(r *Report, e *rule.Explanation, whole, numbered bool) {
	text := string(e.Verdict)
	switch {
	case e.Verdict == rule.Waits && time.Duration(e.Wait) < time.Millisecond:
		text = "waits for another rule to fire"
	case e.Verdict == rule.Waits:
		text = "waits " + term.Duration(time.Duration(e.Wait).Round(time.Second))
	case e.Verdict == rule.Fails:
		text = "fails: " + e.Failure
	}
	if numbered {
		text = fmt.Sprintf("step %d %s", e.Part+1, text)
	}
	w.say(4, regular("%s", text))
	if !whole {
		w.decisive(r, e)
		return
	}
	w.term(e.Condition, 4, r.File)
	if e.For != nil {
		w.term(e.For, 4, r.File)
	}
	for i := range e.Exceptions {
		w.exception(&e.Exceptions[i], r.File)
	}
	if len(e.Key) > 0 && e.Verdict == rule.Holds {
		w.say(4, faint("known by %s", values(e.Key)))
	}
}

// decisive writes what kept a rule from firing.
func (w *writer) decisive(r *Report, e *rule.Explanation) {
	switch e.Verdict {
	case rule.DoesNotHold:
		for _, t := range lacking(e) {
			w.term(t, 6, r.File)
		}
	case rule.Waits:
		for _, t := range waiting(e) {
			w.term(t, 6, r.File)
		}
	case rule.IsMuted:
		w.exception(e.Muted(), r.File)
	}
}

func (w *writer) exception(x *rule.ExplainedException, file string) {
	state := fmt.Sprintf("counts until %s", lastDay(x.Expires))
	if x.Expired {
		state = fmt.Sprintf("expired after %s, and is not asked any more", lastDay(x.Expires))
	}
	w.say(4, regular("unless (%s: %s; %s)", x.Owner, x.Reason, state))
	w.term(x.Condition, 6, file)
}

// term writes a term and those below it. Places in another file than the rule's
// are named in full.
func (w *writer) term(t *rule.Term, indent int, file string) {
	mark := map[bool]term.Span{true: term.Cyan.Of("✓"), false: term.Red.Of("✗")}[t.Holds]
	if t.Failure != "" {
		mark = term.Yellow.Of("!")
	} else if t.Wait > 0 {
		mark = term.Yellow.Of("…")
	}
	text, shown, below := t.Text, t.Values, t.Terms
	switch t.Kind {
	case rule.Always:
		text = "no condition"
	case rule.And:
		text = "all of"
	case rule.Or:
		text = "any of"
	case rule.Not:
		if inner := t.Terms[0]; inner.Kind == rule.Asks {
			shown, below = inner.Values, nil
		} else {
			text = "not"
		}
	}
	spans := []term.Span{{Style: mark.Style, Text: mark.Text + " " + text}}
	if len(shown) > 0 {
		spans = append(spans, regular("(%s)", values(shown)))
	}
	if t.Failure != "" && len(below) == 0 {
		spans = append(spans, term.Yellow.Of(t.Failure))
	}
	if t.Line > 0 && len(below) == 0 {
		at := fmt.Sprintf("%d:%d", t.Line, t.Column)
		if t.File != file {
			at = path.Base(t.File) + ":" + at
		}
		spans = append(spans, term.Faint.Of(at))
	}
	w.say(indent, spans...)
	for _, inner := range below {
		w.term(inner, indent+2, file)
	}
}

func values(all []rule.Named) string {
	var texts []string
	for _, v := range all {
		texts = append(texts, v.Name+" is "+v.Value)
	}
	return strings.Join(texts, ", ")
}

// firing writes an alert with what it rests on: what fired is no longer in the
// window.
func (w *writer) firing(f Firing) {
	text := "alert " + f.Alert
	if f.Matched > 0 {
		text += fmt.Sprintf(", of %d", f.Matched)
	}
	w.say(4, term.Red.Of(text))
	for _, e := range f.Evidence {
		w.say(6, regular("%s", e.At.UTC().Format(time.TimeOnly)), regular("%s -> %s:%d", e.Source, e.Destination, e.Port))
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
	w.say(4, regular("window of %s", text))
	for _, m := range c.Matches {
		spans := []term.Span{regular("%s", m.At.UTC().Format(time.TimeOnly)), regular("%s -> %s:%d", m.From, m.To, m.Port)}
		if m.Step > 0 {
			spans = append(spans, regular("step %d", m.Step))
		}
		if m.Value != "" && m.Value != m.To {
			spans = append(spans, regular("%s", m.Value))
		}
		w.say(6, append(spans, faint("%s of %s", m.Connection, m.Host))...)
	}
}
