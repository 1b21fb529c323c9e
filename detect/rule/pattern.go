package rule

import "time"

// A rule with one of count, sequence, path and absent is a pattern: it fires
// on what several connections, or their absence, show together. Its conditions
// are evaluated on single connections all the same, once a connection, as those of
// any rule. What holds is a match, which package pattern puts together.

// Count fires when enough matches with the same key fall into a window.
type Count struct {
	By      []string      // expressions that make the key, as written
	Of      string        // expression whose distinct values are counted; empty: the matches themselves
	Sum     string        // numeric expression that is summed instead; empty: none
	Within  time.Duration // the window's length, in event time
	AtLeast float64       // what must be reached

	// AboveUsual also requires this many times the originator's baseline fan-out
	// on the service (baseline.fanout.p99), where that is more; zero: doesn't.
	AboveUsual float64

	// Beaconing also requires connections as regular as this, from 0 (excluded)
	// to 1; zero: doesn't. Then what is counted are connections, and host.name
	// is part of the key: one host's connections come in order.
	Beaconing float64
}

// Sequence fires when each of its steps has matched, in order, with the same
// key and within a time.
type Sequence struct {
	Within time.Duration
	Steps  []Step // 2 to 8
}

// Step is a condition of a sequence.
type Step struct {
	By   []string // expressions that make the key, as written; as many in each step
	When string
	For  time.Duration // how long the connection must have lived; zero: any
}

// Path fires when matches join into a path: each began at the host that the
// one before had reached, not before it was reached and not later than Within
// after the connection to it was last known to be open.
type Path struct {
	Hops   int // edges that the path must at least have, from 2
	Within time.Duration
}

// Missing is what an absent rule misses.
type Missing uint8

// What can be missing.
const (
	MissingPoller     Missing = iota + 1 // a host's next snapshot
	MissingPeerReport                    // the other end's report of a connection between two monitored hosts
)

// Absent fires when something expected has not come for a time. The condition
// of such a rule is about the host, and for a peer report also the connection.
type Absent struct {
	Of  Missing
	For time.Duration
}
