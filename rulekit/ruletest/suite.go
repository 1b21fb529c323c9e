package ruletest

import (
	"time"

	"headstart/event"
)

// Suite is a rule's tests. It is immutable.
type Suite struct {
	Rule  string // the id
	File  string
	Cases []*Case

	machines []*machine
	named    map[string]*machine
	unlisted map[event.Address]*machine // addresses outside the table of hosts
	days     int
	routines []routine
	learned  []flow             // connections of the routines, in the learning period
	today    []flow             // and on the day of the cases
	listens  map[listening]bool // ports that accept connections
}

// Case is a test case: the connections of the day after the learning period, and
// the expected alerts.
type Case struct {
	Name          string
	File          string
	Line          int  // of the file
	Fires, Silent bool // it expects the rule to fire, or not to

	flows      []flow
	begins     map[listening]time.Time // programs that begin to listen
	silent     map[*machine][]span
	dense, end time.Time // hosts are polled at every interval between these
	expected   []expected
}

// machine is a host, or an address of no known host.
type machine struct {
	name    string
	number  int // in the table of hosts
	address event.Address
	roles   []string
	reports bool // it runs a poller
	listed  bool // the inventory has it
	since   time.Time
	phase   time.Duration // of its poller
	offset  time.Duration // to add to the time of its clock
}

type span struct{ from, to time.Time }

func (s span) holds(at time.Time) bool { return !at.Before(s.from) && at.Before(s.to) }

type listening struct {
	machine  *machine
	port     uint16
	loopback bool // reachable from the host itself only
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

// routine is a recurring connection, which the baseline learns.
type routine struct {
	number   int
	from, to []*machine
	ports    []uint16
	every    time.Duration
	at       []time.Duration
	length   time.Duration
	days     []int // empty for all, and that of the cases
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
