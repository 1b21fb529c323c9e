package console

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"headstart/cli/cmdutil"
	"headstart/event"
	"headstart/term"
)

// firstStep returns the first step of a guide, on one line.
func firstStep(guide string) string {
	step, _, _ := strings.Cut(guide, "\n2.")
	return strings.TrimPrefix(strings.Join(strings.Fields(step), " "), "1. ")
}

// alertEnds returns originator and responder.
func alertEnds(a *event.Alert) string {
	source, destination := a.Connection.Source.String(), endpoint(a.Connection.Destination, a.Connection.Port)
	if a.Peer != nil && a.Peer.Host != "" {
		if a.Connection.Direction == event.Inbound {
			source += " (" + a.Peer.Host + ")"
		} else {
			destination += " (" + a.Peer.Host + ")"
		}
	}
	return source + " → " + destination
}

// alertState returns the state of the connection, its age and its user.
func alertState(a *event.Alert) string {
	text := a.Connection.State.String()
	most := event.Unbounded
	if a.Connection.AgeMax != nil {
		most = time.Duration(*a.Connection.AgeMax)
	}
	if age := between(time.Duration(a.Connection.AgeMin), most); age != "" {
		text += ", " + age + " old"
	}
	// A row without an inode has no user.
	if n := len(a.Evidence); n > 0 && a.Evidence[n-1].Row != nil && a.Evidence[n-1].Row.Inode != 0 {
		text += fmt.Sprintf(", uid %d", a.Connection.UID)
	}
	return text
}

// describe describes a change of a connection, without its kind.
func describe(c *event.Connection, at time.Time) string {
	if c.Direction == 0 {
		return listener(c.Local, c.LocalPort, c.UID)
	}
	source, destination := c.Ends()
	text := fmt.Sprintf("%s → %s, %s", source, endpoint(destination, c.ServicePort()), c.Direction)
	switch {
	case c.Kind == event.Closed:
		if age := between(c.Age(at)); age != "" {
			text += ", open for " + age
		}
		if c.Reason != event.Gone && c.Reason != event.TimedWait { // the usual ends
			text += ", " + c.Reason.String()
		}
	case c.Kind == event.Attempted:
		text += ", no answer to " + cmdutil.Count(uint32(c.Retransmits)+1, "SYN")
	case c.BeganBefore():
		text += ", opened before the first snapshot"
	}
	return text
}

func endpoint(a event.Address, port uint16) string {
	return netip.AddrPortFrom(a.Netip(), port).String()
}

func listener(a event.Address, port uint16, uid uint32) string {
	return fmt.Sprintf("%s, uid %d", endpoint(a, port), uid)
}

// between formats a duration by its bounds; empty without bounds.
func between(least, most time.Duration) string {
	switch {
	case least == 0 && most == event.Unbounded:
		return ""
	case least == 0:
		return "≤" + term.Duration(most)
	case most == event.Unbounded:
		return "≥" + term.Duration(least)
	case term.Duration(least) == term.Duration(most):
		return term.Duration(least)
	}
	return term.Duration(least) + " to " + term.Duration(most)
}
