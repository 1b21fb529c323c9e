package backtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/event"
	"headstart/report"
	"headstart/term"
)

// few is the number of rows of a table, unless all are wanted.
const few = 10

// writer writes a result for a terminal.
type writer struct{ term.Writer }

// Text returns the report for a terminal: a summary, then tables, with their
// first rows unless all is set.
func (r *Report) Text(p term.Page, all bool) string {
	w := &writer{term.Writer{Page: p, Most: few}}
	if all {
		w.Most = maxAlerts
	}
	w.summary(r)
	w.ruleChanges(&r.Changes)
	w.incidents(&r.Incidents)
	w.alerts(r.Result)
	w.paces(r)
	return w.String()
}

func (w *writer) summary(r *Report) {
	s := r.Span
	w.Say(term.Regular, "%s against %s, from %s to %s (%s).", r.NewRules.Name, r.OldRules.Name, term.Minute(s.From), term.Minute(s.Until), days(s.Until.Sub(s.From)))
	for _, note := range r.Notes {
		w.Say(term.Yellow, "%s", note)
	}
	w.WriteByte('\n')
	row := func(name string, old, new any) term.Row {
		return term.Row{Cells: term.Regular.Each(name, fmt.Sprint(old), fmt.Sprint(new))}
	}
	a, b := r.Old, r.New
	rows := []term.Row{
		{Cells: term.Faint.Each("", "OLD", "NEW")},
		row("rules enabled", r.OldRules.Enabled, r.NewRules.Enabled),
		row("alerts", perDay(a.Alerts, a.AlertsPerDay), perDay(b.Alerts, b.AlertsPerDay)),
		row("incidents", a.Incidents, b.Incidents),
		row("notified incidents", perDay(a.Notified, a.NotifiedPerDay), perDay(b.Notified, b.NotifiedPerDay)),
		row("median time to notify", timeToNotify(a), timeToNotify(b)),
	}
	if a.Muted+b.Muted > 0 {
		rows = append(rows, row("suppressed by exceptions", a.Muted, b.Muted))
	}
	w.Page.Table(&w.Builder, 2, rows)
	w.WriteByte('\n')
	w.Say(term.Regular, "Alerts: %d gained, %d lost, %d in both%s.", len(r.Alerts.Gained), len(r.Alerts.Lost), r.Alerts.Same, moved(r.Alerts.Earlier, r.Alerts.Later, 0))
	w.Say(term.Regular, "Incidents: %d gained, %d lost, %d changed, %d the same.", len(r.Incidents.Gained), len(r.Incidents.Lost), len(r.Incidents.Changed), r.Incidents.Same)
	style := term.Regular
	if len(r.Incidents.LostNotified) > 0 {
		style = term.Red
	}
	both := ""
	if d := r.Detection; d.Both > 0 {
		both = fmt.Sprintf(", %d in both%s", d.Both, moved(d.Earlier, d.Later, d.Median))
	}
	w.Say(style, "Notified incidents: %d gained, %d lost%s.", len(r.Incidents.GainedNotified), len(r.Incidents.LostNotified), both)
	if len(r.Hosts.Newly) > 0 {
		w.Say(term.Regular, "Hosts with alerts in the new result only: %s.", term.Some(r.Hosts.Newly))
	}
	if len(r.Hosts.Silent) > 0 {
		w.Say(term.Regular, "Hosts with alerts in the old result only: %s.", term.Some(r.Hosts.Silent))
	}
	if left := a.LeftOut + b.LeftOut; left > 0 {
		w.Say(term.Yellow, "%d alerts and incidents beyond the limit were not compared.", left)
	}
}

func perDay(n int, day float64) string { return fmt.Sprintf("%d (%.3g a day)", n, day) }

func timeToNotify(n Numbers) string {
	if n.Notified == 0 {
		return "-"
	}
	return term.Duration(time.Duration(n.TimeToNotify))
}

// moved describes, in brackets, how the times of what is in both differ.
func moved(earlier, later int, median event.Seconds) string {
	switch {
	case earlier+later == 0:
		return " (at the same times)"
	case median == 0:
		return fmt.Sprintf(" (%d earlier, %d later)", earlier, later)
	case median < 0:
		return fmt.Sprintf(" (%d earlier, %d later, median %s earlier)", earlier, later, term.Duration(time.Duration(-median)))
	}
	return fmt.Sprintf(" (%d earlier, %d later, median %s later)", earlier, later, term.Duration(time.Duration(median)))
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return term.Duration(d.Round(time.Minute))
	}
	return fmt.Sprintf("%.3g days", d.Hours()/24)
}

