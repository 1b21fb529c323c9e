package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// outlet is one of a stage's output streams, and what is known of it.
//
// The outputs to a stream are a chain, and every instance of a stage has the
// same: as long as nobody else writes to the stream, the nth output can only
// become its nth message. So the server refuses what would come out of order:
// the rest of a batch after a message that was lost with a connection, and a
// batch from an instance that has fallen behind, however long ago it was
// computed. After a refusal or a failure the stage reads back what is stored
// and publishes the rest. Each stream is a chain of its own, so it doesn't
// matter in which of them a stage was when it died.
type outlet struct {
	*runner
	stream string
	prefix string // of the subjects that it takes

	known bool              // last is true
	last  uint64            // its last sequence
	seen  uint64            // up to where it was read back
	found map[string]uint64 // ids that are in it beyond the saved position, with their sources
}

func newOutlet(r *runner, stream string) (*outlet, error) {
	l, ok := layout[stream]
	if !ok {
		return nil, fmt.Errorf("output: there is no stream %s", stream)
	}
	prefix, _, _ := strings.Cut(l.subject, "*")
	return &outlet{runner: r, stream: stream, prefix: prefix, found: map[string]uint64{}}, nil
}

func (out *outlet) takes(o Output) bool { return strings.HasPrefix(o.Subject, out.prefix) }

// publish publishes, of the outputs that go to this stream, what an earlier
// life has not, and returns when the server has stored all of it.
func (out *outlet) publish(ctx context.Context, c commit, outputs []Output) error {
	if !slices.ContainsFunc(outputs, out.takes) {
		return nil
	}
	if !out.known {
		if err := out.readBack(ctx, c); err != nil {
			return err
		}
	}
	done := out.done(c)
	rest := chain{after: out.last, messages: make([]*nats.Msg, 0, len(outputs)), each: true}
	sent := make([]Output, 0, len(outputs))
	for _, o := range outputs {
		if _, ok := out.found[o.ID]; !ok && o.Source > done && out.takes(o) {
			rest.messages, sent = append(rest.messages, out.message(c, o)), append(sent, o)
		}
	}
	out.known = false
	acks, err := rest.publish(ctx, out.bus)
	if err != nil {
		for i, ack := range acks {
			if ack != nil {
				out.found[sent[i].ID] = sent[i].Source
			}
		}
		return err
	}
	maps.DeleteFunc(out.found, func(_ string, source uint64) bool { return source <= c.position.Sequence })
	if n := len(acks); n > 0 {
		out.last, out.seen = acks[n-1].Sequence, acks[n-1].Sequence
		out.known = !acks[n-1].Duplicate
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

// readBack notes which outputs are in the stream already, from its end to where
// it was read before. They are there in the order of the input, so the first
// from a message that is done with ends the search.
func (out *outlet) readBack(ctx context.Context, c commit) error {
	stream, err := out.bus.js.Stream(ctx, out.stream)
	if err != nil {
		return fmt.Errorf("read back %s: %w", out.stream, err)
	}
	state, done, before := stream.CachedInfo().State, out.done(c), len(out.found)
	first := max(state.FirstSeq, 1)
	if out.seen < state.LastSeq {
		first = max(first, out.seen+1)
	}
	for sequence := state.LastSeq; sequence >= first && state.LastSeq-sequence < readBackLimit; sequence-- {
		m, err := stream.GetMsg(ctx, sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read back %s: message %d: %w", out.stream, sequence, err)
		}
		o, ok := parseOrigin(m.Header)
		if !ok || o.stage != out.Name {
			continue
		}
		if !o.Stream.Equal(c.position.Stream) || o.Sequence <= done {
			break
		}
		out.found[m.Header.Get(headerID)] = o.Sequence
	}
	if n := len(out.found) - before; n > 0 {
		out.log.Info("found outputs published before", "stream", out.stream, "count", n)
	}
	out.last, out.seen, out.known = state.LastSeq, state.LastSeq, true
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
