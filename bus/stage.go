package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// Stage is a step of the pipeline: it reads a stream from its position, in
// order, in batches, and turns each batch into messages for other streams and
// into state. For each batch it
//
//	handles the batch → publishes its outputs → saves its states and its position
//
// and retries each step for as long as NATS is away. It publishes one batch
// while it handles the next. After a crash the next process repeats everything
// from the saved position on, but doesn't publish outputs that it finds in an
// output stream. That is exact if Handle is deterministic: the same saved state
// and the same messages give the same outputs, whatever the batches. A crash can
// leave states that are ahead of the position: a state records the last message
// of its key that it contains, and Handle returns nothing for those up to it.
//
// A second instance of a stage is safe: it computes the same outputs under the
// same ids, and the server rejects those of the instance that is behind.
type Stage struct {
	Name    string      // in lower case, for metrics, position and dead letters
	Input   string      // stream
	Outputs []string    // streams to which nobody else writes
	Store   *StateStore // of the position and of the states that Handle returns

	// Batch is the maximum number of messages that Handle gets. The stage never
	// waits to fill a batch.
	Batch int

	// Handle computes the outputs and states of a batch. After an error it is
	// called again with the same batch, so it must not have changed anything.
	Handle func(ctx context.Context, batch []Message) (Work, error)
}

// Work is the result of a batch. An output goes to the stream that has its
// subject. The outputs of a stream are published in the order of their sources,
// those of one source in the order given. Between two streams there is no order,
// and a crash can leave one behind the other.
type Work struct {
	Outputs []Output
	States  []State

	// Before are states that are saved before the outputs are published, with
	// the position of the batch before: what the next process needs to compute
	// the same outputs.
	Before []State
}

// batchBytes is the size above which a batch takes no more messages.
const batchBytes = 16 << 20

// grace is the time that work in progress has after a shutdown was requested.
const grace = 10 * time.Second

// afterwards returns a context that outlives ctx by the grace.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	finish, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(finish, func() { timer.Stop() })
	})
	return finish, func() { stop(); cancel() }
}

// commit is a handled batch that is not durable yet.
type commit struct {
	work     Work
	after    Position // of the batch before
	position Position
	back     bool // after is behind the saved position: the stream has lost its end
	began    time.Time
}

