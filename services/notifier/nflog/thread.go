// Package nflog decides what a receiver hears of an incident, and in which
// order. A [Thread] is what one receiver was told of one incident; each revision
// of the incident asks it what to do.
//
// It guarantees, as long as a thread is kept:
//   - The first that a receiver hears of an incident is that it was opened.
//     Nothing else goes out before that is settled: delivered, or given up.
//   - Nobody hears of a state after a later one, also when it isn't known
//     whether the later one arrived.
//   - A revision is the same thing at every attempt, in every life of the
//     notifier and in each of several: it opens, or it doesn't.
//   - Who was told that an incident was opened is told how it ends, whatever
//     its severity is by then.
//
// It is pure.
package nflog

import (
	"fmt"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

// Thread is what a receiver was told of an incident. The zero Thread is
// nothing. Opening and Told are not beyond Begun.
type Thread struct {
	Opening uint64 // the revision with which the receiver hears of it first
	Begun   uint64 // the newest revision that was tried to send, whatever has become of it
	Told    uint64 // the newest revision that it has; at least Opening once that is settled
}

// Parse undoes Encode. What it can't read is a thread in which nothing was
// told.
func Parse(value []byte) (t Thread) {
	n, err := fmt.Sscanf(string(value), "%d %d %d", &t.Opening, &t.Begun, &t.Told)
	if n != 3 || err != nil || t.Opening == 0 || t.Begun < t.Opening || t.Begun < t.Told {
		return Thread{}
	}
	return t
}

// Encode returns the thread as "opening begun told", for people who look at it.
func (t Thread) Encode() []byte { return fmt.Appendf(nil, "%d %d %d", t.Opening, t.Begun, t.Told) }

// Step is what to do with a revision.
type Step uint8

// The steps.
const (
	Unwanted   Step = iota + 1 // there is nothing to tell
	Orphan                     // the same, unless its opening is still on its way
	Told                       // the receiver has it
	Superseded                 // the receiver has a later state, or may have it
	Wait                       // try again when the opening is settled
	Begin                      // send it, once the thread says that it is begun
	Send                       // send it
)

var stepNames = [...]string{"none", "unwanted", "orphan", "told", "superseded", "wait", "begin", "send"}

// String returns the name in lower case.
func (s Step) String() string { return stepNames[min(int(s), len(stepNames)-1)] }

// Next returns what to do with a revision, and as what to send it. wanted says
// that the receiver wants to hear of an incident that is as this revision says.
func (t Thread) Next(i *event.Incident, wanted bool) (Step, delivery.Action) {
	switch action := change(i); {
	case t.Opening == 0 && (!wanted || !i.Notified):
		return Unwanted, ""
	case t.Opening == 0 && (action == delivery.Quiet || action == delivery.Resolved):
		return Orphan, "" // who didn't hear of it needn't hear of its end
	case t.Opening == 0:
		return Begin, delivery.Opened
	case i.Revision == t.Told:
		return Told, ""
	case i.Revision < t.Begun:
		return Superseded, ""
	case i.Revision == t.Opening:
		return Send, delivery.Opened
	case action == "" || !i.Notified:
		return Unwanted, ""
	case t.Told == 0:
		return Wait, ""
	case i.Revision > t.Begun:
		return Begin, action
	default:
		return Send, action
	}
}

// change is what a revision tells those who know of the incident; empty: nothing.
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

// With returns the thread as it is once a revision is begun, if none keeps it
// from that meanwhile.
func (t Thread) With(revision uint64) Thread {
	switch {
	case t.Opening == 0:
		t.Opening, t.Begun = revision, revision
	case t.Told > 0:
		t.Begun = max(t.Begun, revision)
	}
	return t
}

// Reopened returns the thread as a revision opens it because the one that was
// to is lost.
func (t Thread) Reopened(revision uint64) Thread {
	if t.Told == 0 && revision > t.Begun {
		t.Opening, t.Begun = revision, revision
	}
	return t
}

// Settled returns the thread as it is once the receiver has a revision, or can't
// be told of the opening.
func (t Thread) Settled(revision uint64) Thread {
	if revision <= t.Begun {
		t.Told = max(t.Told, revision)
	}
	return t
}
