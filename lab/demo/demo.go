// Package demo plays a scenario through a running pipeline. In place of the
// company's pollers it publishes the snapshots that they would have taken, with
// the scenario's times; the tracker, the correlator and the streams between them
// are the real ones. It shows an audience what happens, and what the pipeline
// reports.
//
// It guarantees:
//   - Events are shown in the order of the scenario, and are the same each time:
//     the scenario continues when the pipeline has stored everything that follows
//     from what came before.
//   - Hosts are polled more often when control.<host> requests it, as by real
//     pollers, in the scenario's time.
//
// The pipeline is a new one, without other publishers.
package demo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"headstart/bus"
	"headstart/event"
	"headstart/lab/scenario"
)

// Options are what a demonstration needs.
type Options struct {
	Bus      *bus.Bus
	Scenario *scenario.Scenario
	Audience Audience
	Pace     Pace
}

// Pace is how much time the audience gets to read. The zero Pace is none.
type Pace struct {
	Line time.Duration // for each line that is shown
	Hour time.Duration // for an hour in which nothing happens
}

// Audience is shown the scenario.
type Audience interface {
	// Learning reports up to when the ordinary days have passed, and which
	// part of them that is.
	Learning(at time.Time, part float64)

	// Clock reports the time of the day.
	Clock(at time.Time)

	// Show reports an event. It returns how many lines that takes to read.
	Show(e Event) (lines int)
}

// By is the actor of an event.
type By uint8

// In the order in which events of one time are shown.
const (
	Company By = iota
	Attacker
	Headstart
	SIEM
)

var byNames = [...]string{"company", "attacker", "headstart", "siem"}

// String returns the name in lower case.
func (b By) String() string { return byNames[b] }

// Event is something that happens in the scenario.
type Event struct {
	At   time.Time
	By   By
	Text string // unless it is Headstart

	// Headstart's: an alert, or a revision of an incident.
	Alert    *event.Alert
	Incident *event.Incident
}

// calm is the time of the day up to which the scenario advances in large steps,
// without pauses.
const calm = 14*time.Hour + 20*time.Minute

// Run plays the scenario to its end.
func Run(ctx context.Context, o Options) (*Outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f, err := newFeed(o.Bus, o.Scenario)
	if err != nil {
		return nil, err
	}
	a := listenControls(ctx, o.Bus, f.names())
	defer a.wait()
	defer cancel()
	p := &player{Options: o, feed: f, controls: a, outcome: newOutcome(o.Scenario), pending: events(o.Scenario)}
	p.outcome.Hosts = len(f.hosts)
	if err := p.play(ctx); err != nil {
		return nil, err
	}
	return p.outcome, nil
}

// player plays a scenario.
type player struct {
	Options
	feed     *feed
	controls *controls
	outcome  *Outcome
	pending  []Event // of the company and the attacker, by time

	alerts, incidents uint64 // sequences of the last that were read
}

func (p *player) play(ctx context.Context) error {
	s := p.Scenario
	learning := s.Day.Sub(s.Start)
	for at := s.Start; at.Before(s.Day); {
		at = at.Add(time.Hour)
		if err := p.feed.until(ctx, at); err != nil {
			return err
		}
		p.Audience.Learning(at, float64(at.Sub(s.Start))/float64(learning))
	}
	for at := s.Day; at.Before(s.End); {
		step, pause := 20*time.Minute, time.Duration(0)
		if at.Sub(s.Day) >= calm {
			step = 30 * time.Second
			pause = time.Duration(float64(p.Pace.Hour) * step.Hours())
		}
		at = at.Add(step)
		if err := p.step(ctx, at); err != nil {
			return err
		}
		p.Audience.Clock(at)
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
	p.outcome.Snapshots = p.feed.published
	return nil
}

// step advances the scenario to a time, and shows what happened until then.
func (p *player) step(ctx context.Context, at time.Time) error {
	if err := p.feed.until(ctx, at); err != nil {
		return err
	}
	if err := p.feed.settled(ctx); err != nil {
		return err
	}
	shown, err := p.reported(ctx)
	if err != nil {
		return err
	}
	if len(shown) > 0 {
		latest, err := p.controls.take(ctx)
		if err != nil {
			return err
		}
		p.feed.apply(latest)
	}
	n, _ := slices.BinarySearchFunc(p.pending, at, func(e Event, at time.Time) int {
		return cmp.Compare(e.At.UnixNano(), at.UnixNano()+1)
	})
	shown = append(shown, p.pending[:n]...)
	p.pending = p.pending[n:]
	slices.SortStableFunc(shown, func(a, b Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.By, b.By)) })
	for _, e := range shown {
		p.outcome.note(&e)
		lines := p.Audience.Show(e)
		if err := wait(ctx, time.Duration(lines)*p.Pace.Line); err != nil {
			return err
		}
	}
	return nil
}

const (
	everyAlert    = "alert.>"
	everyIncident = "incident.>"
)

// reported returns what the pipeline has reported since the last call.
func (p *player) reported(ctx context.Context) (all []Event, err error) {
	err = p.since(ctx, event.StreamAlerts, everyAlert, &p.alerts, func(m bus.Message) error {
		a, err := event.DecodeAlert(m.Data)
		if err == nil {
			all = append(all, Event{At: a.At, By: Headstart, Alert: a})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, p.since(ctx, event.StreamIncidents, everyIncident, &p.incidents, func(m bus.Message) error {
		i, err := event.DecodeIncident(m.Data)
		if err == nil {
			all = append(all, Event{At: i.At, By: Headstart, Incident: i})
		}
		return err
	})
}

// since reads what a stream has beyond a sequence, and advances the sequence.
func (p *player) since(ctx context.Context, stream, filter string, sequence *uint64, do func(bus.Message) error) error {
	last, err := p.Bus.LastFor(ctx, stream, filter)
	if err != nil || last == nil || last.Sequence <= *sequence {
		return err
	}
	err = p.Bus.Read(ctx, stream, *sequence+1, last.Sequence, do)
	*sequence = last.Sequence
	return err
}

// events are those of the company, the attacker and the SIEM.
func events(s *scenario.Scenario) []Event {
	var all []Event
	for _, a := range s.Activities {
		all = append(all, Event{At: a.At, By: Company, Text: a.Text})
	}
	for _, step := range s.Steps {
		all = append(all, Event{At: step.At, By: Attacker, Text: step.Text})
	}
	all = append(all, Event{At: s.SIEM.At, By: SIEM, Text: s.SIEM.Text})
	slices.SortStableFunc(all, func(a, b Event) int { return a.At.Compare(b.At) })
	return all
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the demo ends early: %w", ctx.Err())
	}
}
