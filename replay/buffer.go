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

// Feed puts the tracker's messages into a buffer, in order.
type Feed func(*Buffer) error

// Buffer passes messages to every variant, in batches.
//
//	buffer.Next().Host = "web-01"
//	err := buffer.Put(storedAt)
type Buffer struct {
	ctx      context.Context
	batch    *batch
	variants []chan *batch
	empty    chan *batch
}

const (
	batchSize = 256 // messages of a batch
	batches   = 12  // in flight
)

type batch struct {
	changes  [batchSize]event.Changes
	storedAt [batchSize]time.Time
	n        int
	users    atomic.Int32 // variants that have not applied it
}

// Next returns the place for the next message. The caller may reuse what it held
// before: only addresses and roles of a message are read after it.
func (b *Buffer) Next() *event.Changes { return &b.batch.changes[b.batch.n] }

// Put adds the message in Next's place, with the time at which the stream stored
// it.
func (b *Buffer) Put(storedAt time.Time) error {
	b.batch.storedAt[b.batch.n] = storedAt
	if b.batch.n++; b.batch.n < batchSize {
		return nil
	}
	if err := b.send(); err != nil {
		return err
	}
	select {
	case b.batch = <-b.empty:
		b.batch.n = 0
		return nil
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
}

func (b *Buffer) send() error {
	b.batch.users.Store(int32(len(b.variants)))
	for _, v := range b.variants {
		select {
		case v <- b.batch:
		case <-b.ctx.Done():
			return b.ctx.Err()
		}
	}
	return nil
}

// Variant is an engine with its own rules and options.
type Variant struct {
	Options
	Sink Sink
	Look func(changes *event.Changes, storedAt time.Time) // called with each message before it is applied; may be nil

	// Begin is called with the engine before the first message, Applied with the
	// output of each. Either may be nil.
	Begin   func(*detect.Engine)
	Applied func(*detect.Output)
}

// RunAll applies the same messages to several variants concurrently. Each has the
// same result as if it ran alone. The totals are in the order of the variants.
func RunAll(ctx context.Context, feed Feed, variants []Variant) ([]Totals, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	buffer := &Buffer{ctx: ctx, batch: new(batch), empty: make(chan *batch, batches)}
	for range batches - 1 {
		buffer.empty <- new(batch)
	}
	totals := make([]Totals, len(variants))
	var applying sync.WaitGroup
	for i := range variants {
		full := make(chan *batch, batches)
		buffer.variants = append(buffer.variants, full)
		applying.Go(func() {
			r := &run{Variant: &variants[i], engine: detect.New(variants[i].Rules, variants[i].Correlation), seen: map[string]bool{}, notified: map[string]bool{}}
			if r.Begin != nil {
				r.Begin(r.engine)
			}
			for b := range full {
				if err := r.applyAll(b); err != nil {
					cancel(err)
					break
				}
				if b.users.Add(-1) == 0 {
					buffer.empty <- b
				}
			}
			counts := r.engine.Counts()
			r.totals.Muted, r.totals.Fired = counts.Suppressed, counts.Fired
			totals[i] = r.totals
		})
	}
	err := feed(buffer)
	if err == nil {
		err = buffer.send()
	}
	for _, v := range buffer.variants {
		close(v)
	}
	applying.Wait()
	if failed := context.Cause(ctx); failed != nil {
		return totals, failed
	}
	if err != nil {
		return totals, fmt.Errorf("replay: %w", err)
	}
	return totals, nil
}

// applyAll applies a batch. It copies each message, because other variants read
// the batch too and an engine may correct the clock of a message.
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
