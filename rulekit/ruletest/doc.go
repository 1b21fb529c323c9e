// Package ruletest plays the tests that a rule carries: hosts, what is usual among
// them, and cases with what happens and which alerts must follow. It is pure.
//
//	t, mistakes := trial.Read(set, set.Rule("smb-sweep"))
//	lesson, err := t.Learn(ctx, set)
//	for i := range t.Cases {
//		scene, err := lesson.Scene(ctx, set, i)
//		outcome := scene.Play(set)
//		failures := outcome.Failures()
//	}
//
// It guarantees:
//   - Nothing is pretended: of what happens it is worked out what each host's
//     kernel would show at each reading (package kernel), the tracker's own
//     comparer tells what changed, and the correlator's own state machine says
//     what follows, with the whole set of rules in force.
//   - The same rules give the same outcome. Hosts are read every 30 s, each at
//     seconds of its own, without the jitter that live ones have.
//   - Each case begins with what was learnt, and knows nothing of the others.
//   - All mistakes in a rule's tests are reported at once, each with its place.
//   - What a test can ask for is bounded: see the limits.
//
// docs/rule-tests.md describes the notation.
//
// While nothing happens to a host it is read every ten minutes only, and says
// so; from three minutes before the first thing in a case on, it is read every
// time. Between two readings of a quiet host nothing can be told from anything
// else, so this changes nothing but the time that a test takes.
package ruletest

import "time"

// The limits of a rule's tests. Those of the file's structure are in package
// rule.
const (
	MaxHosts       = 500
	MaxConnections = 100_000   // of a test: those of the habits, and those of all cases
	MaxReadings    = 2_000_000 // of tables, in all cases together
	maxTimes       = 10_000    // "times N"
	maxLength      = 31 * 24 * time.Hour
	maxCase        = 48 * time.Hour
	maxMistakes    = 50 // that are shown of a rule
)

const (
	// Interval is how often a host is read.
	Interval = 30 * time.Second

	quietReadings = 20              // of which a quiet host has one
	lead          = 3 * time.Minute // for which hosts are read every time before something happens
	trail         = 5 * time.Minute // and after the last thing has begun
	delivery      = 5 * time.Millisecond
)

// firstDay is the day on which the learning begins.
var firstDay = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

func dayStart(day int) time.Time { return firstDay.AddDate(0, 0, day-1) }
