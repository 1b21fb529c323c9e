package replay

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"headstart/detect"
	"headstart/event"
)

// Feed puts all that changed on a tape, in order.
type Feed func(*Tape) error

// Tape takes what changed, message by message, to whoever correlates it.
//
//	tape.Next().Host = "web-01"
//	err := tape.Put(storedAt)
type Tape struct {
	ctx   context.Context
	batch *batch
	sides []chan *batch
	empty chan *batch
}

const (
	batchSize = 256 // messages that go to the correlations at a time
	batches   = 12  // that are on their way
)

type batch struct {
	changes  [batchSize]event.Changes
	storedAt [batchSize]time.Time
	n        int
	users    atomic.Int32 // sides that are not done with it
}

// Next is the place for the next message. What it held before may be reused:
// but for addresses and roles, nothing of a message is looked at after it.
func (t *Tape) Next() *event.Changes { return &t.batch.changes[t.batch.n] }

// Put says that the next message is in its place, and when the stream stored
// it.
func (t *Tape) Put(storedAt time.Time) error {
	t.batch.storedAt[t.batch.n] = storedAt
	if t.batch.n++; t.batch.n < batchSize {
		return nil
	}
	if err := t.send(); err != nil {
		return err
	}
	select {
	case t.batch = <-t.empty:
		t.batch.n = 0
		return nil
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
}

func (t *Tape) send() error {
	t.batch.users.Store(int32(len(t.sides)))
	for _, side := range t.sides {
		select {
		case side <- t.batch:
		case <-t.ctx.Done():
			return t.ctx.Err()
		}
	}
	return nil
}

// Side is a correlation with rules of its own.
type Side struct {
	Options
	Sink Sink
	Look func(changes *event.Changes, storedAt time.Time) // at each message before it is correlated; may be nil

	// Begin is given the correlation before the first message, Applied what
	// followed from each. nil: nobody asks.
	Begin   func(*detect.Engine)
	Applied func(*detect.Output)
}

// RunAll lets several correlations see the same changes, side by side: each has
// the same result as if it were alone. The totals are in the order of the
// sides.
func RunAll(ctx context.Context, feed Feed, sides []Side) ([]Totals, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tape := &Tape{ctx: ctx, batch: new(batch), empty: make(chan *batch, batches)}
	for range batches - 1 {
		tape.empty <- new(batch)
	}
	totals := make([]Totals, len(sides))
	var correlating sync.WaitGroup
	for i := range sides {
		full := make(chan *batch, batches)
		tape.sides = append(tape.sides, full)
		correlating.Go(func() {
			r := &run{Side: &sides[i], correlation: detect.New(sides[i].Rules, sides[i].Correlation), seen: map[string]bool{}, notified: map[string]bool{}}
			if r.Begin != nil {
				r.Begin(r.correlation)
			}
			for b := range full {
				if err := r.applyAll(b); err != nil {
					cancel(err)
					break
				}
				if b.users.Add(-1) == 0 {
					tape.empty <- b
				}
			}
			counts := r.correlation.Counts()
			r.totals.Muted, r.totals.Fired = counts.Suppressed, counts.Fired
			totals[i] = r.totals
		})
	}
	err := feed(tape)
	if err == nil {
		err = tape.send()
	}
	for _, side := range tape.sides {
		close(side)
	}
	correlating.Wait()
	if failed := context.Cause(ctx); failed != nil {
		return totals, failed
	}
	if err != nil {
		return totals, fmt.Errorf("replay: %w", err)
	}
	return totals, nil
}

// applyAll applies a batch, which other sides read too: a correlation may
// correct the clock of a message.
func (r *run) applyAll(b *batch) error {
	for i := range b.n {
		r.changes = b.changes[i]
		if r.Look != nil {
			r.Look(&r.changes, b.storedAt[i])
		}
		if err := r.apply(&r.changes, b.storedAt[i]); err != nil {
			return err
		}
	}
	return nil
}
