package scenario

import (
	"cmp"
	"slices"
	"time"

	"headstart/event"
	"headstart/replay/zeek"
)

// Story is the company's days and the intruder's doings. All times are UTC,
// which is the company's own time.
type Story struct {
	Start time.Time // Monday, midnight
	Day   time.Time // of the incident: Thursday, midnight
	End   time.Time // of the story, Thursday evening

	Records []zeek.Record // TCP connections, by Start
	Scenes  []Scene       // what the company does on the day, by time
	Steps   []Step        // what the intruder does, by time
	SIEM    Step          // the alarm that the company got
}

// Scene is what the company does at a time, for people.
type Scene struct {
	At   time.Time
	Text string
}

// Step is what the intruder does at a time.
type Step struct {
	At   time.Time
	Text string

	// Name is what the published timeline calls the step; empty if it isn't
	// one of those that it gives to the second.
	Name string

	// What the step is in the network, from originator to responder. A sweep
	// has no one destination, and what isn't a connection has no port.
	Source, Destination event.Address
	Port                uint16
}

const day = 24 * time.Hour

// learning is how many ordinary days come before the day of the incident.
const learning = 3

// New tells the story of a seed.
func New(seed uint64) *Story {
	start := time.Date(2025, 6, 2, 0, 0, 0, 0, time.UTC)
	s := &Story{Start: start, Day: start.Add(learning * day), End: start.Add(learning*day + 17*time.Hour + 35*time.Minute)}
	l := &ledger{start: start, end: s.End.Sub(start), port: map[event.Address]uint16{}}
	ordinary(l, seed)
	s.Scenes = scenes(s.Day)
	s.intrude(l, newRandom(seed, "intruder"))
	slices.SortStableFunc(l.records, func(a, b zeek.Record) int { return cmp.Compare(a.Start, b.Start) })
	s.Records = l.records
	return s
}

// Interval is how often a host is looked at, at a time: as often as by default in
// the afternoons, on one of which the incident falls, and seldom otherwise. That
// is enough to learn what is usual, and takes a fifth of the work.
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
func (s *Story) Published() []Step {
	return slices.DeleteFunc(slices.Clone(s.Steps), func(step Step) bool { return step.Name == "" })
}
