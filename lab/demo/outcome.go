package demo

import (
	"slices"
	"time"

	"headstart/event"
	"headstart/lab/scenario"
)

// Outcome is what came of it.
type Outcome struct {
	Hosts       int // with a poller
	Snapshots   int
	Connections int // in the story
	Alerts      int
	Incidents   int
	Notified    int // incidents that people were told of

	Incident  *event.Incident // the intruder's, as it is at the end; nil if nobody was told
	HeadStart time.Duration   // from telling people to the SIEM's alarm
	Steps     []Told          // of the published timeline

	last   map[string]*event.Incident
	alerts map[string]*event.Alert
}

// Told is a step, and when people were told of it.
type Told struct {
	scenario.Step
	Told time.Time // zero: never
}

func newOutcome(s *scenario.Story) *Outcome {
	o := &Outcome{Connections: len(s.Records), last: map[string]*event.Incident{}, alerts: map[string]*event.Alert{}}
	for _, step := range s.Published() {
		o.Steps = append(o.Steps, Told{Step: step})
	}
	return o
}

// note takes in what happened.
func (o *Outcome) note(e *Event) {
	switch {
	case e.By == SIEM && o.Incident != nil:
		o.HeadStart = e.At.Sub(o.Incident.NotifiedAt)
	case e.Alert != nil:
		o.Alerts++
		o.alerts[e.Alert.ID] = e.Alert
	case e.Incident != nil:
		o.revised(e.Incident)
	}
}

func (o *Outcome) revised(i *event.Incident) {
	before := o.last[i.ID]
	if before == nil {
		o.Incidents++
	}
	if i.Notified && (before == nil || !before.Notified) {
		o.Notified++
	}
	o.last[i.ID] = i
	if !i.Notified {
		return
	}
	told := 0
	for k := range o.Steps {
		if s := &o.Steps[k]; s.Told.IsZero() && o.holds(i, &s.Step) {
			s.Told = i.At
		}
		if !o.Steps[k].Told.IsZero() {
			told++
		}
	}
	if told > 0 && (o.Incident == nil || o.Incident.ID == i.ID || o.Incident.MergedInto == i.ID) {
		o.Incident = i
	}
}

// holds reports whether an incident has a step: on its path, or in the evidence
// of one of its alerts.
func (o *Outcome) holds(i *event.Incident, s *scenario.Step) bool {
	is := func(source, destination event.Address, port uint16) bool {
		return source == s.Source && port == s.Port && (destination == s.Destination || s.Destination == event.Address{})
	}
	if slices.ContainsFunc(i.Path, func(e event.PathEdge) bool { return is(e.Source, e.Destination, e.Port) }) {
		return true
	}
	return slices.ContainsFunc(i.Alerts, func(id string) bool {
		a := o.alerts[id]
		return a != nil && slices.ContainsFunc(a.Evidence, func(e event.Evidence) bool { return is(e.Source, e.Destination, e.Port) })
	})
}
