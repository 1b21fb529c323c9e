package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"headstart/event"
)

// console prints what a person at a terminal, or a program behind a pipe,
// wants to see as it happens.
type console struct {
	mu    sync.Mutex
	out   io.Writer
	host  string // whose name goes without saying
	json  bool
	local *time.Location
	day   string // of the last line
	page  func() page
}

// newConsole returns a console on a host. It uses colours and the width of the
// terminal that out is, if it is one; NO_COLOR (no-color.org) does without
// colours.
func newConsole(out io.Writer, host string, json bool) *console {
	c := &console{out: out, host: host, json: json, local: time.Local, page: func() page { return page{} }}
	c.day = dayOf(time.Now().In(c.local))
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		colour := os.Getenv("NO_COLOR") == ""
		c.page = func() page { // the window's size can change
			columns, _, err := term.GetSize(int(f.Fd()))
			if err != nil {
				columns = 0
			}
			return page{colour, columns}
		}
	}
	return c
}

var severityColours = [...]string{
	event.Info: "\x1b[36m", event.Low: "\x1b[36m", event.Medium: "\x1b[33m", event.High: "\x1b[31m", event.Critical: "\x1b[1;37;41m",
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
	about := []span{{"", a.Host}, {"", alertEnds(a)}, {"", alertState(a)}}
	if a.Connection.State == event.Listen {
		about = []span{{"", a.Host}, {"", "listens on " + listener(a.Connection.Destination, a.Connection.Port, a.Connection.UID)}}
	}
	paragraphs := [][]span{{{bold, a.Title}, {faint, a.Rule}}, about}
	if first := firstStep(a.Guide); first != "" {
		paragraphs = append(paragraphs, []span{{faint, "First: " + first}})
	}
	c.block(a.At, span{severityColours[a.Severity], strings.ToUpper(a.Severity.String())}, paragraphs...)
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
			c.block(all.ObservedAt, span{"", "watching"}, []span{{"", all.Host},
				{faint, fmt.Sprintf("%s open, %s listened on", count(all.Open, "connection"), count(all.Listening, "port"))}})
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
		text := []span{{faint, describe(one, all.ObservedAt)}}
		if all.Host != c.host {
			text = []span{{"", all.Host}, text[0]}
		}
		c.block(cmp.Or(one.ClosedBefore, all.ObservedAt), span{"", label}, text)
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
func (c *console) block(at time.Time, label span, paragraphs ...[]span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	p, at := c.page(), at.In(c.local)
	if day := dayOf(at); day != c.day {
		c.day = day
		p.fill(&b, "", 0, span{faint, day})
	}
	head := fmt.Sprintf("%s  %s%*s", at.Format(time.TimeOnly), p.paint(label.style, label.text), textColumn-labelColumn-len(label.text), "")
	p.fill(&b, head, textColumn, paragraphs[0]...)
	for _, spans := range paragraphs[1:] {
		p.fill(&b, strings.Repeat(" ", p.margin()), p.margin(), spans...)
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
	io.WriteString(c.out, plainJSON(data)+"\n")
}
