package backtest

import (
	"fmt"
	"strings"
	"time"

	"headstart/event"
	"headstart/report"
	"headstart/term"
)

// few is how many of a kind are listed unless all are asked for.
const few = 10

// writer writes a result for people.
type writer struct{ term.Writer }

// Text returns what a person reads: a summary, then details, of each kind a few
// unless all are asked for.
func (r *Report) Text(p term.Page, all bool) string {
	w := &writer{term.Writer{Page: p, Most: few}}
	if all {
		w.Most = MaxAlerts
	}
	w.summary(r)
	w.ruleChanges(&r.Changes)
	w.incidents(r.Result)
	w.alerts(r.Result)
	w.paces(r)
	return w.String()
}

func (w *writer) summary(r *Report) {
	s := r.Span
	w.Say(term.Regular, "%s against %s, on what happened from %s to %s (%s).", r.NewRules.Name, r.OldRules.Name, minute(s.From), minute(s.Until), days(s.Until.Sub(s.From)))
	for _, note := range r.Notes {
		w.Say(term.Yellow, "%s", note)
	}
	w.WriteByte('\n')
	row := func(name string, old, new any) term.Row {
		return term.Row{Cells: []term.Span{term.Regular.Of(name), term.Regular.Of(fmt.Sprint(old)), term.Regular.Of(fmt.Sprint(new))}}
	}
	a, b := r.Old, r.New
	rows := []term.Row{
		{Cells: []term.Span{{}, term.Faint.Of("OLD"), term.Faint.Of("NEW")}},
		row("rules enabled", r.OldRules.Enabled, r.NewRules.Enabled),
		row("alerts", perDay(a.Alerts, a.AlertsPerDay), perDay(b.Alerts, b.AlertsPerDay)),
		row("incidents", a.Incidents, b.Incidents),
		row("people told of", perDay(a.Notified, a.NotifiedPerDay), perDay(b.Notified, b.NotifiedPerDay)),
		row("told after, median", told(a), told(b)),
	}
	if a.Muted+b.Muted > 0 {
		rows = append(rows, row("muted by exceptions", a.Muted, b.Muted))
	}
	w.Page.Table(&w.Builder, 2, rows)
	w.WriteByte('\n')
	w.Say(term.Regular, "Alerts: %d gained, %d lost, %d in both%s.", len(r.Alerts.Gained), len(r.Alerts.Lost), r.Alerts.Same, moved(r.Alerts.Earlier, r.Alerts.Later, 0))
	w.Say(term.Regular, "Incidents: %d gained, %d lost, %d changed, %d the same.", len(r.Incidents.Gained), len(r.Incidents.Lost), len(r.Incidents.Changed), r.Incidents.Same)
	style := term.Regular
	if len(r.Incidents.NoLongerTold) > 0 {
		style = term.Red
	}
	w.Say(style, "People are told of %d incidents that they weren't told of, and no longer of %d.", len(r.Incidents.NewlyTold), len(r.Incidents.NoLongerTold))
	if d := r.Detection; d.Both > 0 {
		w.Say(term.Regular, "Of %d they are told either way%s.", d.Both, moved(d.Earlier, d.Later, d.Median))
	}
	if len(r.Hosts.Newly) > 0 {
		w.Say(term.Regular, "Hosts that newly alert: %s.", some(r.Hosts.Newly))
	}
	if len(r.Hosts.Silent) > 0 {
		w.Say(term.Regular, "Hosts that fall silent: %s.", some(r.Hosts.Silent))
	}
	if left := a.LeftOut + b.LeftOut; left > 0 {
		w.Say(term.Yellow, "%d alerts and incidents were too many to be compared.", left)
	}
}

func perDay(n int, day float64) string { return fmt.Sprintf("%d (%.3g a day)", n, day) }

func told(n Numbers) string {
	if n.Notified == 0 {
		return "-"
	}
	return term.Duration(time.Duration(n.ToldAfter))
}

// moved says, in brackets, how the times of what is in both differ.
func moved(earlier, later int, median event.Seconds) string {
	switch {
	case earlier+later == 0:
		return " (at the same times)"
	case median == 0:
		return fmt.Sprintf(" (%d earlier, %d later)", earlier, later)
	}
	return fmt.Sprintf(" (%d earlier, %d later, in the median %s)", earlier, later, earlierOrLater(time.Duration(median)))
}

func earlierOrLater(later time.Duration) string {
	if later < 0 {
		return term.Duration(-later) + " earlier"
	}
	return term.Duration(later) + " later"
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return term.Duration(d.Round(time.Minute))
	}
	return fmt.Sprintf("%.3g days", d.Hours()/24)
}

func (w *writer) ruleChanges(c *RuleChanges) {
	if c.None() {
		return
	}
	w.Heading("Rules and lists")
	var rows []term.Row
	add := func(what, id, rest string) {
		rows = append(rows, term.Row{Cells: []term.Span{term.Faint.Of(what), term.Regular.Of(id)}, Rest: []term.Span{term.Faint.Of(rest)}})
	}
	for _, id := range c.Added {
		add("only new", id, "")
	}
	for _, id := range c.Removed {
		add("only old", id, "")
	}
	for _, r := range c.Changed {
		var fields []string
		for _, f := range r.Fields {
			text := f.Field
			if f.Old != "" || f.New != "" {
				text += fmt.Sprintf(" %s → %s", f.Old, f.New)
			}
			fields = append(fields, text)
		}
		add("changed", r.Rule, strings.Join(fields, "; "))
	}
	for _, l := range c.Lists {
		var parts []string
		if len(l.More) > 0 {
			parts = append(parts, "with "+some(l.More))
		}
		if len(l.Less) > 0 {
			parts = append(parts, "without "+some(l.Less))
		}
		add("changed", l.Name, strings.Join(parts, "; "))
	}
	w.Table(rows, len(rows))
}