// Run runs a stage until the context ends; then it finishes the batches in
// flight and returns nil. It returns an error if it can't start, or if the bus
// is closed before.
func (b *Bus) Run(ctx context.Context, s Stage) error {
	r := &runner{
		Stage: s, bus: b, log: b.log.With("stage", s.Name), position: s.Store.positions[s.Name],
		commits: make(chan commit, 1), metrics: b.stageMetrics(s.Name),
	}
	for _, stream := range s.Outputs {
		out, err := newOutputStream(r, stream)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		r.streams = append(r.streams, out)
	}
	input, err := r.open(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	b.telemetry.Ready(s.Name, nil)
	r.log.Info("running", "stream", s.Input, "position", r.position.Sequence)

	finish, cancel := afterwards(ctx)
	defer cancel()

	done := make(chan struct{})
	go func() {
		defer close(done)
		for c := range r.commits {
			if finish.Err() == nil && r.commit(finish, c) != nil {
				cancel() // later batches must not be published
			}
		}
	}()
	for input != nil {
		err := r.read(ctx, finish, input)
		input.close()
		input = nil
		if errors.Is(err, errInterrupted) {
			r.log.Warn("reading again", "stream", s.Input, "position", r.position.Sequence, "error", err)
			_ = r.retry(ctx, "read", func(ctx context.Context) (err error) { input, err = r.open(ctx); return err })
		}
	}
	close(r.commits)
	<-done
	if finish.Err() != nil {
		r.log.Warn("stopped before the last batch was saved: the next process repeats it")
	}
	s.Store.forgetUnsaved()
	b.telemetry.Ready(s.Name, errors.New("stopped"))
	if ctx.Err() == nil && b.nc.IsClosed() {
		return fmt.Errorf("%s: %w", s.Name, nats.ErrConnectionClosed)
	}
	return nil
}

type runner struct {
	Stage
	bus      *Bus
	log      *slog.Logger
	metrics  *stageMetrics
	position Position // of the last message handled
	back     bool     // the position has moved back, and no batch was handled since
	commits  chan commit
	streams  []*outputStream // of the committing goroutine
}

// open opens the input after the last message handled.
func (r *runner) open(ctx context.Context) (*reader, error) {
	input, err := r.bus.openReader(ctx, r.Input, start{after: r.position}, r.Batch)
	if err != nil {
		return nil, err
	}
	at := input.position
	if at.before(r.position) {
		r.back = true
	}
	switch {
	case r.position.Sequence == 0:
	case !at.Stream.Equal(r.position.Stream):
		r.log.Warn("stream was recreated: starting at its beginning", "stream", r.Input, "position", r.position.Sequence)
	case r.back:
		r.log.Error("stream has lost its end: continuing from there", "stream", r.Input, "position", r.position.Sequence, "last", at.Sequence)
	}
	r.position = at
	return input, nil
}

// read handles batches until ctx or finish ends, or reading is interrupted.
func (r *runner) read(ctx, finish context.Context, input *reader) error {
	batch := make([]Message, 0, r.Batch)
	for {
		if ctx.Err() != nil || finish.Err() != nil {
			return finish.Err()
		}
		m, err := input.next(ctx)
		if err != nil {
			return err
		}
		c := commit{began: time.Now(), after: r.position, back: r.back}
		batch = batch[:0]
		for size, more := 0, true; more; m, more = input.ready() {
			r.take(m)
			batch = append(batch, m)
			if size += len(m.Data); len(batch) == r.Batch || size > batchBytes {
				break
			}
		}
		c.position, r.back = r.position, false
		err = r.retry(finish, "handle", func(ctx context.Context) (err error) {
			c.work, err = r.handle(ctx, batch)
			return err
		})
		if err != nil {
			return err
		}
		r.Store.hold(c.work.Before)
		r.Store.hold(c.work.States)
		r.metrics.messages.Add(len(batch))
		select {
		case r.commits <- c:
		case <-finish.Done():
			return finish.Err()
		}
	}
}

// take moves the position to a message, and counts the messages that the stream
// dropped before they could be read.
func (r *runner) take(m Message) {
	if gap := m.Sequence - r.position.Sequence - 1; gap > 0 && r.position.Sequence > 0 {
		r.metrics.skipped.Add(int(gap))
		r.log.Error("stream dropped messages before they were read", "count", gap, "position", r.position.Sequence)
	}
	r.position.Sequence = m.Sequence
	r.metrics.position.Set(m.Sequence)
	r.metrics.storedAt.Set(m.StoredAt)
}

func (r *runner) handle(ctx context.Context, batch []Message) (Work, error) {
	work, err := r.Handle(ctx, batch)
	if err != nil {
		return Work{}, err
	}
	first, last := batch[0].Sequence, batch[len(batch)-1].Sequence
	for _, o := range work.Outputs {
		if o.Source < first || o.Source > last {
			return Work{}, fmt.Errorf("output %s: source is message %d, outside the batch %d to %d", o.ID, o.Source, first, last)
		}
		if !o.dead && !slices.ContainsFunc(r.streams, func(out *outputStream) bool { return out.takes(o) }) {
			return Work{}, fmt.Errorf("output %s: subject %s is in none of the stage's output streams", o.ID, o.Subject)
		}
	}
	return work, nil
}

// commit makes a batch durable.
func (r *runner) commit(ctx context.Context, c commit) error {
	if len(c.work.Before) > 0 {
		err := r.retry(ctx, "save", func(ctx context.Context) error {
			return r.Store.save(ctx, checkpoint{stage: r.Name, states: c.work.Before, position: c.after, back: c.back, again: true})
		})
		if err != nil {
			return err
		}
		r.Store.release(c.work.Before)
	}
	outputs, dead := inOrder(c.work.Outputs)
	for _, out := range r.streams {
		if err := r.retry(ctx, "publish", func(ctx context.Context) error { return out.publish(ctx, c, outputs) }); err != nil {
			return err
		}
	}
	if err := r.retry(ctx, "dead-letter", func(ctx context.Context) error { return r.publishDeadLetters(ctx, c, dead) }); err != nil {
		return err
	}
	err := r.retry(ctx, "save", func(ctx context.Context) error {
		return r.Store.save(ctx, checkpoint{stage: r.Name, states: c.work.States, position: c.position, back: c.back})
	})
	if err != nil {
		return err
	}
	r.Store.release(c.work.States)
	r.metrics.outputs.Add(len(c.work.Outputs))
	r.metrics.batch.UpdateDuration(c.began)
	return nil
}

// retry calls do until it succeeds, the context ends or the bus is closed. It retries at once the
// first time that another instance was faster.
func (r *runner) retry(ctx context.Context, what string, do func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := r.bus.try(ctx, do)
		if err == nil {
			if attempt > 0 {
				r.bus.telemetry.Ready(r.Name, nil)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, nats.ErrConnectionClosed) || r.bus.nc.IsClosed() {
			return errors.Join(err, nats.ErrConnectionClosed)
		}
		r.metrics.retries.Inc()
		if attempt == 0 && outdated(err) {
			continue
		}
		r.bus.telemetry.Ready(r.Name, fmt.Errorf("%s: %w", what, err))
		r.log.Warn("retrying", "step", what, "attempt", attempt+1, "error", err)
		if err := pause(ctx, retryWait(attempt)); err != nil {
			return err
		}
	}
}

// try calls do with a context that also ends with the connection.
func (b *Bus) try(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := b.session.during(ctx)
	defer cancel()
	return do(ctx)
}
