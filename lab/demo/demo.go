// Package demo plays a story through a running pipeline. In place of the
// company's pollers it publishes the snapshots that they would have taken, with
// the story's times; the tracker, the correlator and the streams between them
// are the real ones. It tells an audience what happens, and what the pipeline
// says of it.
//
// It guarantees:
//   - What is told comes in the order of the story, and is the same each time:
//     the story goes on when the pipeline has stored what follows from all that
//     came before.
//   - Hosts look more often when they are asked to on control.<host>, as pollers
//     do, in the story's time.
//
// The pipeline is a fresh one, and nobody else publishes to it.
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
	Story    *scenario.Story
	Audience Audience
	Pace     Pace
}

// Pace is how much time people have. The zero Pace is none.
type Pace struct {
	Line time.Duration // for each line that is told
	Hour time.Duration // for an hour in which nothing happens
}

// Audience hears the story.
type Audience interface {
	// Learning says up to when the ordinary days have gone by, and which part
	// of them that is.
	Learning(at time.Time, part float64)

	// Clock says to which time of the day the story has come.
	Clock(at time.Time)

	// Tell says what happens. It returns how many lines that takes to read.
	Tell(e Event) (lines int)
}

// By is who does something.
type By uint8

// In the order in which they are told what happens at one time.
const (
	Company By = iota
	Intruder
	Headstart
	SIEM
)

var byNames = [...]string{"company", "intruder", "headstart", "siem"}

// String returns the name in lower case.
func (b By) String() string { return byNames[b] }

// Event is something that happens.
type Event struct {
	At   time.Time
	By   By
	Text string // unless it is Headstart

	// What headstart says: an alert, or a revision of an incident.
	Alert    *event.Alert
	Incident *event.Incident
}

// calm is the time of the story up to which it goes by quickly, and in large
// steps.
const calm = 14*time.Hour + 20*time.Minute

// Run plays the story to its end.
func Run(ctx context.Context, o Options) (*Outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f, err := newFeed(o.Bus, o.Story)
	if err != nil {
		return nil, err
	}
	a := attend(ctx, o.Bus, f.names())
	defer a.wait()
	defer cancel()
	p := &player{Options: o, feed: f, attention: a, outcome: newOutcome(o.Story), untold: events(o.Story)}
	p.outcome.Hosts = len(f.hosts)
	if err := p.play(ctx); err != nil {
		return nil, err
	}
	return p.outcome, nil
}

// player plays a story.
type player struct {
	Options
	feed      *feed
	attention *attention
	outcome   *Outcome
	untold    []Event // what the company and the intruder do, by time

	alerts, incidents uint64 // sequences of the last that were read
}

func (p *player) play(ctx context.Context) error {
	s := p.Story
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

// step lets the story go on to a time, and tells what happened until then.
func (p *player) step(ctx context.Context, at time.Time) error {
	if err := p.feed.until(ctx, at); err != nil {
		return err
	}
	if err := p.feed.settled(ctx); err != nil {
		return err
	}
	said, err := p.said(ctx)
	if err != nil {
		return err
	}
	if len(said) > 0 {
		asked, err := p.attention.paid(ctx)
		if err != nil {
			return err
		}
		p.feed.hurry(asked)
	}
	n, _ := slices.BinarySearchFunc(p.untold, at, func(e Event, at time.Time) int { return cmp.Compare(e.At.UnixNano(), at.UnixNano()+1) })
	said = append(said, p.untold[:n]...)
	p.untold = p.untold[n:]
	slices.SortStableFunc(said, func(a, b Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.By, b.By)) })
	for _, e := range said {
		p.outcome.note(&e)
		lines := p.Audience.Tell(e)
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

// said returns what the pipeline has said since the last call.
func (p *player) said(ctx context.Context) (said []Event, err error) {
	err = p.since(ctx, event.StreamAlerts, everyAlert, &p.alerts, func(m bus.Message) error {
		a, err := event.DecodeAlert(m.Data)
		if err == nil {
			said = append(said, Event{At: a.At, By: Headstart, Alert: a})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return said, p.since(ctx, event.StreamIncidents, everyIncident, &p.incidents, func(m bus.Message) error {
		i, err := event.DecodeIncident(m.Data)
		if err == nil {
			said = append(said, Event{At: i.At, By: Headstart, Incident: i})
		}
		return err
	})
}

// since reads what a stream has beyond a sequence, and moves that on.
func (p *player) since(ctx context.Context, stream, filter string, sequence *uint64, do func(bus.Message) error) error {
	last, err := p.Bus.LastFor(ctx, stream, filter)
	if err != nil || last == nil || last.Sequence <= *sequence {
		return err
	}
	err = p.Bus.Read(ctx, stream, *sequence+1, last.Sequence, do)
	*sequence = last.Sequence
	return err
}

// events are what the company, the intruder and the SIEM do.
func events(s *scenario.Story) []Event {
	var all []Event
	for _, scene := range s.Scenes {
		all = append(all, Event{At: scene.At, By: Company, Text: scene.Text})
	}
	for _, step := range s.Steps {
		all = append(all, Event{At: step.At, By: Intruder, Text: step.Text})
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
		return fmt.Errorf("the story ends early: %w", ctx.Err())
	}
}
