// Package explain finds out why a rule fired, or did not: while a history is
// replayed it watches what the correlator asks the rule, and what follows.
//
//	q := inquiry.New(set, rule, inquiry.Subject{Host: "web-01", Port: 22})
//	replay.RunAll(ctx, feed, []replay.Side{{…, Begin: q.Begin, Applied: q.Applied}})
//	report := q.Report()
//
// It guarantees that what it says is what the correlator saw: the same
// observation, with what was known as normal at that moment, asked of the same
// rule; and that watching changes nothing. What it keeps is bounded: of the
// connections that it was asked about it counts all, and keeps those on which the
// rule came furthest.
package explain

const (
	maxCases   = 200       // connections that are kept
	maxAskings = 16        // of a connection
	maxSeen    = 1_000_000 // connections that are counted
	maxNear    = 5         // connections that are named where none is the one asked about
	maxWindows = 4         // of a connection at a time
)
