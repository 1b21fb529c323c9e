package explain

import (
	"fmt"
	"strings"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// Subject selects connections. Empty and zero fields select all.
type Subject struct {
	Connection string    `json:"connection,omitempty"` // the id, or its beginning
	Host       string    `json:"host,omitempty"`       // that reports
	Peer       string    `json:"peer,omitempty"`       // name or address of the other end
	Port       uint16    `json:"port,omitempty"`       // of the service
	From       time.Time `json:"from,omitzero"`        // it was still seen then
	To         time.Time `json:"to,omitzero"`          // it had begun by then

	Alert string `json:"alert,omitempty"` // to explain, among those that the connection is part of

	// Expected makes the subject a preference: every connection is a case. Those
	// that match rank first, and among equal evaluations the one closest to this
	// time. Among further prefers connections, if it isn't nil.
	Expected time.Time                    `json:"-"`
	Among    func(*event.Connection) bool `json:"-"`
}

// fits returns how many of the subject's criteria an observation meets, and how
// many there are. at is its time on the stream's clock, began when the
// connection had begun.
func (s *Subject) fits(o *rule.Observation, began, at time.Time) (met, all int) {
	criterion := func(given, ok bool) {
		if given {
			all++
			if ok {
				met++
			}
		}
	}
	c := o.Connection
	criterion(s.Connection != "", c != nil && strings.HasPrefix(c.ID.String(), strings.ToLower(s.Connection)))
	criterion(s.Host != "", o.Host != nil && o.Host.Name == s.Host)
	criterion(s.Peer != "", c != nil && (c.Remote.String() == s.Peer || o.Peer != nil && o.Peer.Name == s.Peer))
	criterion(s.Port != 0, c != nil && c.ServicePort() == s.Port)
	criterion(!s.From.IsZero(), !at.Before(s.From))
	criterion(!s.To.IsZero(), !began.After(s.To))
	criterion(s.Among != nil, c == nil || s.Among == nil || s.Among(c))
	return met, all
}

// String describes the subject: "connection 51ab", "connections of web-01 with
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

func moment(t time.Time) string { return t.UTC().Format(time.DateTime) }
