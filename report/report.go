package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"headstart/event"
	"headstart/term"
)

// Options configure a report.
type Options struct {
	Zone *time.Location // of the times; nil: UTC
}

// Report is the report of an incident.
type Report struct {
	incident *event.Incident
	zone     *time.Location
	from     time.Time // of the first evidence
	days     bool      // it spans midnight: times need a date
}

// New returns the report of an incident.
func New(i *event.Incident, o Options) *Report {
	r := &Report{incident: i, zone: cmp.Or(o.Zone, time.UTC), from: firstEvidence(i)}
	last := r.from
	each(i, func(at time.Time) {
		if at.After(last) {
			last = at
		}
	})
	r.days = !r.from.IsZero() && r.day(r.from) != r.day(last)
	return r
}

// each calls do with every time of the evidence.
func each(i *event.Incident, do func(time.Time)) {
	for n := range i.Path {
		do(i.Path[n].At)
	}
	for n := range i.Timeline {
		do(i.Timeline[n].At)
	}
	for n := range i.Parts {
		do(i.Parts[n].Since)
	}
	do(i.LastActivityAt)
	do(i.OpenedAt)
}

// firstEvidence is the time of the earliest event of the incident.
func firstEvidence(i *event.Incident) (first time.Time) {
	each(i, func(at time.Time) {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	})
	return first
}

// heading is the first line.
func (r *Report) heading() string { return term.Plain(r.incident.Title) }

// about is the summary.
func (r *Report) about() []field {
	i := r.incident
	name := fmt.Sprintf("%s, revision %d", i.ID, i.Revision)
	if i.MergedInto != "" {
		name += ", merged into " + i.MergedInto
	}
	fields := []field{
		{"severity", i.Severity.String()},
		{"state", r.state()},
		{"incident", term.Plain(name)},
		{"score", r.score()},
		{"since", r.moment(r.from)},
		{"last activity", r.after(i.LastActivityAt)},
	}
	if i.Notified {
		fields = append(fields, field{"notified", r.after(i.NotifiedAt)})
	}
	if h := headStart(i); h > 0 {
		fields = append(fields, field{"head start", term.Duration(h) + " from the notification to the last activity"})
	}
	if len(i.Sources) > 0 {
		fields = append(fields, field{"sources", addresses(i.Sources)})
	}
	return fields
}

func (r *Report) state() string {
	switch i := r.incident; i.State {
	case event.IncidentOpen:
		return "open: first alert raised"
	case event.IncidentUpdated:
		return "updated: changed since it was opened"
	case event.IncidentQuiet:
		return "quiet: no recent activity"
	case event.IncidentResolved:
		return "resolved: closed to new activity"
	default:
		return i.State.String()
	}
}

func (r *Report) score() string {
	i := r.incident
	text := fmt.Sprintf("%.4g of %.4g for a notification", i.Score, i.Threshold)
	if i.Missed > 0 && !i.Notified {
		text = fmt.Sprintf("%.4g, %.4g short of %.4g for a notification", i.Score, i.Missed, i.Threshold)
	}
	return text
}

// headStart is the time from the notification to the last activity of an incident
// that is over.
func headStart(i *event.Incident) time.Duration {
	if i.State < event.IncidentQuiet || !i.Notified || i.NotifiedAt.IsZero() {
		return 0
	}
	return i.LastActivityAt.Sub(i.NotifiedAt)
}

func (r *Report) day(t time.Time) string { return t.In(r.zone).Format(time.DateOnly) }

// clock shows a time of the incident.
func (r *Report) clock(t time.Time) string {
	switch {
	case t.IsZero():
		return "–"
	case r.days:
		return t.In(r.zone).Format("2 Jan 15:04:05")
	}
	return t.In(r.zone).Format(time.TimeOnly)
}

// moment shows a time with its day and zone.
func (r *Report) moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(r.zone).Format("Monday, 2 January 2006, 15:04:05 MST")
}

// after shows a time, and how long after the first evidence it was.
func (r *Report) after(t time.Time) string {
	text := r.clock(t)
	if d := t.Sub(r.from); !t.IsZero() && d >= time.Second {
		text += ", " + term.Duration(d) + " after the first evidence"
	}
	return text
}

func addresses(all []event.Address) string {
	const most = 20
	var out []string
	for _, a := range all[:min(len(all), most)] {
		out = append(out, a.String())
	}
	if more := len(all) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

// FirstStep is the first response in a few words; empty if there is nothing to
// block.
func FirstStep(i *event.Incident) string {
	const most = 5
	var names []string
	for _, a := range i.Sources {
		names = append(names, a.String())
	}
	for _, p := range i.Parts {
		if p.Part >= event.Pivot {
			names = append(names, p.Host)
		}
	}
	if len(i.Response.Block) == 0 || len(names) == 0 {
		return ""
	}
	if more := len(names) - most; more > 1 {
		names = append(names[:most], fmt.Sprintf("%d more", more))
	}
	return "block " + strings.Join(names, ", ")
}

// Style is the style of a severity on a terminal.
func Style(s event.Severity) term.Style {
	switch {
	case s >= event.Critical:
		return term.Alarm
	case s == event.High:
		return term.Red
	case s == event.Medium:
		return term.Yellow
	default:
		return term.Cyan
	}
}
