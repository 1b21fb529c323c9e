package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"headstart/event"
	"headstart/lab/demo"
	"headstart/lab/scenario"
	"headstart/term"
)

// demoText tells the story to a person: what headstart says looks as it does in
// headstart run.
type demoText struct {
	*console
	bar   *progress
	story *scenario.Scenario
	lines int // that were written
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

func (t *demoText) read() bool { return t.page().Columns > 0 }

func (t *demoText) begin() {
	t.out = counted{t.out, &t.lines}
	t.write(func(b *strings.Builder, p term.Page) {
		p.Margin = 0
		p.Fill(b, "", 0, term.Bold.Of("An ordinary Thursday in a small company, and the published incident in it, to the second."))
		p.Fill(b, "", 0, term.Regular.Of("What pollers on its nine servers would have seen goes through what 'headstart run' runs:"+
			" tracker, correlator, notifier, and the NATS server between them."))
		b.WriteByte('\n')
	})
}

// write writes what needs the page that there is now.
func (t *demoText) write(set func(*strings.Builder, term.Page)) {
	t.bar.done()
	var b strings.Builder
	set(&b, t.page())
	t.mu.Lock()
	defer t.mu.Unlock()
	io.WriteString(t.out, b.String())
}

// Learning implements [demo.Audience].
func (t *demoText) Learning(at time.Time, part float64) {
	t.bar.show("learning what is normal: "+at.Add(-time.Hour).Format("Monday"), int64(part*1000), 1000)
	if part < 1 {
		return
	}
	t.write(func(b *strings.Builder, p term.Page) {
		p.Fill(b, "", 0, term.Faint.Of(fmt.Sprintf("learnt what is normal from %s to %s", t.story.Start.Format("Monday"), t.story.Day.Add(-time.Hour).Format("Monday"))))
		b.WriteByte('\n')
	})
}

// Clock implements [demo.Audience].
func (t *demoText) Clock(at time.Time) {
	t.bar.show(at.Format("15:04"), int64(at.Sub(t.story.Day)), int64(t.story.End.Sub(t.story.Day)))
}

// Tell implements [demo.Audience].
func (t *demoText) Show(e demo.Event) int {
	t.bar.done()
	before := t.lines
	switch {
	case e.Incident != nil:
		t.incident(e.Incident)
	case e.Alert != nil: // the incident says it
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
		t.block(e.At, style.Of(label), []term.Span{text.Of(e.Text)})
	}
	return t.lines - before
}

// end shows what happened beside when headstart said so, and what is to be done.
func (t *demoText) end(o *demo.Outcome, took time.Duration) {
	t.write(func(b *strings.Builder, p term.Page) {
		p.Margin = 0
		heading := func(text string) { b.WriteString("\n" + p.Paint(term.Bold, text) + "\n") }
		heading("What happened, and when headstart told people")
		p.Table(b, 2, timeline(o, t.story))
		b.WriteByte('\n')
		if o.Incident == nil {
			p.Fill(b, "", 0, term.Red.Of("headstart told nobody."))
			return
		}
		p.Fill(b, "", 0, term.Bold.Of("Head start over the SIEM: "+hours(o.HeadStart)+"."),
			term.Regular.Of(held(o)))
		heading("What it says to do, in short")
		p.Table(b, 2, response(o.Incident))
		b.WriteByte('\n')
		p.Fill(b, "", 0, term.Faint.Of(fmt.Sprintf("%d snapshots of %s, %s, %s, %s, people told of %d, in %.0f s.", o.Snapshots, count(uint32(o.Hosts), "host"),
			count(uint32(o.Connections), "connection"), count(uint32(o.Alerts), "alert"), count(uint32(o.Incidents), "incident"), o.Notified, took.Seconds())))
	})
}

// held says how much of the published timeline people were told.
func held(o *demo.Outcome) string {
	never := 0
	for _, s := range o.Steps {
		if s.NotifiedAt.IsZero() {
			never++
		}
	}
	if never == 0 && o.Notified == 1 {
		return "One incident, " + shortID(o.Incident.ID) + ", holds all of it."
	}
	return fmt.Sprintf("People were told of %s and %d of %d steps.", count(uint32(o.Notified), "incident"), len(o.Steps)-never, len(o.Steps))
}

// hours shows a duration of hours.
func hours(d time.Duration) string {
	d = d.Truncate(time.Minute)
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int((d % time.Hour).Minutes()))
}

// timeline is the published one, with when people were told.
func timeline(o *demo.Outcome, s *scenario.Scenario) []term.Row {
	rows := []term.Row{{
		Cells: []term.Span{term.Faint.Of(""), term.Faint.Of("happened"), term.Faint.Of("told"), term.Faint.Of("")},
	}}
	for _, step := range o.Steps {
		told, after := term.Red.Of("never"), ""
		if !step.NotifiedAt.IsZero() {
			told, after = term.Regular.Of(step.NotifiedAt.Format(time.TimeOnly)), term.Duration(step.NotifiedAt.Truncate(time.Second).Sub(step.At))+" later"
		}
		rows = append(rows, term.Row{Cells: []term.Span{
			term.Regular.Of(step.Name), term.Regular.Of(step.At.Format(time.TimeOnly)), told,
		}, Rest: []term.Span{term.Faint.Of(after)}})
	}
	return append(rows, term.Row{Cells: []term.Span{term.Cyan.Of(s.SIEM.Name), term.Cyan.Of(s.SIEM.At.Format(time.TimeOnly))}})
}

// response is the beginning of each list of an incident's response.
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

// blocked are the sources and the hosts that are to be cut off.
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

// kept says what can be looked at now.
func (t *demoText) kept(natsURL string, o *demo.Outcome) {
	id := "ID"
	if o.Incident != nil {
		id = shortID(o.Incident.ID)
	}
	t.write(func(b *strings.Builder, p term.Page) {
		fmt.Fprintf(b, "\nEverything runs on at %s. In another terminal:\n  %s %s\n  headstart hosts\nCtrl-C ends it.\n", natsURL, showCommandLine, id)
	})
}
