package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// publish publishes what an earlier life has not, and returns when the server
// has stored all of it.
//
// The outputs are a chain, and every instance of a stage has the same: as long
// as nobody else writes to the stream, the nth output can only become its nth
// message. So the server refuses what would come out of order: the rest of a
// batch after a message that was lost with a connection, and a batch from an
// instance that has fallen behind, however long ago it was computed. After a
// refusal or a failure the stage reads back what is stored and publishes the
// rest.
func (r *runner) publish(ctx context.Context, c commit, outputs []Output) error {
	if len(outputs) == 0 {
		return nil
	}
	if !r.known {
		if err := r.readBack(ctx, c); err != nil {
			return err
		}
	}
	done := r.done(c)
	rest := chain{after: r.last, messages: make([]*nats.Msg, 0, len(outputs)), each: true}
	sent := make([]Output, 0, len(outputs))
	for _, o := range outputs {
		if _, ok := r.found[o.ID]; !ok && o.Source > done {
			rest.messages, sent = append(rest.messages, r.message(c, o)), append(sent, o)
		}
	}
	r.known = false
	acks, err := rest.publish(ctx, r.bus)
	if err != nil {
		for i, ack := range acks {
			if ack != nil {
				r.found[sent[i].ID] = sent[i].Source
			}
		}
		return err
	}
	maps.DeleteFunc(r.found, func(_ string, source uint64) bool { return source <= c.position.Sequence })
	if n := len(acks); n > 0 {
		r.last, r.seen = acks[n-1].Sequence, acks[n-1].Sequence
		r.known = !acks[n-1].Duplicate
	}
	return nil
}

// done is up to which message of the input everything was published, as far as
// is known when a batch's turn comes.
func (r *runner) done(c commit) uint64 {
	if saved := r.Store.positions[r.Name]; !c.back && saved.Stream.Equal(c.position.Stream) {
		return max(saved.Sequence, c.after.Sequence)
	}
	return c.after.Sequence
}

// readBackLimit bounds how far back a stage looks. It can't have published
// more than its batches in flight.
const readBackLimit = 100_000

// readBack notes which outputs are in the output stream already, from its end
// to where it was read before. They are there in the order of the input, so the
// first from a message that is done with ends the search.
func (r *runner) readBack(ctx context.Context, c commit) error {
	stream, err := r.bus.js.Stream(ctx, r.Output)
	if err != nil {
		return fmt.Errorf("read back %s: %w", r.Output, err)
	}
	state, done, before := stream.CachedInfo().State, r.done(c), len(r.found)
	first := max(state.FirstSeq, 1)
	if r.seen < state.LastSeq {
		first = max(first, r.seen+1)
	}
	for sequence := state.LastSeq; sequence >= first && state.LastSeq-sequence < readBackLimit; sequence-- {
		m, err := stream.GetMsg(ctx, sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read back %s: message %d: %w", r.Output, sequence, err)
		}
		o, ok := parseOrigin(m.Header)
		if !ok || o.stage != r.Name {
			continue
		}
		if !o.Stream.Equal(c.position.Stream) || o.Sequence <= done {
			break
		}
		r.found[m.Header.Get(headerID)] = o.Sequence
	}
	if n := len(r.found) - before; n > 0 {
		r.log.Info("found outputs published before", "count", n)
	}
	r.last, r.seen, r.known = state.LastSeq, state.LastSeq, true
	return nil
}

// bury publishes dead letters. Other services write to their stream too, but
// none under the same subject: its last message tells what is there, and each
// waits for the one before.
func (r *runner) bury(ctx context.Context, c commit, outputs []Output) error {
	var last, done uint64
	for i, o := range outputs {
		if i == 0 || o.Subject != outputs[i-1].Subject {
			var err error
			if last, done, err = r.buried(ctx, c, o.Subject); err != nil {
				return err
			}
		}
		if o.Source <= done {
			continue
		}
		ack, err := r.bus.js.PublishMsg(ctx, r.message(c, o), jetstream.WithRetryAttempts(0), jetstream.WithExpectLastSequencePerSubject(last))
		if err != nil {
			return fmt.Errorf("publish to %s: %w", o.Subject, err)
		}
		last = ack.Sequence
	}
	return nil
}

// buried returns the last sequence of a dead-letter subject, and up to which
// message of the input the stage has put there what belongs there.
func (r *runner) buried(ctx context.Context, c commit, subject string) (last, done uint64, err error) {
	stream, err := r.bus.js.Stream(ctx, event.StreamDeadLetters)
	if err != nil {
		return 0, 0, fmt.Errorf("stream %s: %w", event.StreamDeadLetters, err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", subject, err)
	}
	if o, ok := parseOrigin(m.Header); ok && o.stage == r.Name && o.Stream.Equal(c.position.Stream) && !c.back {
		done = o.Sequence
	}
	return m.Sequence, done, nil
}

// inOrder sorts outputs by source and separates dead letters from the others.
func inOrder(all []Output) (outputs, dead []Output) {
	bySource := func(a, b Output) int { return cmp.Compare(a.Source, b.Source) }
	if !slices.IsSortedFunc(all, bySource) {
		slices.SortStableFunc(all, bySource)
	}
	if !slices.ContainsFunc(all, func(o Output) bool { return o.dead }) {
		return all, nil
	}
	for _, o := range all {
		if o.dead {
			dead = append(dead, o)
		} else {
			outputs = append(outputs, o)
		}
	}
	return outputs, dead
}

func (r *runner) message(c commit, o Output) *nats.Msg {
	from := origin{stage: r.Name, Position: Position{Stream: c.position.Stream, Sequence: o.Source}}
	return &nats.Msg{Subject: o.Subject, Data: o.Data, Header: nats.Header{
		headerID:     {o.ID},
		headerOrigin: {from.String()},
	}}
}

// outdated reports whether the server refused a message because another
// instance was faster.
func outdated(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) &&
		(refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// Publish publishes one message and returns when the server has stored it. The
// same id within the duplicate window is stored once. The message says when it
// was sent, so that a reader can tell the sender's clock from the time it
// waited.
func (b *Bus) Publish(ctx context.Context, o Output) error {
	_, err := b.js.PublishMsg(ctx, &nats.Msg{Subject: o.Subject, Data: o.Data, Header: nats.Header{
		headerID:   {o.ID},
		headerSent: {strconv.FormatInt(time.Now().UnixNano(), 10)},
	}}, jetstream.WithRetryAttempts(0))
	if err != nil {
		return fmt.Errorf("publish to %s: %w", o.Subject, err)
	}
	return nil
}

// MaxPayload is the largest message that the server takes, in bytes; zero
// while it isn't known.
func (b *Bus) MaxPayload() int { return int(b.nc.MaxPayload()) }
