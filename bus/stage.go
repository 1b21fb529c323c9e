package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Stage is a step of the pipeline: it reads a stream from where it left off,
// in order, in batches, and turns each batch into messages for another stream
// and into state. One after another it
//
//	handles the batch → publishes its outputs → saves its states → saves its position
//
// and tries each for as long as NATS is away. While one batch is being
// published the next is handled. What a crash cuts off is done again by the
// next life from the position on; outputs that the stage finds in the output
// stream by then are not published again. That is exact when Handle is
// deterministic: the same saved state and the same messages give the same
// outputs, in however many batches.
//
// A second instance of a stage does no harm: it computes the same outputs
// under the same ids.
type Stage struct {
	Name   string // in lower case: names metrics, position and dead letters
	Input  string // stream
	Output string // stream
	Store  *Store // keeps the position, and the states that Handle returns

	// Batch is how many messages Handle gets at most; it gets what is there
	// and never waits for more.
	Batch int

	// Handle computes what follows from a batch. It is called again with the
	// same batch after an error, so it must not have changed anything then.
	Handle func(ctx context.Context, batch []Message) (Work, error)
}

// Work is what follows from a batch.
type Work struct {
	Outputs []Output
	States  []State
}

// grace is for how long what was begun may go on after the end was asked for.
const grace = 10 * time.Second

// afterwards returns a context that outlives ctx by the grace.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	finish, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return finish, cancel
}

type commit struct {
	work     Work
	position uint64
	began    time.Time
}

// Run runs a stage until the context ends; then it finishes the batches in
// flight and returns nil. It returns an error when it can't start.
func (b *Bus) Run(ctx context.Context, s Stage) error {
	position, err := s.Store.position(ctx, s.Name)
	if err != nil {
		return fmt.Errorf("%s: read position: %w", s.Name, err)
	}
	stream, err := b.js.Stream(ctx, s.Input)
	if err != nil {
		return fmt.Errorf("%s: stream %s: %w", s.Name, s.Input, err)
	}
	info := stream.CachedInfo()
	if !position.Stream.Equal(info.Created) {
		if position.Sequence > 0 {
			b.log.Warn("stream was made anew, starting at its beginning", "stream", s.Input, "position", position.Sequence)
		}
		position = Position{Stream: info.Created}
	}
	r := &runner{
		Stage: s, bus: b, log: b.log.With("stage", s.Name), position: position,
		commits: make(chan commit, 1), metrics: b.stageMetrics(s.Name),
	}
	if err := r.readBack(ctx); err != nil {
		return fmt.Errorf("%s: read back %s: %w", s.Name, s.Output, err)
	}
	messages, stop, err := b.follow(ctx, s.Input, position.Sequence+1, s.Batch)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	b.telemetry.Ready(s.Name, nil)
	r.log.Info("running", "stream", s.Input, "position", position.Sequence)

	finish, cancel := afterwards(ctx)
	defer cancel()

	done := make(chan struct{})
	go func() {
		defer close(done)
		for c := range r.commits {
			if r.commit(finish, c) != nil {
				cancel()
			}
		}
	}()
	r.read(ctx, finish, messages)
	stop()
	close(r.commits)
	<-done
	b.telemetry.Ready(s.Name, errors.New("stopped"))
	return nil
}

// follow reads a stream in order from a sequence on. Messages that the
// connection loses are asked for again; what is received is all there is.
func (b *Bus) follow(ctx context.Context, stream string, from uint64, batch int) (<-chan jetstream.Msg, func(), error) {
	consumer, err := b.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from, 1),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read stream %s: %w", stream, err)
	}
	messages := make(chan jetstream.Msg, batch)
	stopped := make(chan struct{})
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		select {
		case messages <- m:
		case <-stopped:
		}
	}, jetstream.PullMaxMessages(2*batch), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		b.log.Warn("reading was interrupted", "stream", stream, "error", err)
	}))
	if err != nil {
		return nil, nil, fmt.Errorf("read stream %s: %w", stream, err)
	}
	return messages, func() { close(stopped); consuming.Stop() }, nil
}

type runner struct {
	Stage
	bus       *Bus
	log       *slog.Logger
	position  Position // of the last message handled
	commits   chan commit
	published map[string]bool // ids of outputs that an earlier life published
	metrics   *stageMetrics
}

// read handles batches until ctx ends or finish does.
func (r *runner) read(ctx, finish context.Context, messages <-chan jetstream.Msg) {
	batch := make([]Message, 0, r.Batch)
	for {
		select {
		case <-ctx.Done():
			return
		case <-finish.Done():
			return
		case m := <-messages:
			batch = r.append(batch[:0], m)
		}
	fill:
		for len(batch) < r.Batch {
			select {
			case m := <-messages:
				batch = r.append(batch, m)
			default:
				break fill
			}
		}
		if len(batch) == 0 {
			continue
		}
		c := commit{began: time.Now(), position: r.position.Sequence}
		err := r.retry(finish, "handle", func() (err error) {
			c.work, err = r.Handle(finish, batch)
			return err
		})
		if err != nil {
			return
		}
		r.metrics.messages.Add(len(batch))
		select {
		case r.commits <- c:
		case <-finish.Done():
			return
		}
	}
}

// append adds a message unless it was handled before, and counts those that
// the stream dropped before they could be read.
func (r *runner) append(batch []Message, raw jetstream.Msg) []Message {
	m, err := messageOf(raw)
	if err != nil {
		r.log.Error("message without metadata", "error", err)
		return batch
	}
	if m.Sequence <= r.position.Sequence {
		return batch
	}
	if gap := m.Sequence - r.position.Sequence - 1; gap > 0 && r.position.Sequence > 0 {
		r.metrics.skipped.Add(int(gap))
		r.log.Error("stream dropped messages before they were read", "count", gap, "position", r.position.Sequence)
	}
	r.position.Sequence = m.Sequence
	r.metrics.position.Set(m.Sequence)
	r.metrics.storedAt.Set(m.StoredAt)
	return append(batch, m)
}

// commit makes a batch durable.
func (r *runner) commit(ctx context.Context, c commit) error {
	if err := r.publish(ctx, c.work.Outputs); err != nil {
		return err
	}
	if err := r.retry(ctx, "save state", func() error { return r.Store.save(ctx, c.work.States) }); err != nil {
		return err
	}
	position := Position{Stream: r.position.Stream, Sequence: c.position}
	if err := r.retry(ctx, "save position", func() error { return r.Store.savePosition(ctx, r.Name, position) }); err != nil {
		return err
	}
	r.metrics.outputs.Add(len(c.work.Outputs))
	r.metrics.batch.UpdateDuration(c.began)
	return nil
}

// retry calls do until it succeeds or the context ends.
func (r *runner) retry(ctx context.Context, what string, do func() error) error {
	for attempt := 0; ; attempt++ {
		err := do()
		if err == nil {
			if attempt > 0 {
				r.bus.telemetry.Ready(r.Name, nil)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.metrics.retries.Inc()
		r.bus.telemetry.Ready(r.Name, fmt.Errorf("%s: %w", what, err))
		r.log.Warn("trying again", "step", what, "attempt", attempt+1, "error", err)
		if err := pause(ctx, backoff(attempt)); err != nil {
			return err
		}
	}
}
