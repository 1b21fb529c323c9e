// Package replay runs snapshots through the tracker's and the correlator's own
// state machines as fast as the machine can, in event time: what it says is
// what the live system would have said.
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

// Options are what a replay needs.
type Options struct {
	Rules       *rule.Set
	Correlation detect.Options
}

// Source yields whole snapshots in the order in which they reached the stream,
// with the lag of each: when the stream stored it minus when the host sent it, as
// table.Comparer.Apply asks for it. A snapshot's sockets are valid until the next
// one, its addresses and roles for good.
type Source func(yield func(s *event.Snapshot, lag time.Duration) error) error

// Sink takes what follows, in order.
type Sink interface {
	Alert(*event.Alert) error
	Incident(*event.Incident) error // a revision
}

// Totals are what a replay has seen.
type Totals struct {
	Snapshots   int
	Connections int // connections that were opened
	Alerts      int
	Incidents   int
	Notified    int
	Failures    int   // evaluations of rules that failed
	FirstError  error // of these
	From, Until time.Time
	Muted       map[string]int // by rule: how often an exception kept it from firing
	Fired       map[string]int // by rule, also of those that raise no alert
}

// Run replays snapshots. Comparing them and correlating what changed are done
// side by side.
func Run(ctx context.Context, o Options, source Source, sink Sink) (Totals, error) {
	totals, err := RunAll(ctx, Compare(source), []Side{{Options: o, Sink: sink}})
	return totals[0], err
}

// Compare feeds what changed from each snapshot of a source to the next, as the
// tracker says it.
func Compare(source Source) Feed {
	return func(tape *Tape) error {
		tables := map[string]*conntable.Table{}
		var comparer conntable.Comparer
		return source(func(s *event.Snapshot, lag time.Duration) error {
			t := tables[s.Host]
			if t == nil {
				t = new(conntable.Table)
				tables[s.Host] = t
			}
			if comparer.Apply(t, s, lag, tape.Next()) != conntable.Compared {
				return nil
			}
			return tape.Put(s.TakenAt.Add(lag))
		})
	}
}

type run struct {
	*Side
	correlation    *detect.Engine
	changes        event.Changes // the message that is applied
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
	out := r.correlation.Apply(changes, storedAt)
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
