package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	xterm "golang.org/x/term"

	"headstart/event"
	"headstart/report"
	"headstart/term"
)

// console prints what a person at a terminal, or a program behind a pipe,
// wants to see as it happens.
type console struct {
	mu    sync.Mutex
	out   io.Writer
	host  string // whose name goes without saying
	show  string // the command that shows an incident, but for its id
	json  bool
	began time.Time
	local *time.Location
	day   string // of the last line
	page  func() term.Page
	told  map[string]event.IncidentState // of incidents that a person was shown
}

// newConsole returns a console on a host.
func newConsole(out io.Writer, host string, json bool) *console {
	c := &console{out: out, host: host, show: showCommandLine, json: json, began: time.Now(), local: time.Local, told: map[string]event.IncidentState{}}
	c.day = dayOf(c.began.In(c.local))
	c.page = func() term.Page { // the window's size can change
		p := pageOf(out)
		p.Margin = textColumn
		return p
	}
	return c
}

// pageOf returns a page with colours and the width of the terminal that out is,
// if it is one; NO_COLOR (no-color.org) does without colours.
func pageOf(out io.Writer) term.Page {
	f, ok := out.(*os.File)
	if !ok || !xterm.IsTerminal(int(f.Fd())) {
		return term.Page{}
	}
	columns, _, err := xterm.GetSize(int(f.Fd()))
	if err != nil {
		columns = 0
	}
	return term.Page{Colour: os.Getenv("NO_COLOR") == "", Columns: columns}
}

// alert prints an alert: what, where, and what to do first.
func (c *console) alert(a *event.Alert) {
	if c.json {
		c.line(struct {
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
	c.block(a.At, severity(a.Severity), paragraphs...)
}

func severity(s event.Severity) term.Span {
	return report.Style(s).Of(strings.ToUpper(s.String()))
}

// changes prints what opened and closed with one snapshot. For a person, a
// host's first snapshot is summed up, and a connection that came and went since
// the last one takes one line.
func (c *console) changes(all *event.Changes) {
	if c.json {
		for i := range all.Connections {
			c.connection(all, &all.Connections[i])
		}
		return
	}
	if all.PreviousAt.IsZero() {
		if all.Part <= 1 {
			c.block(all.ObservedAt, term.Regular.Of("watching"), []term.Span{term.Regular.Of(all.Host),
				term.Faint.Of(fmt.Sprintf("%s open, %s listened on", count(all.Open, "connection"), count(all.Listening, "port")))})
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
		c.block(cmp.Or(one.ClosedBefore, all.ObservedAt), term.Regular.Of(label), text)
	}
}

func (c *console) connection(all *event.Changes, one *event.Connection) {
	c.line(struct {
		Type       string                `json:"type"`
		At         time.Time             `json:"at"`
		Host       string                `json:"host"`
		Change     event.Kind            `json:"change"`
		Connection event.AlertConnection `json:"connection"`
	}{"connection", cmp.Or(one.ClosedBefore, all.ObservedAt), all.Host, one.Kind, event.DescribeConnection(one, all.ObservedAt)})
}

// The time takes up 8 columns of a line, the longest label 9.
const (
	labelColumn = 8 + 2
	textColumn  = labelColumn + 9 + 2
)

// block prints a time, a label, and paragraphs one below the other.
func (c *console) block(at time.Time, label term.Span, paragraphs ...[]term.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	p, at := c.page(), at.In(c.local)
	if day := dayOf(at); day != c.day {
		c.day = day
		p.Fill(&b, "", 0, term.Faint.Of(day))
	}
	head := fmt.Sprintf("%s  %s%*s", at.Format(time.TimeOnly), p.Paint(label.Style, label.Text), textColumn-labelColumn-len(label.Text), "")
	p.Fill(&b, head, textColumn, paragraphs[0]...)
	for _, spans := range paragraphs[1:] {
		p.Fill(&b, strings.Repeat(" ", p.Indent()), p.Indent(), spans...)
	}
	io.WriteString(c.out, b.String())
}

func dayOf(t time.Time) string { return t.Format("Monday, 2 January 2006") }

func (c *console) line(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	io.WriteString(c.out, term.PlainJSON(data)+"\n")
}
