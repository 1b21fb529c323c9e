package score

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

var columns = []string{
	"kind", "stealth", "intrusions", "detected", "rate", "delay, median", "delay, 90 %", "path recall", "of detected", "incidents each",
}

// cells are a row of the table.
func (r Row) cells() []string {
	stealth := fmt.Sprint(r.Stealth)
	if r.Stealth < 0 {
		stealth = "all"
	}
	median, p90 := "–", "–"
	if r.Delays > 0 {
		median, p90 = short(r.Median), short(r.P90)
	}
	recall, detected := "–", "–"
	if r.Edges > 0 {
		recall = percent(r.Recall())
	}
	if r.Reachable > 0 {
		detected = percent(r.RecallDetected())
	}
	fragments := "–"
	if r.Detected > 0 {
		fragments = fmt.Sprintf("%.1f", r.Fragments())
	}
	return []string{
		r.Kind, stealth, fmt.Sprint(r.Intrusions), fmt.Sprint(r.Detected), percent(r.Rate()), median, p90, recall, detected, fragments,
	}
}

func percent(f float64) string { return fmt.Sprintf("%.0f %%", 100*f) }

func short(d time.Duration) string { return d.Round(time.Second).String() }

// WriteText writes the table and every intrusion and false incident, for a
// terminal.
func (s Summary) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(columns, "\t"))
	for _, r := range s.Rows {
		fmt.Fprintln(t, strings.Join(r.cells(), "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n%s%s%s", s.falseLine(), list("Missed", s.Missed, Outcome.line),
		list("False", s.False, False.line), list("Detected", s.detected(), Outcome.account))
	return err
}

func (s Summary) detected() []Outcome {
	return slices.DeleteFunc(slices.Clone(s.Outcomes), func(o Outcome) bool { return !o.Detected })
}

// WriteJSON writes everything.
func (s Summary) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

func (s Summary) falseLine() string {
	return fmt.Sprintf("False incidents: %d in %.1f days after learning, %.2f a day; %d while learning. "+
		"%d were notified before the intrusion that they later named began.", len(s.False), s.Days, s.PerDay, s.Early, s.Premature)
}

func list[T any](title string, all []T, line func(T) string) string {
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", title)
	for _, x := range all {
		fmt.Fprintf(&b, "  %s\n", line(x))
	}
	return b.String()
}

// line describes an intrusion.
func (o Outcome) line() string {
	text := fmt.Sprintf("%s %s: %s, stealth %d, by %s, from %s", o.Company, o.ID, o.Kind, o.Stealth, o.Entry, stamp(o.Start))
	if o.FirstMove == nil {
		text += "; no poll is certain to show a move"
	}
	if o.Kept {
		text += "; an incident found it, but was not notified"
	}
	return text
}

// account describes how an intrusion was detected, and which edges no path
// holds.
func (o Outcome) account() string {
	text := o.line()
	if o.Delay != nil {
		text += "; after " + short(*o.Delay)
	}
	text += fmt.Sprintf("; %d of %d edges; %s by %s", o.EdgesFound, o.Edges, strings.Join(o.Incidents, ", "), strings.Join(o.FoundBy, ", "))
	if o.Premature > 0 {
		text += fmt.Sprintf("; %d premature", o.Premature)
	}
	if len(o.Missing) > 0 {
		text += "; not in a path: " + strings.Join(o.Missing, ", ")
	}
	return text
}

// line describes a false incident, and what happened around it.
func (f False) line() string {
	text := fmt.Sprintf("%s %s: %s, %s, notified %s, by %s",
		f.Company, f.ID, f.Severity, f.Title, stamp(f.NotifiedAt), strings.Join(f.Rules, ", "))
	if f.First != nil {
		text += fmt.Sprintf("; first %s → %s", f.First.Source, netip.AddrPortFrom(f.First.Destination, f.First.Port))
		if f.First.State != "" {
			text += " " + f.First.State
		}
		text += " at " + stamp(f.First.At)
	}
	if len(f.Around) > 0 {
		text += "; around it: " + strings.Join(f.Around, ", ")
	}
	return text
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