func (w *writer) ruleChanges(c *RuleChanges) {
	var rows []term.Row
	add := func(what, id string, details ...string) {
		rows = append(rows, term.Row{Cells: []term.Span{term.Faint.Of(what), term.Regular.Of(id)}, Rest: term.Faint.Each(strings.Join(details, "; "))})
	}
	for _, id := range c.Added {
		add("new only", id)
	}
	for _, id := range c.Removed {
		add("old only", id)
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
		add("changed", r.Rule, fields...)
	}
	for _, l := range c.Lists {
		var parts []string
		if len(l.More) > 0 {
			parts = append(parts, "with "+term.Some(l.More))
		}
		if len(l.Less) > 0 {
			parts = append(parts, "without "+term.Some(l.Less))
		}
		add("changed", l.Name, parts...)
	}
	w.List("Rules and lists", nil, rows)
}

func (w *writer) incidents(in *Incidents) {
	w.incidentList("Notified incidents lost", in.LostNotified)
	w.incidentList("Notified incidents gained", in.GainedNotified)
	notified := func(c *Change) int {
		if c.Old.Notified || c.New.Notified {
			return 0
		}
		return 1
	}
	changed := slices.Clone(in.Changed)
	slices.SortStableFunc(changed, func(a, b *Change) int { return notified(a) - notified(b) })
	var rows []term.Row
	for _, c := range changed {
		row := incidentRow(c.New)
		row.Rest[1] = term.Faint.Of(strings.Join(c.Texts, "; "))
		rows = append(rows, row)
	}
	w.List("Incidents that changed", nil, rows)
	w.incidentList("Other incidents lost", unnotified(in.Lost))
	w.incidentList("Other incidents gained", unnotified(in.Gained))
}

func unnotified(all []*Incident) []*Incident {
	return slices.DeleteFunc(slices.Clone(all), func(i *Incident) bool { return i.Notified })
}

func (w *writer) incidentList(title string, all []*Incident) {
	var rows []term.Row
	for _, i := range all {
		rows = append(rows, incidentRow(i))
	}
	w.List(fmt.Sprintf("%s (%d)", title, len(all)), nil, rows)
}

func incidentRow(i *Incident) term.Row {
	return term.Row{
		Cells: []term.Span{term.Faint.Of(term.Minute(i.OpenedAt)), severity(i.Severity), term.Regular.Format("%.4g", i.Score)},
		Rest:  []term.Span{term.Regular.Of(i.Title), term.Faint.Of(term.Some(i.Rules))},
	}
}

func severity(s event.Severity) term.Span { return report.Style(s).Of(s.String()) }

func (w *writer) alerts(r *Result) {
	var rows []term.Row
	for _, c := range r.Rules {
		if c.Old == c.New && c.OldSuppressed == c.NewSuppressed {
			continue
		}
		suppressed := ""
		if c.OldSuppressed+c.NewSuppressed > 0 {
			suppressed = fmt.Sprintf("suppressed %d → %d", c.OldSuppressed, c.NewSuppressed)
		}
		rows = append(rows, term.Row{Cells: term.Regular.Each(c.Rule, fmt.Sprint(c.Old), fmt.Sprint(c.New)), Rest: term.Faint.Each(suppressed)})
	}
	w.List("Alerts by rule, where they differ", term.Faint.Each("RULE", "OLD", "NEW"), rows)
	w.alertList("Alerts lost", r.Alerts.Lost)
	w.alertList("Alerts gained", r.Alerts.Gained)
}

func (w *writer) alertList(title string, all []*Alert) {
	var rows []term.Row
	for _, a := range all {
		what := a.Title
		if a.Source != (event.Address{}) || a.Destination != (event.Address{}) {
			what += fmt.Sprintf(": %s → %s:%d", a.Source, a.Destination, a.Port)
		}
		rows = append(rows, term.Row{
			Cells: []term.Span{term.Faint.Of(term.Minute(a.At)), severity(a.Severity), term.Regular.Of(a.Host)},
			Rest:  []term.Span{term.Regular.Of(what), term.Faint.Of(a.Rule)},
		})
	}
	w.List(fmt.Sprintf("%s (%d)", title, len(all)), nil, rows)
}

func (w *writer) paces(r *Report) {
	if r.OldPace == nil || r.NewPace == nil {
		return
	}
	w.Heading("Polled every %s instead of every %s", term.Duration(time.Duration(r.NewPace.Interval)), term.Duration(r.Span.Interval))
	for _, variant := range []struct {
		name   string
		pace   *Pace
		before Numbers
	}{{"old", r.OldPace, r.Old}, {"new", r.NewPace, r.New}} {
		p := variant.pace
		w.Say(term.Regular, "Alerts of the %s rules: %d instead of %d; %d gained, %d lost, %d in both%s.",
			variant.name, p.Numbers.Alerts, variant.before.Alerts, len(p.Only), len(p.Missing), p.Both, moved(p.Earlier, p.Later, p.Median))
		w.Detail(term.Regular, "Notified incidents: %d instead of %d; %d gained, %d lost, %d in both%s.",
			p.Numbers.Notified, variant.before.Notified, len(p.OnlyNotified), len(p.MissingNotified), p.Notified.Both, moved(p.Notified.Earlier, p.Notified.Later, p.Notified.Median))
	}
	w.alertList("Alerts of the new rules at that interval only", r.NewPace.Only)
}
