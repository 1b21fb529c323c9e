package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"headstart/event"
)

// Notification is one thing to tell one receiver: an alert or an incident.
type Notification struct {
	// ID is the same at every attempt and for every run of the notifier, so
	// that a receiver which remembers ids takes each notification once. It
	// holds only letters, digits, - _ and =.
	ID string

	Alert *event.Alert // nil: it is about an incident

	Incident *event.Incident
	Action   Action // what has become of the incident
}

// Kinds are what a receiver is told of.
type Kinds struct{ Incidents, Alerts bool }

// Action is what a receiver is told of an incident.
type Action string

// The actions. The first of an incident is Opened; Quiet can be followed by
// Grown, and Resolved is the last.
const (
	Opened   Action = "opened"
	Grown    Action = "grown"
	Quiet    Action = "quiet"
	Resolved Action = "resolved"
)

const maxID = 64 // bytes of an alert's or incident's id; those that headstart makes have 24

// ForAlert returns the notification of an alert to a receiver: its id is
// <alert id>_<receiver>.
func ForAlert(a *event.Alert, receiver string) Notification {
	return Notification{ID: token(a.ID) + "_" + receiver, Alert: a}
}

// ForIncident returns the notification of an incident's revision to a receiver:
// its id is <incident id>-<revision>_<receiver>.
func ForIncident(i *event.Incident, action Action, receiver string) Notification {
	return Notification{ID: fmt.Sprintf("%s-%d_%s", token(i.ID), i.Revision, receiver), Incident: i, Action: action}
}

func token(id string) string {
	if len(id) > maxID {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:])
	}
	return event.Token(id)
}

// Sender is a receiver's way to send.
type Sender interface {
	// Send makes one attempt and says what became of it. The error is not
	// nil when ctx ended before that was known, and only then: nothing can
	// be said of the notification, and it is to be sent again.
	//
	// It may block to keep within the other side's rate limit, and doesn't
	// change the notification. It is safe for concurrent use.
	Send(ctx context.Context, n Notification) (Outcome, error)
}