func (w *writer) incidents(r *Result) {
	in := r.Incidents
	w.incidentList("People are no longer told of", in.NoLongerTold)
	w.incidentList("People are newly told of", in.NewlyTold)
	if len(in.Changed) > 0 {
		w.Heading("Incidents that changed")
		var rows []term.Row
		for _, c := range mostTelling(in.Changed)[:min(len(in.Changed), w.Most)] {
			row := incidentRow(c.New)
			row.Rest = []term.Span{term.Regular.Of(c.New.Title), term.Faint.Of(strings.Join(c.Texts, "; "))}
			rows = append(rows, row)
		}
		w.Table(rows, len(in.Changed))
	}
	w.incidentList("Lost, of those that people weren't told of", untold(in.Lost))
	w.incidentList("Gained, of those that people aren't told of", untold(in.Gained))
}

// mostTelling puts what people notice first.
func mostTelling(all []*Change) []*Change {
	var first, rest []*Change
	for _, c := range all {
		if c.Old.Notified || c.New.Notified {
			first = append(first, c)
		} else {
			rest = append(rest, c)
		}
	}
	return append(first, rest...)
}

func untold(all []*Incident) []*Incident {
	var left []*Incident
	for _, i := range all {
		if !i.Notified {
			left = append(left, i)
		}
	}
	return left
}

func (w *writer) incidentList(title string, all []*Incident) {
	if len(all) == 0 {
		return
	}
	w.Heading("%s (%d)", title, len(all))
	var rows []term.Row
	for _, i := range all[:min(len(all), w.Most)] {
		rows = append(rows, incidentRow(i))
	}
	w.Table(rows, len(all))
}

func incidentRow(i *Incident) term.Row {
	return term.Row{
		Cells: []term.Span{term.Faint.Of(minute(i.OpenedAt)), severity(i.Severity), term.Regular.Of(fmt.Sprintf("%.4g", i.Score))},
		Rest:  []term.Span{term.Regular.Of(i.Title), term.Faint.Of(some(i.Rules))},
	}
}

func severity(s event.Severity) term.Span { return report.Style(s).Of(s.String()) }

func (w *writer) alerts(r *Result) {
	var rows []term.Row
	for _, c := range r.Rules {
		if c.Old == c.New && c.OldMuted == c.NewMuted {
			continue
		}
		muted := ""
		if c.OldMuted+c.NewMuted > 0 {
			muted = fmt.Sprintf("muted %d, was %d", c.NewMuted, c.OldMuted)
		}
		rows = append(rows, term.Row{
			Cells: []term.Span{term.Regular.Of(c.Rule), term.Regular.Of(fmt.Sprint(c.Old)), term.Regular.Of(fmt.Sprint(c.New))},
			Rest:  []term.Span{term.Faint.Of(muted)},
		})
	}
	if len(rows) > 0 {
		w.Heading("Alerts by rule, where they differ")
		head := term.Row{Cells: []term.Span{term.Faint.Of("RULE"), term.Faint.Of("OLD"), term.Faint.Of("NEW")}}
		w.Page.Table(&w.Builder, 2, append([]term.Row{head}, rows[:min(len(rows), w.Most)]...))
		w.More(len(rows))
	}
	w.alertList("Alerts lost", r.Alerts.Lost)
	w.alertList("Alerts gained", r.Alerts.Gained)
}

func (w *writer) alertList(title string, all []*Alert) {
	if len(all) == 0 {
		return
	}
	w.Heading("%s (%d)", title, len(all))
	var rows []term.Row
	for _, a := range all[:min(len(all), w.Most)] {
		what := a.Title
		if a.Source != (event.Address{}) || a.Destination != (event.Address{}) {
			what += fmt.Sprintf(": %s → %s:%d", a.Source, a.Destination, a.Port)
		}
		rows = append(rows, term.Row{
			Cells: []term.Span{term.Faint.Of(minute(a.At)), severity(a.Severity), term.Regular.Of(a.Host)},
			Rest:  []term.Span{term.Regular.Of(what), term.Faint.Of(a.Rule)},
		})
	}
	w.Table(rows, len(all))
}

func (w *writer) paces(r *Report) {
	if r.OldPace == nil || r.NewPace == nil {
		return
	}
	w.Heading("Polled every %s instead of every %s", term.Duration(time.Duration(r.NewPace.Interval)), term.Duration(r.Span.Interval))
	for _, side := range []struct {
		name   string
		pace   *Pace
		before Numbers
	}{{"old", r.OldPace, r.Old}, {"new", r.NewPace, r.New}} {
		p := side.pace
		w.Say(term.Regular, "With the %s rules: %d alerts instead of %d; %d only then, %d no longer, %d in both%s.",
			side.name, p.Numbers.Alerts, side.before.Alerts, len(p.Only), len(p.Missing), p.Both, moved(p.Earlier, p.Later, p.Median))
		w.Detail(term.Regular, "People are told of %d incidents instead of %d: of %d only then, no longer of %d, of %d either way%s.",
			p.Numbers.Notified, side.before.Notified, len(p.OnlyTold), len(p.MissingTold), p.Told.Both, moved(p.Told.Earlier, p.Told.Later, p.Told.Median))
	}
	w.alertList("Alerts of the new rules that are only raised then", r.NewPace.Only)
}
