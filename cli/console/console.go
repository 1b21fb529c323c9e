// Package console prints alerts, incidents and connections as they happen: as
// text for a terminal, or as JSON lines. A Console is safe for concurrent use.
package console

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"headstart/cli/cmdutil"
	"headstart/event"
	"headstart/report"
	"headstart/term"
)

// ShowCommand is the command that shows an incident of the system on this
// machine, without the incident's id.
const ShowCommand = "headstart incidents show"

// Console prints to a writer.
type Console struct {
	Out         io.Writer
	Zone        *time.Location
	Day         string           // of the last line
	ShowCommand string           // that shows an incident, without its id
	Page        func() term.Page // of the terminal as it is now

	mu    sync.Mutex
	host  string // whose name is omitted
	json  bool
	began time.Time
	shown map[string]event.IncidentState // of incidents
}

// New returns a console on a host.
func New(out io.Writer, host string, json bool) *Console {
	c := &Console{Out: out, host: host, ShowCommand: ShowCommand, json: json, began: time.Now(), Zone: time.Local, shown: map[string]event.IncidentState{}}
	c.Day = dayOf(c.began.In(c.Zone))
	c.Page = func() term.Page {
		p := cmdutil.Page(out)
		p.Margin = TextColumn
		return p
	}
	return c
}

// Alert prints an alert: title, place and first step.
func (c *Console) Alert(a *event.Alert) {
	if c.json {
		c.JSON(struct {
			Type string `json:"type"`
			*event.Alert
		}{"alert", a})
		return
	}
	about := []term.Span{term.Regular.Of(a.Host), term.Regular.Of(alertEnds(a)), term.Regular.Of(alertState(a))}
	if a.Connection.State == event.Listen {
		about = []term.Span{term.Regular.Of(a.Host), term.Regular.Of("listens on " + listener(a.Connection.Destination, a.Connection.Port, a.Connection.UID))}
	}
	paragraphs := [][]term.Span{{term.Bold.Of(a.Title), term.Faint.Of(a.Rule)}, about}
	if first := firstStep(a.Guide); first != "" {
		paragraphs = append(paragraphs, []term.Span{term.Faint.Of("First: " + first)})
	}
	c.Block(a.At, severity(a.Severity), paragraphs...)
}

func severity(s event.Severity) term.Span {
	return report.Style(s).Of(strings.ToUpper(s.String()))
}

// Changes prints what opened and closed with one snapshot. As text, the first
// snapshot of a host is summarised, and a connection that opened and closed
// within one interval takes one line.
func (c *Console) Changes(all *event.Changes) {
	if c.json {
		for i := range all.Connections {
			c.connection(all, &all.Connections[i])
		}
		return
	}
	if all.PreviousAt.IsZero() {
		if all.Part <= 1 {
			c.Block(all.ObservedAt, term.Regular.Of("started"), []term.Span{term.Regular.Of(all.Host),
				term.Faint.Of(fmt.Sprintf("%s open, %s listening", cmdutil.Count(all.Open, "connection"), cmdutil.Count(all.Listening, "port")))})
		}
		return
	}
	for i := 0; i < len(all.Connections); i++ {
		one := &all.Connections[i]
		label := one.Kind.String()
		if next := i + 1; one.Kind == event.Opened && next < len(all.Connections) && all.Connections[next].ID == one.ID {
			one, i = &all.Connections[next], next
			label = "brief"
		}
		text := []term.Span{term.Faint.Of(describe(one, all.ObservedAt))}
		if all.Host != c.host {
			text = []term.Span{term.Regular.Of(all.Host), text[0]}
		}
		c.Block(cmp.Or(one.ClosedBefore, all.ObservedAt), term.Regular.Of(label), text)
	}
}

func (c *Console) connection(all *event.Changes, one *event.Connection) {
	c.JSON(struct {
		Type       string                `json:"type"`
		At         time.Time             `json:"at"`
		Host       string                `json:"host"`
		Change     event.Kind            `json:"change"`
		Connection event.AlertConnection `json:"connection"`
	}{"connection", cmp.Or(one.ClosedBefore, all.ObservedAt), all.Host, one.Kind, event.DescribeConnection(one, all.ObservedAt)})
}

// The time takes 8 columns of a line, the longest label 9.
const (
	labelColumn = 8 + 2
	TextColumn  = labelColumn + 9 + 2 // where the text of a block begins
)

// Block prints a time, a label, and paragraphs below each other.
func (c *Console) Block(at time.Time, label term.Span, paragraphs ...[]term.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	p, at := c.Page(), at.In(c.Zone)
	if day := dayOf(at); day != c.Day {
		c.Day = day
		p.Fill(&b, "", 0, term.Faint.Of(day))
	}
	head := fmt.Sprintf("%s  %s%*s", at.Format(time.TimeOnly), p.Paint(label.Style, label.Text), TextColumn-labelColumn-len(label.Text), "")
	p.Fill(&b, head, TextColumn, paragraphs[0]...)
	for _, spans := range paragraphs[1:] {
		p.Fill(&b, strings.Repeat(" ", p.Indent()), p.Indent(), spans...)
	}
	io.WriteString(c.Out, b.String())
}

func dayOf(t time.Time) string { return t.Format("Monday, 2 January 2006") }

// Text prints text that is already formatted.
func (c *Console) Text(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	io.WriteString(c.Out, text)
}

// JSON prints a value as a line of JSON.
func (c *Console) JSON(v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cmdutil.WriteJSON(c.Out, v)
}
