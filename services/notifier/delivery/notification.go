package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"headstart/event"
)

// Notification is one thing to tell one receiver.
type Notification struct {
	// ID is the same at every attempt and for every run of the notifier, so
	// that a receiver which remembers ids takes each notification once. It
	// holds only letters, digits, - _ and =.
	ID string

	Alert *event.Alert
}

const maxAlertID = 64 // bytes; event.AlertID gives 24

// ForAlert returns the notification of an alert to a receiver: its id is
// <alert id>_<receiver>.
func ForAlert(a *event.Alert, receiver string) Notification {
	id := a.ID
	if len(id) > maxAlertID {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:])
	}
	return Notification{ID: event.Token(id) + "_" + receiver, Alert: a}
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
