package ruletest

import (
	"time"

	"headstart/event"
)

// Trial is a rule's tests as they can be played. It doesn't change.
type Trial struct {
	Rule  string // the id
	File  string
	Cases []*Case

	machines []*machine
	named    map[string]*machine
	strange  map[event.Address]*machine // addresses of which nothing was said
	days     int
	habits   []habit
	learnt   []flow             // of the habits, on the days of the learning
	today    []flow             // and on that of the cases
	listens  map[listening]bool // everywhere where somebody is let in
}

// Case is one of the cases: what happens on the day after the learning, and what
// must follow.
type Case struct {
	Name          string
	File          string
	Line          int  // of the file
	Fires, Silent bool // it says when the rule fires, and when it doesn't

	flows      []flow
	begins     map[listening]time.Time // programs that begin to listen
	silent     map[*machine][]span
	dense, end time.Time // hosts are read every time between these
	expected   []expected
}

// machine is a host, or an address of somebody else.
type machine struct {
	name    string
	number  int // of those of the table of hosts
	address event.Address
	roles   []string
	reports bool // it runs a poller
	listed  bool // the inventory has it
	since   time.Time
	phase   time.Duration // of its poller
	offset  time.Duration // what to add to its clock's time
}

type span struct{ from, to time.Time }

func (s span) holds(at time.Time) bool { return !at.Before(s.from) && at.Before(s.to) }

type listening struct {
	machine  *machine
	port     uint16
	loopback bool // only the host itself can reach it
}

// flow is a connection or an attempt.
type flow struct {
	from, to   *machine
	source     uint16 // the originator's port
	port       uint16
	start, end time.Time
	unanswered bool
	dropped    bool // the responder ends it
	hiddenAt   *machine
}

// habit is something that happens again and again.
type habit struct {
	number   int
	from, to []*machine
	ports    []uint16
	every    time.Duration
	at       []time.Duration
	length   time.Duration
	days     []int // none: all, and that of the cases
}

// expected is a line of a table of alerts.
type expected struct {
	rule, host   string
	at           time.Time
	never        bool
	text         string
	line, column int
}

const anyRule = "*"
