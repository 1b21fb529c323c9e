package explain

import (
	"fmt"
	"strings"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// Subject is what an inquiry is about. What is empty or zero is not asked for.
type Subject struct {
	Connection string    `json:"connection,omitempty"` // the id, or its beginning
	Host       string    `json:"host,omitempty"`       // that reports
	Peer       string    `json:"peer,omitempty"`       // the other end's name or address
	Port       uint16    `json:"port,omitempty"`       // the service's
	From       time.Time `json:"from,omitzero"`        // it was still seen then
	To         time.Time `json:"to,omitzero"`          // it had begun by then

	Alert string `json:"alert,omitempty"` // that is to be explained, of those that it is part of
}

// fits returns how many of the things that the subject asks for an observation
// has, and of how many. at is when it was made, on the stream's clock, and began
// when the connection had begun.
func (s *Subject) fits(o *rule.Observation, began, at time.Time) (has, of int) {
	ask := func(asked, ok bool) {
		if asked {
			of++
		}
		if asked && ok {
			has++
		}
	}
	c := o.Connection
	ask(s.Connection != "", c != nil && strings.HasPrefix(c.ID.String(), strings.ToLower(s.Connection)))
	ask(s.Host != "", o.Host != nil && o.Host.Name == s.Host)
	ask(s.Peer != "", c != nil && (c.Remote.String() == s.Peer || o.Peer != nil && o.Peer.Name == s.Peer))
	ask(s.Port != 0, c != nil && c.ServicePort() == s.Port)
	ask(!s.From.IsZero(), !at.Before(s.From))
	ask(!s.To.IsZero(), !began.After(s.To))
	return has, of
}

// String says what is asked for: "connection 51ab", "connections of web-01 with
// db-01 on port 22".
func (s *Subject) String() string {
	text := "connections"
	if s.Connection != "" {
		text = "connection " + s.Connection
	}
	if s.Host != "" {
		text += " of " + s.Host
	}
	if s.Peer != "" {
		text += " with " + s.Peer
	}
	if s.Port != 0 {
		text += fmt.Sprintf(" on port %d", s.Port)
	}
	if !s.From.IsZero() {
		text += " from " + moment(s.From)
	}
	if !s.To.IsZero() {
		text += " until " + moment(s.To)
	}
	return text
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// Near is a connection that is not what was asked about, but nearly.
type Near struct {
	ID   event.ConnectionID `json:"id"`
	What string             `json:"what"`
	At   time.Time          `json:"at"` // it had begun

	has int // of what was asked for
}
