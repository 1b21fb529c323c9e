package demo

import (
	"slices"
	"time"

	"headstart/event"
	"headstart/lab/scenario"
)

// Outcome is the result of a demo.
type Outcome struct {
	Hosts       int // with a poller
	Snapshots   int
	Connections int // in the scenario
	Alerts      int
	Incidents   int
	Notified    int // notified incidents

	Incident  *event.Incident // the attacker's, in its last state; nil if none was notified
	HeadStart time.Duration   // from the notification to the SIEM's alarm
	Steps     []StepOutcome   // of the published timeline

	last   map[string]*event.Incident
	alerts map[string]*event.Alert
}

// StepOutcome is a step, and when an incident that names it was notified.
type StepOutcome struct {
	scenario.Step
	NotifiedAt time.Time // zero: never
}

func newOutcome(s *scenario.Scenario) *Outcome {
	o := &Outcome{Connections: len(s.Records), last: map[string]*event.Incident{}, alerts: map[string]*event.Alert{}}
	for _, step := range s.Published() {
		o.Steps = append(o.Steps, StepOutcome{Step: step})
	}
	return o
}

// note counts an event.
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
	named := 0
	for k := range o.Steps {
		if s := &o.Steps[k]; s.NotifiedAt.IsZero() && o.holds(i, &s.Step) {
			s.NotifiedAt = i.At
		}
		if !o.Steps[k].NotifiedAt.IsZero() {
			named++
		}
	}
	if named > 0 && (o.Incident == nil || o.Incident.ID == i.ID || o.Incident.MergedInto == i.ID) {
		o.Incident = i
	}
}

// holds reports whether an incident has a step: on its path, or in the evidence
// of one of its alerts.
func (o *Outcome) holds(i *event.Incident, s *scenario.Step) bool {
	same := func(source, destination event.Address, port uint16) bool {
		return source == s.Source && port == s.Port && (destination == s.Destination || s.Destination == event.Address{})
	}
	if slices.ContainsFunc(i.Path, func(e event.PathEdge) bool { return same(e.Source, e.Destination, e.Port) }) {
		return true
	}
	return slices.ContainsFunc(i.Alerts, func(id string) bool {
		a := o.alerts[id]
		return a != nil && slices.ContainsFunc(a.Evidence, func(e event.Evidence) bool {
			return same(e.Source, e.Destination, e.Port)
		})
	})
}
