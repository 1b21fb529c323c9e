package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// outputStream is one of a stage's output streams and what the stage knows of it.
//
// Each output is conditional on the one before, and every instance of a stage
// computes the same outputs: as long as nobody else writes to the stream, the
// nth output can only become its nth message. So the server rejects what would
// be out of order: the rest of a batch after a message that was lost with a
// connection, and a batch of an instance that has fallen behind, however long
// ago it was computed. After a rejection or a failure the stage reads back what
// is stored and publishes the rest. The streams are independent: a stage can be
// killed while it publishes to any of them.
type outputStream struct {
	*runner
	stream string
	prefix string // of the subjects in the stream

	known bool              // last is valid
	last  uint64            // last sequence of the stream
	seen  uint64            // sequence up to which it was read back
	found map[string]uint64 // stored ids beyond the saved position, with their sources
}

func newOutputStream(r *runner, stream string) (*outputStream, error) {
	l, ok := layout[stream]
	if !ok {
		return nil, fmt.Errorf("output stream %s: not found", stream)
	}
	prefix, _, _ := strings.Cut(l.subject, "*")
	return &outputStream{runner: r, stream: stream, prefix: prefix, found: map[string]uint64{}}, nil
}

func (out *outputStream) takes(o Output) bool { return strings.HasPrefix(o.Subject, out.prefix) }

// publish publishes those outputs of this stream that aren't stored yet, and
// returns when the server has stored all of them.
func (out *outputStream) publish(ctx context.Context, c commit, outputs []Output) error {
	if !slices.ContainsFunc(outputs, out.takes) {
		return nil
	}
	if !out.known {
		if err := out.readBack(ctx, c); err != nil {
			return err
		}
	}
	done := out.done(c)
	messages, sent := make([]*nats.Msg, 0, len(outputs)), make([]Output, 0, len(outputs))
	for _, o := range outputs {
		if _, ok := out.found[o.ID]; !ok && o.Source > done && out.takes(o) {
			messages, sent = append(messages, out.message(c, o)), append(sent, o)
		}
	}
	out.known = false
	acks, err := publisher{bus: out.bus, after: out.last, ackEach: true}.publish(ctx, messages)
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

// done returns the message of the input up to which everything is known to be
// published before a batch.
func (r *runner) done(c commit) uint64 {
	if saved := r.Store.positions[r.Name]; !c.back && saved.Stream.Equal(c.position.Stream) {
		return max(saved.Sequence, c.after.Sequence)
	}
	return c.after.Sequence
}

// readBackLimit bounds the messages that a stage reads back. It can't have
// published more than its batches in flight.
const readBackLimit = 100_000

// readBack finds the outputs that the stream already has, from its end to where
// it was read before. They are in the order of the input, so the first output of
// a message that is done ends the search.
func (out *outputStream) readBack(ctx context.Context, c commit) error {
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
		out.log.Info("found outputs that an earlier process published", "stream", out.stream, "count", n)
	}
	out.last, out.seen, out.known = state.LastSeq, state.LastSeq, true
	return nil
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
