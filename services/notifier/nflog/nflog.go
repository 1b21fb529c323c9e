// Package nflog is the log of notifications. It decides which states of an
// incident a receiver is notified of, and in which order. An [Entry] records
// what one receiver was notified of about one incident; it decides on each
// revision of the incident.
//
// It guarantees, as long as an entry is stored:
//   - The first notification of an incident to a receiver is that it was opened.
//     No other is sent before that one is settled: delivered, or given up.
//   - No state is sent after a later one, even if it is unknown whether the
//     later one has arrived.
//   - A revision has the same action at every attempt, after every restart and
//     in each of several notifiers: it opens, or it doesn't.
//   - A receiver that was notified of the opening is notified of the end,
//     whatever the severity is by then.
//
// It is pure.
package nflog

import (
	"fmt"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

// Entry is what a receiver was notified of about an incident. The zero Entry is
// nothing. Opening and Notified are at most Attempted.
type Entry struct {
	Opening   uint64 // the revision that the receiver is notified of first
	Attempted uint64 // the latest revision with an attempt, whatever its outcome
	Notified  uint64 // the latest revision that was delivered; at least Opening once that is settled
}

// Parse is the inverse of Encode. It returns the zero Entry for an invalid value.
func Parse(value []byte) (e Entry) {
	n, err := fmt.Sscanf(string(value), "%d %d %d", &e.Opening, &e.Attempted, &e.Notified)
	if n != 3 || err != nil || e.Opening == 0 || e.Attempted < e.Opening || e.Attempted < e.Notified {
		return Entry{}
	}
	return e
}

// Encode returns "opening attempted notified" in readable form.
func (e Entry) Encode() []byte {
	return fmt.Appendf(nil, "%d %d %d", e.Opening, e.Attempted, e.Notified)
}

// Step is what to do with a revision.
type Step uint8

// The steps.
const (
	Unwanted   Step = iota + 1 // no notification
	Orphan                     // no notification, unless the opening is still in flight
	Notified                   // the receiver was notified of it
	Superseded                 // the receiver was, or may have been, notified of a later state
	Wait                       // retry when the opening is settled
	Begin                      // send it after storing the attempt
	Send                       // send it
)

// Next returns what to do with a revision, and the action to send. wanted is
// whether the receiver wants notifications of incidents like this revision.
func (e Entry) Next(i *event.Incident, wanted bool) (Step, delivery.Action) {
	switch action := change(i); {
	case e.Opening == 0 && (!wanted || !i.Notified):
		return Unwanted, ""
	case e.Opening == 0 && (action == delivery.Quiet || action == delivery.Resolved):
		return Orphan, "" // an end without an opening isn't sent
	case e.Opening == 0:
		return Begin, delivery.Opened
	case i.Revision == e.Notified:
		return Notified, ""
	case i.Revision < e.Attempted:
		return Superseded, ""
	case i.Revision == e.Opening:
		return Send, delivery.Opened
	case action == "" || !i.Notified:
		return Unwanted, ""
	case e.Notified == 0:
		return Wait, ""
	case i.Revision > e.Attempted:
		return Begin, action
	default:
		return Send, action
	}
}

// change returns the action of a revision after the opening; empty for none.
func change(i *event.Incident) delivery.Action {
	switch {
	case i.MergedInto != "" || i.State == event.IncidentResolved:
		return delivery.Resolved
	case i.State == event.IncidentQuiet:
		return delivery.Quiet
	case i.Grown != "":
		return delivery.Grown
	}
	return ""
}

// Attempt returns the entry after an attempt to send a revision has begun, or
// the same entry if the revision must wait.
func (e Entry) Attempt(revision uint64) Entry {
	switch {
	case e.Opening == 0:
		e.Opening, e.Attempted = revision, revision
	case e.Notified > 0:
		e.Attempted = max(e.Attempted, revision)
	}
	return e
}

// Reopen returns the entry with a revision as its opening, in place of one that
// was lost.
func (e Entry) Reopen(revision uint64) Entry {
	if e.Notified == 0 && revision > e.Attempted {
		e.Opening, e.Attempted = revision, revision
	}
	return e
}

// Settle returns the entry after a revision was delivered, or the opening was
// given up.
func (e Entry) Settle(revision uint64) Entry {
	if revision <= e.Attempted {
		e.Notified = max(e.Notified, revision)
	}
	return e
}
