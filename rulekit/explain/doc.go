// Package explain finds why a rule fired, or did not, while a history is
// replayed. A Trace observes each evaluation of the rule and what follows from it:
//
//	t := explain.New(set, rule, explain.Subject{Host: "web-01", Port: 22})
//	replay.RunAll(ctx, feed, []replay.Variant{{…, Begin: t.Begin, Applied: t.Applied}})
//	report := t.Report(3)
//
// It guarantees that the explanation is of what the correlator evaluated: the
// same observation, with the baseline of that moment, and the same rule; and
// that observing changes nothing. Memory is bounded: every connection that
// matches the subject is counted, and those on which the rule came furthest are
// kept.
package explain

const (
	maxCases       = 200       // kept connections
	maxEvaluations = 16        // kept evaluations of a connection
	maxSeen        = 1_000_000 // counted connections
	maxNear        = 5         // connections listed where none matches the subject
	maxWindows     = 4         // pattern windows of a connection at a time
)
