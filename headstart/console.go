package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode"

	"headstart/event"
)

// console prints what a person at a terminal, or a program behind a pipe,
// wants to see as it happens.
type console struct {
	mu     sync.Mutex
	out    io.Writer
	json   bool
	colour bool
	local  *time.Location
}

// What is printed comes from other hosts, whose names an intruder may choose:
// nothing of it may move the cursor.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}

const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	reset = "\x1b[0m"
)

var severityColours = [...]string{
	event.Info: "\x1b[36m", event.Low: "\x1b[36m", event.Medium: "\x1b[33m", event.High: "\x1b[31m", event.Critical: "\x1b[1;37;41m",
}

func (c *console) paint(colour, s string) string {
	if !c.colour {
		return s
	}
	return colour + s + reset
}

// alert prints an alert.
func (c *console) alert(a *event.Alert) {
	if c.json {
		c.line(struct {
			Type string `json:"type"`
			*event.Alert
		}{"alert", a})
		return
	}
	age := "at least " + seconds(a.Connection.AgeMin)
	if most := a.Connection.AgeMax; most != nil {
		age = seconds(a.Connection.AgeMin) + " to " + seconds(*most)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s  %s\n", c.clock(a.At), c.paint(severityColours[a.Severity], fmt.Sprintf("%-8s", strings.ToUpper(a.Severity.String()))),
		c.paint(bold, plain(a.Title)), c.paint(faint, a.Rule))
	if a.Connection.State == event.Listen {
		fmt.Fprintf(&b, "          %s listens on %s, user id %d\n", plain(a.Host), netip.AddrPortFrom(a.Connection.Destination.Netip(), a.Connection.Port), a.Connection.UID)
	} else {
		fmt.Fprintf(&b, "          %s  %s  %s, %s old\n", plain(a.Host), ends(a), a.Connection.State, age)
	}
	if first := firstStep(a.Guide); first != "" {
		fmt.Fprintf(&b, "          %s\n", c.paint(faint, plain(first)))
	}
	c.write(b.String())
}

// firstStep returns the first step of a guide, on one line.
func firstStep(guide string) string {
	step, _, _ := strings.Cut(guide, "\n2.")
	return strings.TrimPrefix(strings.Join(strings.Fields(step), " "), "1. ")
}

func ends(a *event.Alert) string {
	source, destination := a.Connection.Source.String(), netip.AddrPortFrom(a.Connection.Destination.Netip(), a.Connection.Port).String()
	if a.Peer != nil && a.Peer.Host != "" {
		if a.Connection.Direction == event.Inbound {
			source += " (" + plain(a.Peer.Host) + ")"
		} else {
			destination += " (" + plain(a.Peer.Host) + ")"
		}
	}
	return source + " → " + destination
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
		c.write(fmt.Sprintf("%s  first look at %s: %d connections open, %d ports listened on\n",
			c.clock(all.ObservedAt), plain(all.Host), all.Open, all.Listening))
		return
	}
	for i := 0; i < len(all.Connections); i++ {
		one := &all.Connections[i]
		what := one.Kind.String()
		if i+1 < len(all.Connections) && one.Kind == event.Opened && all.Connections[i+1].ID == one.ID {
			i++
			one = &all.Connections[i]
			what = "came+went"
		}
		at := cmp.Or(one.ClosedBefore, all.ObservedAt)
		c.write(fmt.Sprintf("%s  %-9s %s  %s\n", c.clock(at), what, plain(all.Host), c.paint(faint, describe(one, all.ObservedAt))))
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

func describe(c *event.Connection, at time.Time) string {
	if c.Direction == 0 {
		return fmt.Sprintf("on %s, user id %d", netip.AddrPortFrom(c.Local.Netip(), c.LocalPort), c.UID)
	}
	source, destination := c.Ends()
	text := fmt.Sprintf("%s %s → %s", c.Direction, source, netip.AddrPortFrom(destination.Netip(), c.ServicePort()))
	least, most := c.Age(at)
	switch {
	case c.Kind == event.Closed && most == event.Unbounded:
		return fmt.Sprintf("%s, %s, lived at least %s", text, c.Reason, seconds(event.Seconds(least)))
	case c.Kind == event.Closed:
		return fmt.Sprintf("%s, %s, lived %s", text, c.Reason, span(least, most))
	case c.Kind == event.Attempted:
		return fmt.Sprintf("%s, not answered, sent again %d times", text, c.Retransmits)
	case c.BeganBefore():
		return text + ", began before we looked"
	}
	return text
}

func span(least, most time.Duration) string {
	if least == 0 {
		return "at most " + seconds(event.Seconds(most))
	}
	return seconds(event.Seconds(least)) + " to " + seconds(event.Seconds(most))
}

func seconds(s event.Seconds) string {
	return time.Duration(s).Round(10 * time.Millisecond).String()
}

func (c *console) clock(t time.Time) string { return t.In(c.local).Format("15:04:05") }

func (c *console) line(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		return
	}
	c.write(string(data) + "\n")
}

func (c *console) write(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	io.WriteString(c.out, s)
}
