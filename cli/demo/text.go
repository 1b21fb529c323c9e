package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"headstart/cli/cmdutil"
	"headstart/cli/console"
	"headstart/event"
	"headstart/lab/demo"
	"headstart/lab/scenario"
	"headstart/term"
)

// text prints the demonstration as text. Alerts and incidents look as in
// headstart run.
type text struct {
	*console.Console
	bar   *cmdutil.Progress
	story *scenario.Scenario
	lines int // written
}

// counted counts the lines that go to a writer.
type counted struct {
	out   io.Writer
	lines *int
}

func (c counted) Write(b []byte) (int, error) {
	*c.lines += strings.Count(string(b), "\n")
	return c.out.Write(b)
}

func (t *text) interactive() bool { return t.Page().Columns > 0 }

func (t *text) begin() {
	t.Out = counted{t.Out, &t.lines}
	t.write(func(b *strings.Builder, p term.Page) {
		p.Margin = 0
		p.Fill(b, "", 0, term.Bold.Of("A normal Thursday in a small company, and the published incident in it, to the second."))
		p.Fill(b, "", 0, term.Regular.Of("The snapshots of its nine servers pass through the services of 'headstart run':"+
			" tracker, correlator, notifier, and the NATS server between them."))
		b.WriteByte('\n')
	})
}

// write writes text on the terminal as it is now.
func (t *text) write(set func(*strings.Builder, term.Page)) {
	t.bar.Done()
	var b strings.Builder
	set(&b, t.Page())
	t.Console.Text(b.String())
}

// Learning implements [demo.Audience].
func (t *text) Learning(at time.Time, part float64) {
	t.bar.Show("learning the baseline: "+at.Add(-time.Hour).Format("Monday"), int64(part*1000), 1000)
	if part < 1 {
		return
	}
	t.write(func(b *strings.Builder, p term.Page) {
		p.Fill(b, "", 0, term.Faint.Of(fmt.Sprintf("learned the baseline from %s to %s", t.story.Start.Format("Monday"), t.story.Day.Add(-time.Hour).Format("Monday"))))
		b.WriteByte('\n')
	})
}

// Clock implements [demo.Audience].
func (t *text) Clock(at time.Time) {
	t.bar.Show(at.Format("15:04"), int64(at.Sub(t.story.Day)), int64(t.story.End.Sub(t.story.Day)))
}

// Show implements [demo.Audience].
func (t *text) Show(e demo.Event) int {
	t.bar.Done()
	before := t.lines
	switch {
	case e.Incident != nil:
		t.Incident(e.Incident)
	case e.Alert != nil: // the incident includes it
	default:
		style := [...]term.Style{demo.Company: term.Faint, demo.Attacker: term.Yellow, demo.SIEM: term.Cyan}[e.By]
		label := e.By.String()
		if e.By == demo.SIEM {
			label = strings.ToUpper(label)
		}
		text := term.Regular
		if e.By == demo.Company {
			text = term.Faint
		}
		t.Block(e.At, style.Of(label), []term.Span{text.Of(e.Text)})
	}
	return t.lines - before
}

// end prints when each step was notified, and the recommended response.
func (t *text) end(o *demo.Outcome, took time.Duration) {
	t.write(func(b *strings.Builder, p term.Page) {
		p.Margin = 0
		heading := func(text string) { b.WriteString("\n" + p.Paint(term.Bold, text) + "\n") }
		heading("Steps of the attack, and when they were notified")
		p.Table(b, 2, timeline(o, t.story))
		b.WriteByte('\n')
		if o.Incident == nil {
			p.Fill(b, "", 0, term.Red.Of("The attack was not notified."))
			return
		}
		p.Fill(b, "", 0, term.Bold.Of("Head start over the SIEM: "+hours(o.HeadStart)+"."),
			term.Regular.Of(coverage(o)))
		heading("Recommended response, in short")
		p.Table(b, 2, response(o.Incident))
		b.WriteByte('\n')
		p.Fill(b, "", 0, term.Faint.Of(fmt.Sprintf("%d snapshots of %s, %s, %s, %s, %d notified, in %.0f s.", o.Snapshots, cmdutil.Count(o.Hosts, "host"),
			cmdutil.Count(o.Connections, "connection"), cmdutil.Count(o.Alerts, "alert"), cmdutil.Count(o.Incidents, "incident"), o.Notified, took.Seconds())))
	})
}

