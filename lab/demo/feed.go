package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"headstart/bus"
	"headstart/detect/inventory"
	"headstart/event"
	"headstart/lab/scenario"
	"headstart/replay/reconstruct"
)

// feed publishes what the company's pollers would have.
type feed struct {
	bus       *bus.Bus
	hosts     []*watched
	encoder   event.SnapshotEncoder
	published int
	last      event.SnapshotID // that was published
}

// watched is a host with a poller. Its table is made at every tick, and taken
// when it is due.
type watched struct {
	tables   *reconstruct.HostFeed
	due      time.Time
	asked    event.Control // to look more often
	sequence uint64
}

// tick is how often a host can be looked at.
const tick = 10 * time.Second

func newFeed(b *bus.Bus, s *scenario.Story) (*feed, error) {
	known, err := inventory.Parse("inventory.yaml", scenario.Inventory())
	if err != nil {
		return nil, fmt.Errorf("the story's inventory: %w", err)
	}
	fleet, err := reconstruct.Build(s.Records, reconstruct.Options{Inventory: known, Interval: tick, From: s.Start, Until: s.End})
	if err != nil {
		return nil, fmt.Errorf("the story's hosts: %w", err)
	}
	f := &feed{bus: b}
	for _, tables := range fleet.Feeds() {
		f.hosts = append(f.hosts, &watched{tables: tables})
	}
	return f, nil
}

func (f *feed) names() (names []string) {
	for _, h := range f.hosts {
		names = append(names, h.tables.Host())
	}
	return names
}

// until publishes what is taken before a time, in order.
func (f *feed) until(ctx context.Context, until time.Time) error {
	for {
		var next *watched
		first := until.UnixNano()
		for _, h := range f.hosts {
			if at, ok := h.tables.NextAt(); ok && at < first {
				next, first = h, at
			}
		}
		if next == nil {
			return nil
		}
		s := next.take()
		if s == nil {
			continue
		}
		if err := f.publish(ctx, s); err != nil {
			return err
		}
	}
}

// take looks at a host, if it is due; nil if it isn't.
func (h *watched) take() *event.Snapshot {
	s := h.tables.Next()
	if s.TakenAt.Before(h.due) {
		return nil
	}
	h.sequence++
	taken := *s
	taken.Sequence, taken.Interval = h.sequence, h.interval(s.TakenAt)
	h.due = s.TakenAt.Add(taken.Interval - tick/2) // a tick comes up to a fifth too early
	return &taken
}

func (h *watched) interval(at time.Time) time.Duration {
	usual := scenario.Interval(at)
	if at.Before(h.asked.ExpiresAt) {
		return min(usual, h.asked.Interval)
	}
	return usual
}

// hurry passes on what hosts are asked to do. They begin at once, as pollers do.
func (f *feed) hurry(asked map[string]event.Control) {
	for _, h := range f.hosts {
		if c, ok := asked[h.tables.Host()]; ok {
			h.asked, h.due = c, time.Time{}
		}
	}
}

func (f *feed) publish(ctx context.Context, s *event.Snapshot) error {
	data, err := f.encoder.Append(nil, s)
	if err == nil {
		err = f.bus.Publish(ctx, bus.Output{Subject: event.SnapshotSubject(s.Host), ID: s.ID().MessageID(1), Data: data})
	}
	if err != nil {
		return fmt.Errorf("snapshot of %s: %w", s.Host, err)
	}
	f.published, f.last = f.published+1, s.ID()
	return nil
}

const (
	patience = time.Minute
	look     = time.Millisecond

	// Where the correlator keeps how far it is.
	correlatorBucket = "CORRELATOR"
	correlatorStage  = "correlator"
)

// settled waits until all that follows from what was published is stored.
func (f *feed) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("the pipeline stands still"))
	defer cancel()
	for {
		done, err := f.answered(ctx)
		if done || err != nil {
			return err
		}
		if wait(ctx, look) != nil {
			return fmt.Errorf("wait for the pipeline: %w", context.Cause(ctx))
		}
	}
}

// answered reports whether the tracker has answered the last snapshot, and the
// correlator taken that in.
func (f *feed) answered(ctx context.Context) (bool, error) {
	if f.published == 0 {
		return true, nil
	}
	answer, err := f.bus.LastFor(ctx, event.StreamConnections, event.ConnectionSubject(f.last.Host))
	if err != nil || answer == nil || answer.ID != f.last.MessageID(1) {
		return false, err
	}
	position, err := f.bus.Saved(ctx, correlatorBucket, correlatorStage)
	return position.Sequence >= answer.Sequence, err
}
