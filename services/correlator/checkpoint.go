package correlator

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"headstart/bus"
	"headstart/event"
)

// checkpoint is the whole state as it was after a message.
type checkpoint struct {
	at   bus.Position
	time time.Time // when the stream stored the message

	rules []byte // that were in force from then on; empty when that isn't known
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
		c.saved.at, c.saved.time = c.at, last.StoredAt
	}
	return last.StoredAt.Sub(c.saved.time) >= c.every || last.Sequence-c.saved.at.Sequence >= checkpointMessages
}

// checkpoint returns the state as it is now, at a time of the stream; false when
// it can't be saved: then the one before stands, and the next is tried after as
// long.
func (c *correlator) checkpoint(storedAt time.Time) (bus.State, bool) {
	began := time.Now()
	rules, err := c.set.encode()
	var data []byte
	if err == nil {
		data, err = c.correlation.Save()
	}
	c.saved.at, c.saved.time = c.at, storedAt
	if err != nil {
		c.log.Error("checkpoint not saved", "error", err)
		c.metrics.checkpoint(0, time.Since(began))
		return bus.State{}, false
	}
	value := binary.BigEndian.AppendUint64(nil, uint64(c.at.Stream.UnixNano()))
	value = binary.BigEndian.AppendUint64(value, c.at.Sequence)
	value = binary.BigEndian.AppendUint64(value, uint64(storedAt.UnixNano()))
	value = append(value, rulesFollow)
	value = binary.BigEndian.AppendUint32(value, uint32(len(rules)))
	value = append(append(value, rules...), data...)
	c.metrics.checkpoint(len(value), time.Since(began))
	return bus.State{Key: checkpointKey, Value: value}, true
}

const (
	checkpointHeader = 24

	// rulesFollow says that the rules that were in force come before the state,
	// after their length. Without it, which is how it was once, the state comes
	// at once, and begins otherwise.
	rulesFollow = 'R'
)

func decodeCheckpoint(value []byte) (checkpoint, error) {
	if len(value) < checkpointHeader {
		return checkpoint{}, fmt.Errorf("a checkpoint of %d bytes", len(value))
	}
	nanoseconds := func(b []byte) time.Time { return time.Unix(0, int64(binary.BigEndian.Uint64(b))).UTC() }
	saved := checkpoint{
		at:   bus.Position{Stream: nanoseconds(value), Sequence: binary.BigEndian.Uint64(value[8:])},
		time: nanoseconds(value[16:]), data: value[checkpointHeader:],
	}
	if len(saved.data) > 0 && saved.data[0] == rulesFollow {
		rest := saved.data[1:]
		if len(rest) < 4 || uint64(binary.BigEndian.Uint32(rest)) > uint64(len(rest)-4) {
			return checkpoint{}, errors.New("a checkpoint whose rules are cut off")
		}
		size := binary.BigEndian.Uint32(rest)
		saved.rules, saved.data = rest[4:4+size], rest[4+size:]
	}
	return saved, nil
}

// resume brings the state to where the last life had got: what it had saved,
// and the messages since, from which everything that follows is published. It
// does so with the rules that were in force then.
func (c *correlator) resume(ctx context.Context, store *bus.StateStore) error {
	value, err := store.Get(ctx, checkpointKey)
	if err != nil {
		return err
	}
	if value != nil {
		saved, err := decodeCheckpoint(value)
		if err == nil {
			c.useSaved(saved.rules)
			err = c.correlation.Restore(saved.data)
		}
		if err != nil {
			// It can be made again of the messages that are still there.
			c.log.Error("checkpoint is unusable, reading the stream from its beginning", "stream", event.StreamConnections, "error", err)
			c.metrics.lostCheckpoints.Inc()
		} else {
			c.saved = saved
			c.saved.data, c.saved.rules, c.at = nil, nil, saved.at
		}
	}
	position := store.Position(stageName)
	from := uint64(1)
	if c.at.Stream.Equal(position.Stream) {
		from = c.at.Sequence + 1
	}
	if c.published, err = c.bus.Published(ctx, stageName, event.StreamAlerts, event.StreamIncidents); err != nil {
		return err
	}
	if position.Sequence < from {
		return nil
	}
	began, count := time.Now(), 0
	err = c.bus.Read(ctx, event.StreamConnections, from, position.Sequence, func(m bus.Message) error {
		if !m.Stream.Equal(position.Stream) {
			return nil // the stage starts at the beginning of the new stream
		}
		count++
		if _, err := c.take(m); err != nil {
			c.log.Debug("skipped", "sequence", m.Sequence, "error", err)
		}
		return nil
	})
	c.log.Info("worked through what came since the checkpoint", "count", count, "seconds", time.Since(began).Seconds())
	return err
}