// coverage describes how much of the published timeline was notified.
func coverage(o *demo.Outcome) string {
	never := 0
	for _, s := range o.Steps {
		if s.NotifiedAt.IsZero() {
			never++
		}
	}
	if never == 0 && o.Notified == 1 {
		return "One incident, " + console.ShortID(o.Incident.ID) + ", covers all of it."
	}
	return fmt.Sprintf("Notified: %s with %d of %d steps.", cmdutil.Count(o.Notified, "incident"), len(o.Steps)-never, len(o.Steps))
}

// hours formats a duration in hours and minutes.
func hours(d time.Duration) string {
	d = d.Truncate(time.Minute)
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int((d % time.Hour).Minutes()))
}

// timeline returns the published timeline, with the times of notification.
func timeline(o *demo.Outcome, s *scenario.Scenario) []term.Row {
	rows := []term.Row{{
		Cells: []term.Span{term.Faint.Of(""), term.Faint.Of("happened"), term.Faint.Of("notified"), term.Faint.Of("")},
	}}
	for _, step := range o.Steps {
		notified, after := term.Red.Of("never"), ""
		if !step.NotifiedAt.IsZero() {
			notified, after = term.Regular.Of(step.NotifiedAt.Format(time.TimeOnly)), term.Duration(step.NotifiedAt.Truncate(time.Second).Sub(step.At))+" later"
		}
		rows = append(rows, term.Row{Cells: []term.Span{
			term.Regular.Of(step.Name), term.Regular.Of(step.At.Format(time.TimeOnly)), notified,
		}, Rest: []term.Span{term.Faint.Of(after)}})
	}
	return append(rows, term.Row{Cells: []term.Span{term.Cyan.Of(s.SIEM.Name), term.Cyan.Of(s.SIEM.At.Format(time.TimeOnly))}})
}

// response returns the beginning of each list of an incident's response.
func response(i *event.Incident) (rows []term.Row) {
	add := func(what string, all []string, most int) {
		if len(all) == 0 {
			return
		}
		text := strings.Join(all[:min(len(all), most)], ", ")
		if more := len(all) - most; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		rows = append(rows, term.Row{Cells: []term.Span{term.Faint.Of(what)}, Rest: []term.Span{term.Regular.Of(text)}})
	}
	add("block", blocked(i), 5)
	n := slices.IndexFunc(i.Response.Block, func(c string) bool { return strings.Contains(c, " saddr ") })
	if n >= 0 {
		add("", i.Response.Block[n:n+1], 1)
	}
	add("rotate the SSH keys of", i.Response.RotateKeys, 5)
	add("rotate the passwords of", i.Response.RotateCredentials, 5)
	add("close", i.Response.Segment, 3)
	return rows
}

// blocked returns the sources and hosts to isolate.
func blocked(i *event.Incident) (names []string) {
	for _, a := range i.Sources {
		names = append(names, a.String())
	}
	for _, p := range i.Parts {
		if p.Part >= event.Pivot {
			names = append(names, p.Host)
		}
	}
	return names
}

// kept prints how to query the running system.
func (t *text) kept(natsURL string, o *demo.Outcome) {
	id := "ID"
	if o.Incident != nil {
		id = console.ShortID(o.Incident.ID)
	}
	t.write(func(b *strings.Builder, p term.Page) {
		fmt.Fprintf(b, "\nThe system runs on at %s. In another terminal:\n  %s %s\n  headstart hosts\nCtrl-C stops it.\n", natsURL, console.ShowCommand, id)
	})
}
