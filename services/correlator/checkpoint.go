package correlator

import (
	"context"
	"fmt"
	"time"

	"headstart/bus"
	"headstart/event"
	"headstart/event/wire"
)

// checkpoint is the state after a message.
type checkpoint struct {
	position bus.Position
	time     time.Time // when the stream stored the message

	rules []byte // active from then on
	data  []byte
}

const (
	checkpointKey = "checkpoint"

	// checkpointMessages is after how many messages a checkpoint is made in any
	// case.
	checkpointMessages = 100_000
)

// due reports whether it is time for a checkpoint after a message.
func (c *correlator) due(last bus.Message) bool {
	if c.saved.time.IsZero() {
		c.saved.position, c.saved.time = c.appliedTo, last.StoredAt
	}
	return last.StoredAt.Sub(c.saved.time) >= c.every || last.Sequence-c.saved.position.Sequence >= checkpointMessages
}

// checkpoint returns the state as it is now, at a time of the stream; false when
// it can't be saved: then the one before stands, and the next is tried after as
// long.
func (c *correlator) checkpoint(storedAt time.Time) (bus.State, bool) {
	began := time.Now()
	rules, err := c.set.encode()
	var data []byte
	if err == nil {
		data, err = c.engine.Save()
	}
	c.saved.position, c.saved.time = c.appliedTo, storedAt
	if err != nil {
		c.log.Error("checkpoint not saved", "error", err)
		c.metrics.checkpoint(0, time.Since(began))
		return bus.State{}, false
	}
	value := checkpoint{position: c.appliedTo, time: storedAt, rules: rules, data: data}.encode()
	c.metrics.checkpoint(len(value), time.Since(began))
	return bus.State{Key: checkpointKey, Value: value}, true
}

// encode returns the saved form: a msgpack array of when the stream began, the
// message's sequence and time, the rules and the state.
func (c checkpoint) encode() []byte {
	var w wire.Writer
	w.Reset(nil)
	w.Array(5)
	w.Int(c.position.Stream.UnixNano())
	w.Uint(c.position.Sequence)
	w.Int(c.time.UnixNano())
	w.Binary(c.rules)
	w.Binary(c.data)
	return w.Bytes()
}

func decodeCheckpoint(value []byte) (checkpoint, error) {
	var r wire.Reader
	r.Reset(value)
	if n := r.Array(5); r.Err() == nil && n != 5 {
		return checkpoint{}, fmt.Errorf("checkpoint: %d fields, want 5", n)
	}
	at := func() time.Time { return time.Unix(0, r.Int()).UTC() }
	saved := checkpoint{position: bus.Position{Stream: at(), Sequence: r.Uint64()}, time: at(), rules: r.Binary(), data: r.Binary()}
	if err := r.End(); err != nil {
		return checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	return saved, nil
}

// resume brings the state to that of the previous process: it restores the
// checkpoint and replays the messages since, whose outputs are published, with the
// rules that were active then.
func (c *correlator) resume(ctx context.Context, store *bus.StateStore) error {
	value, err := store.Get(ctx, checkpointKey)
	if err != nil {
		return err
	}
	if value != nil {
		saved, err := decodeCheckpoint(value)
		if err == nil {
			c.activateSaved(saved.rules)
			err = c.engine.Restore(saved.data)
		}
		if err != nil {
			// The messages that the stream still holds rebuild the state.
			c.log.Error("checkpoint rejected: reading the stream from its beginning", "stream", event.StreamConnections, "error", err)
			c.metrics.lostCheckpoints.Inc()
		} else {
			c.saved = saved
			c.saved.data, c.saved.rules, c.appliedTo = nil, nil, saved.position
		}
	}
	committed := store.Position(stageName)
	replayFrom := uint64(1)
	if c.appliedTo.Stream.Equal(committed.Stream) {
		replayFrom = c.appliedTo.Sequence + 1
	}
	if c.publishedTo, err = c.bus.Published(ctx, stageName, event.StreamAlerts, event.StreamIncidents); err != nil {
		return err
	}
	if committed.Sequence < replayFrom {
		return nil
	}
	began, count := time.Now(), 0
	err = c.bus.Read(ctx, event.StreamConnections, replayFrom, committed.Sequence, func(m bus.Message) error {
		if !m.Stream.Equal(committed.Stream) {
			return nil // the stage starts at the beginning of the new stream
		}
		count++
		if _, err := c.apply(m); err != nil {
			c.log.Debug("skipped", "sequence", m.Sequence, "error", err)
		}
		return nil
	})
	c.log.Info("replayed the messages since the checkpoint", "count", count, "seconds", time.Since(began).Seconds())
	return err
}
