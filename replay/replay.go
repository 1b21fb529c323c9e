// Package replay runs recorded snapshots through the tracker's comparer and the
// detection engine, in event time and as fast as the machine allows. Its result
// is that of the live system.
//
// It guarantees that the same snapshots, rules and options give the same alerts
// and incidents, in the same order.
package replay

import (
	"context"
	"fmt"
	"time"

	"headstart/conntable"
	"headstart/detect"
	"headstart/detect/rule"
	"headstart/event"
)

// Options configure a replay.
type Options struct {
	Rules       *rule.Set
	Correlation detect.Options
}

// Source yields whole snapshots in the order in which they reached the stream,
// with the lag of each, the time at which the stream stored it minus the time at
// which the host sent it, for [conntable.Comparer.Apply]. A snapshot's sockets are
// valid until the next one, its addresses and roles for good.
type Source func(yield func(s *event.Snapshot, lag time.Duration) error) error

// Sink receives alerts and revisions of incidents, in order.
type Sink interface {
	Alert(*event.Alert) error
	Incident(*event.Incident) error // a revision
}

// Totals count what a replay has read and raised.
type Totals struct {
	Snapshots   int
	Connections int // opened
	Alerts      int
	Incidents   int
	Notified    int
	Failures    int   // failed evaluations
	FirstError  error // of these
	From, Until time.Time
	Muted       map[string]int // by rule: matches suppressed by an exception
	Fired       map[string]int // by rule, building blocks included
}

// Run replays snapshots. Comparing and correlating run concurrently.
func Run(ctx context.Context, o Options, source Source, sink Sink) (Totals, error) {
	totals, err := RunAll(ctx, Compare(source), []Variant{{Options: o, Sink: sink}})
	return totals[0], err
}

// Compare feeds the changes between the snapshots of a source, as the tracker
// computes them.
func Compare(source Source) Feed {
	return func(buffer *Buffer) error {
		tables := map[string]*conntable.Table{}
		var comparer conntable.Comparer
		return source(func(s *event.Snapshot, lag time.Duration) error {
			t := tables[s.Host]
			if t == nil {
				t = new(conntable.Table)
				tables[s.Host] = t
			}
			if comparer.Apply(t, s, lag, buffer.Next()) != conntable.Compared {
				return nil
			}
			return buffer.Put(s.TakenAt.Add(lag))
		})
	}
}

type run struct {
	*Variant
	engine         *detect.Engine
	changes        event.Changes // the message at hand
	totals         Totals
	seen, notified map[string]bool // incidents
}

func (r *run) apply(changes *event.Changes, storedAt time.Time) error {
	t := &r.totals
	t.Snapshots++
	if t.From.IsZero() {
		t.From = changes.ObservedAt
	}
	t.Until = changes.ObservedAt
	for i := range changes.Connections {
		if changes.Connections[i].Kind == event.Opened {
			t.Connections++
		}
	}
	out := r.engine.Apply(changes, storedAt)
	if r.Applied != nil {
		r.Applied(out)
	}
	for _, f := range out.Failures {
		if t.Failures++; t.FirstError == nil {
			t.FirstError = fmt.Errorf("host %s: %w", f.Host, f.Err)
		}
	}
	for _, a := range out.Alerts {
		t.Alerts++
		if err := r.Sink.Alert(a); err != nil {
			return err
		}
	}
	for _, i := range out.Incidents {
		if !r.seen[i.ID] {
			r.seen[i.ID] = true
			t.Incidents++
		}
		if i.Notified && !r.notified[i.ID] {
			r.notified[i.ID] = true
			t.Notified++
		}
		if err := r.Sink.Incident(i); err != nil {
			return err
		}
	}
	return nil
}
