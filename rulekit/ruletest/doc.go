// Package ruletest plays the tests of a rule: hosts, their baseline, and cases
// with connections and the alerts that they must raise. It is pure.
//
//	suite, errors := ruletest.Read(set, set.Rule("smb-sweep"))
//	fixture, err := suite.Learn(ctx, set)
//	for i := range suite.Cases {
//		scenario, err := fixture.Scenario(ctx, set, i)
//		outcome, err := scenario.Play(ctx, set)
//		verdict := outcome.Verdict(suite)
//	}
//
// It guarantees:
//   - Production code runs the test: package reconstruct computes the tables that
//     each host's kernel would show, the tracker's comparer computes their
//     changes, and the engine correlates them with the whole rule set active.
//   - The same rules give the same outcome. Hosts are polled every 30 s, each at
//     its own offset, without the jitter of live pollers.
//   - Each case begins with the state after the learning period, independent of
//     the other cases.
//   - All errors in a rule's tests are reported together, each with its place.
//   - The size of a test is bounded: see the limits.
//
// docs/rule-tests.md describes the notation.
//
// A quiet host is polled every ten minutes only, and declares so; from three
// minutes before the first event of a case on, it is polled at every interval.
// Between two polls of a quiet host nothing changes, so this only saves time.
package ruletest

import "time"

// The limits of a rule's tests. Package rule has those of the file's structure.
const (
	maxHosts       = 500
	maxConnections = 100_000   // of the baseline, and of all cases
	maxReadings    = 2_000_000 // polls, in all cases together
	maxTimes       = 10_000    // "times N"
	maxLength      = 31 * 24 * time.Hour
	maxCase        = 48 * time.Hour
	maxErrors      = 50 // shown of a rule
)

const (
	// interval is the time between two polls of a host.
	interval = 30 * time.Second

	quietReadings = 20              // intervals between two polls of a quiet host
	lead          = 3 * time.Minute // period of polls at every interval before the first event
	trail         = 5 * time.Minute // and after the last one begins
	delivery      = 5 * time.Millisecond
)

// firstDay is the first day of the learning period.
var firstDay = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

func dayStart(day int) time.Time { return firstDay.AddDate(0, 0, day-1) }
