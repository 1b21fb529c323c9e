package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"headstart/event"
)

// Notification is an alert or a state of an incident, for one receiver.
type Notification struct {
	// ID is the same at every attempt and after every restart, so that a
	// receiver that remembers ids handles each notification once. It has only
	// letters, digits, - _ and =.
	ID string

	Alert *event.Alert // nil for an incident

	Incident *event.Incident
	Action   Action // what has happened to the incident
}

// Kinds are the kinds of notifications of a receiver.
type Kinds struct{ Incidents, Alerts bool }

// Action is the change of an incident that a notification reports.
type Action string

// The actions. The first of an incident is Opened; Quiet can be followed by
// Grown, and Resolved is the last.
const (
	Opened   Action = "opened"
	Grown    Action = "grown"
	Quiet    Action = "quiet"
	Resolved Action = "resolved"
)

const maxID = 64 // bytes of an alert's or incident's id; headstart's have 24

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

// Sender sends notifications to a receiver.
type Sender interface {
	// Send makes one attempt and returns its outcome. It returns an error
	// only if ctx ends before the outcome is known: the notification must then
	// be sent again.
	//
	// It may block to respect the receiver's rate limit, and doesn't change the
	// notification. It is safe for concurrent use.
	Send(ctx context.Context, n Notification) (Outcome, error)
}
