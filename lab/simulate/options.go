package simulate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kinds are the kinds of intrusion, after the taxonomy of "Hopper: Modeling and
// Detecting Lateral Movement" (USENIX Security 2021), and the reference
// incident of headstart's design.
var kinds = []string{"exploratory", "aggressive", "targeted", "slow", "reference"}

// Kinds lists the kinds of intrusion.
func Kinds() []string { return slices.Clone(kinds) }

// MaxStealth is the stealthiest level.
const MaxStealth = 2

// maxHostDays bounds memory: about 400 KB for each host and day.
const maxHostDays = 10_000

// Options select a company, and the intrusions in it.
type Options struct {
	Seed       uint64
	Start      time.Time     // midnight UTC; 2025-06-02, a Monday, if zero
	Days       int           // 1 to 60
	Hosts      int           // of the inventory; 10 to 500
	Intrusions int           // 0 to 20, spread over the time after Learn
	Kinds      []string      // of the intrusions, in turn, from where the seed chooses; all but reference if empty
	Stealth    []int         // levels of the intrusions, in turn; all if empty
	Learn      time.Duration // no intrusion begins before Start + Learn; 96 h if zero
}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	if o.Start.IsZero() {
		o.Start = time.Date(2025, 6, 2, 0, 0, 0, 0, time.UTC)
	}
	if o.Learn == 0 {
		o.Learn = 96 * time.Hour
	}
	if len(o.Kinds) == 0 {
		o.Kinds = kinds[:4]
	}
	if len(o.Stealth) == 0 {
		o.Stealth = []int{0, 1, 2}
	}
	return o
}

// check returns all invalid options at once.
func (o Options) check() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !o.Start.Equal(o.Start.UTC().Truncate(24 * time.Hour)) {
		bad("start %s: want a midnight in UTC", o.Start)
	}
	if o.Days < 1 || o.Days > 60 {
		bad("days %d: want 1 to 60", o.Days)
	}
	if o.Hosts < 10 || o.Hosts > 500 {
		bad("hosts %d: want 10 to 500", o.Hosts)
	}
	if o.Days*o.Hosts > maxHostDays {
		bad("days %d, hosts %d: want at most %d hosts times days", o.Days, o.Hosts, maxHostDays)
	}
	if o.Intrusions < 0 || o.Intrusions > 20 {
		bad("intrusions %d: want 0 to 20", o.Intrusions)
	}
	for _, k := range o.Kinds {
		if !slices.Contains(kinds, k) {
			bad("kind %q: want %s", k, strings.Join(kinds, ", "))
		}
	}
	for _, s := range o.Stealth {
		if s < 0 || s > MaxStealth {
			bad("stealth %d: want 0 to %d", s, MaxStealth)
		}
	}
	if end := time.Duration(o.Days) * 24 * time.Hour; o.Intrusions > 0 && (o.Learn < 0 || o.Learn > end-12*time.Hour) {
		bad("learn %s: want at least 12 hours of the %d days after it", o.Learn, o.Days)
	}
	return errors.Join(problems...)
}
