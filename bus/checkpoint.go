package bus

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// checkpoint is what a stage saves after a batch.
type checkpoint struct {
	stage    string
	states   []State
	position Position
	back     bool // the position may be behind the saved one
	again    bool // the position may be the saved one
}

// save writes the last state of each key, then the position. It does nothing if
// the saved position is not behind (with again: is ahead).
//
// Only the owner of the bucket writes to it, until another instance takes the
// bucket over. Each write is conditional on the one before, and the last, the
// position, also on the owner. So the position is stored only after all states,
// and the state of each key is never older than the position.
func (s *StateStore) save(ctx context.Context, c checkpoint) error {
	if err := s.own(ctx, c); err != nil {
		return fmt.Errorf("bucket %s: %w", s.name, err)
	}
	if s.done(c) {
		return nil
	}
	messages, err := s.messages(ctx, c)
	if err != nil {
		return fmt.Errorf("bucket %s: %w", s.name, err)
	}
	s.owned = false
	_, err = publisher{bus: s.bus, after: s.last, ackEach: s.failing}.publish(ctx, messages)
	if s.failing = err != nil; s.failing {
		return err
	}
	s.owned = true
	s.last += uint64(len(messages))
	s.positions[c.stage] = c.position
	return nil
}

func (s *StateStore) done(c checkpoint) bool {
	saved := s.positions[c.stage]
	switch {
	case c.back:
		return false
	case c.again:
		return c.position.before(saved)
	}
	return !saved.before(c.position)
}

// own takes the bucket over unless this store owns it or the checkpoint is done.
func (s *StateStore) own(ctx context.Context, c checkpoint) (err error) {
	if s.owned {
		return nil
	}
	if s.positions[c.stage], err = s.position(ctx, c.stage); err != nil || s.done(c) {
		return err
	}
	if err := s.takeOver(ctx); err != nil {
		return err
	}
	s.positions[c.stage], err = s.position(ctx, c.stage)
	s.owned = err == nil
	return err
}

// takeOver makes this store the owner of the bucket. It writes the owner more
// than [maxPending] times: each message that the previous owner has in flight
// expects one of the next [maxPending] sequences, so the server rejects all of
// them.
func (s *StateStore) takeOver(ctx context.Context) error {
	stream, err := s.stream(ctx)
	if err != nil {
		return err
	}
	before := stream.CachedInfo().State.LastSeq
	for range maxPending {
		if err := s.bus.nc.Publish(s.subject(keyOwner), nil); err != nil {
			return err
		}
	}
	ack, err := s.bus.js.Publish(ctx, s.subject(keyOwner), nil, jetstream.WithRetryAttempts(0))
	if err != nil {
		return err
	}
	if ack.Sequence <= before+maxPending {
		return fmt.Errorf("take over: revision %d after %d: messages were lost", ack.Sequence, before)
	}
	s.last, s.owner = ack.Sequence, ack.Sequence
	clear(s.slots)
	return nil
}

func (s *StateStore) messages(ctx context.Context, c checkpoint) ([]*nats.Msg, error) {
	last := make(map[string]int, len(c.states))
	for i, state := range c.states {
		last[state.Key] = i
	}
	messages := make([]*nats.Msg, 0, len(last)+1)
	for i, state := range c.states {
		if last[state.Key] != i {
			continue
		}
		var err error
		if messages, err = s.appendState(ctx, messages, state); err != nil {
			return nil, err
		}
	}
	v := binary.BigEndian.AppendUint64(nil, uint64(c.position.Stream.UnixNano()))
	v = binary.BigEndian.AppendUint64(v, c.position.Sequence)
	return append(messages, &nats.Msg{Subject: s.subject(keyPosition + c.stage), Data: v, Header: nats.Header{
		jetstream.ExpectedLastSubjSeqHeader:     {strconv.FormatUint(s.owner, 10)},
		jetstream.ExpectedLastSubjSeqSubjHeader: {s.subject(keyOwner)},
	}}), nil
}

// appendState appends the messages of a value's chunks, if it has any, and then
// the message that activates the value.
func (s *StateStore) appendState(ctx context.Context, to []*nats.Msg, state State) ([]*nats.Msg, error) {
	key := stateKey(state.Key)
	if state.Value == nil {
		return append(to, &nats.Msg{Subject: s.subject(key), Header: nats.Header{headerOperation: {"DEL"}}}), nil
	}
	if len(state.Value) <= s.chunk {
		return append(to, &nats.Msg{Subject: s.subject(key), Data: append([]byte{entryWhole}, state.Value...)}), nil
	}
	n := (len(state.Value) + s.chunk - 1) / s.chunk
	if n > maxChunks {
		return nil, fmt.Errorf("key %q: %d bytes, more than %d chunks of %d", state.Key, len(state.Value), maxChunks, s.chunk)
	}
	slot, err := s.nextSlot(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", state.Key, err)
	}
	for i := range n {
		part := state.Value[i*s.chunk : min(len(state.Value), (i+1)*s.chunk)]
		to = append(to, &nats.Msg{Subject: s.subject(chunkKey(key, slot, i)), Data: part})
	}
	s.slots[key] = slot
	return append(to, &nats.Msg{Subject: s.subject(key), Data: binary.BigEndian.AppendUint16([]byte{entryChunks, slot}, uint16(n))}), nil
}

// nextSlot returns the slot whose chunks aren't active.
func (s *StateStore) nextSlot(ctx context.Context, key string) (byte, error) {
	slot, known := s.slots[key]
	if !known {
		entry, err := s.entry(ctx, key)
		if err != nil {
			return 0, err
		}
		if entry != nil && len(entry.Value()) == 4 && entry.Value()[0] == entryChunks {
			slot = entry.Value()[1]
		}
	}
	return slot ^ 1, nil
}

// hold makes Get return states before they are saved.
func (s *StateStore) hold(states []State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range states {
		s.unsaved[state.Key] = unsaved{state.Value, s.unsaved[state.Key].batches + 1}
	}
}

// release marks states as saved.
func (s *StateStore) release(states []State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range states {
		u := s.unsaved[state.Key]
		if u.batches--; u.batches <= 0 {
			delete(s.unsaved, state.Key)
		} else {
			s.unsaved[state.Key] = u
		}
	}
}

// forgetUnsaved drops unsaved states: their outputs may not be published, so a
// stage that runs on the store later must not see them.
func (s *StateStore) forgetUnsaved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.unsaved)
}
