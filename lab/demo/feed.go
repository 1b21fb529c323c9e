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

// feed publishes what the company's pollers would have published.
type feed struct {
	bus       *bus.Bus
	hosts     []*polled
	encoder   event.SnapshotEncoder
	published int
	last      event.SnapshotID // that was published
}

// polled is a host with a poller. Its table is computed at every tick, and
// published when it is due.
type polled struct {
	tables   *reconstruct.HostFeed
	due      time.Time
	control  event.Control // requests shorter intervals
	sequence uint64
}

// tick is the shortest interval.
const tick = 10 * time.Second

func newFeed(b *bus.Bus, s *scenario.Scenario) (*feed, error) {
	known, err := inventory.Parse("inventory.yaml", scenario.Inventory())
	if err != nil {
		return nil, fmt.Errorf("the scenario's inventory: %w", err)
	}
	fleet, err := reconstruct.Build(s.Records, reconstruct.Options{Inventory: known, Interval: tick, From: s.Start, Until: s.End})
	if err != nil {
		return nil, fmt.Errorf("the scenario's hosts: %w", err)
	}
	f := &feed{bus: b}
	for _, tables := range fleet.Feeds() {
		f.hosts = append(f.hosts, &polled{tables: tables})
	}
	return f, nil
}

func (f *feed) names() (names []string) {
	for _, h := range f.hosts {
		names = append(names, h.tables.Host())
	}
	return names
}

// until publishes what is due before a time, in order.
func (f *feed) until(ctx context.Context, until time.Time) error {
	for {
		var next *polled
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

// take is a host's next snapshot; nil if it isn't due.
func (h *polled) take() *event.Snapshot {
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

func (h *polled) interval(at time.Time) time.Duration {
	normal := scenario.Interval(at)
	if at.Before(h.control.ExpiresAt) {
		return min(normal, h.control.Interval)
	}
	return normal
}

// apply passes controls to the hosts. They begin at once, as pollers do.
func (f *feed) apply(latest map[string]event.Control) {
	for _, h := range f.hosts {
		if c, ok := latest[h.tables.Host()]; ok {
			h.control, h.due = c, time.Time{}
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

	// Where the correlator stores its position.
	correlatorBucket = "CORRELATOR"
	correlatorStage  = "correlator"
)

// settled waits until everything that follows from what was published is
// stored.
func (f *feed) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("the pipeline makes no progress"))
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
// correlator has processed the answer.
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
