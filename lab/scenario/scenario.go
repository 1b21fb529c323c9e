package scenario

import (
	"cmp"
	"slices"
	"time"

	"headstart/event"
	"headstart/replay/zeek"
)

// Scenario is the company's days and the attacker's steps. All times are UTC,
// which is the company's own time.
type Scenario struct {
	Start time.Time // Monday, midnight
	Day   time.Time // of the incident: Thursday, midnight
	End   time.Time // of the scenario, Thursday evening

	Records    []zeek.Record // TCP connections, by Start
	Activities []Activity    // what the company does on the day, by time
	Steps      []Step        // what the attacker does, by time
	SIEM       Step          // the alarm that the company got
}

// Activity is what the company does at a time, for people.
type Activity struct {
	At   time.Time
	Text string
}

// Step is what the attacker does at a time.
type Step struct {
	At   time.Time
	Text string

	// Name is what the published timeline calls the step; empty if it isn't
	// one of those that it gives to the second.
	Name string

	// The connection of the step. A sweep has no destination, and a step that
	// isn't a connection has no port.
	Source, Destination event.Address
	Port                uint16
}

// learning is how many ordinary days come before the day of the incident.
const learning = 3

// New returns the scenario of a seed.
func New(seed uint64) *Scenario {
	start := time.Date(2025, 6, 2, 0, 0, 0, 0, time.UTC)
	s := &Scenario{Start: start, Day: start.Add(learning * day), End: start.Add(learning*day + 17*time.Hour + 35*time.Minute)}
	l := &ledger{start: start, end: s.End.Sub(start), port: map[event.Address]uint16{}}
	ordinary(l, seed)
	s.Activities = activities(s.Day)
	s.intrude(l, newRandom(seed, "intruder"))
	slices.SortStableFunc(l.records, func(a, b zeek.Record) int { return cmp.Compare(a.Start, b.Start) })
	s.Records = l.records
	return s
}

// Interval is the polling interval at a time: the default in the afternoons, on
// one of which the incident falls, and longer otherwise. That is enough to learn
// the baseline, and takes a fifth of the work.
func Interval(at time.Time) time.Duration {
	switch hour := at.UTC().Hour(); {
	case hour >= 14 && hour < 18:
		return 30 * time.Second
	case hour >= 7 && hour < 18:
		return 5 * time.Minute
	}
	return 15 * time.Minute
}

// Published returns the steps that the published timeline has.
func (s *Scenario) Published() []Step {
	return slices.DeleteFunc(slices.Clone(s.Steps), func(step Step) bool { return step.Name == "" })
}
