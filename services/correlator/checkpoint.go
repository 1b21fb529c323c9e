package correlator

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"headstart/bus"
	"headstart/event"
)

// checkpoint is the whole state as it was after a message.
type checkpoint struct {
	at   bus.Position
	time time.Time // when the stream stored the message
	data []byte
}

const (
	checkpointKey = "checkpoint"

	// checkpointMessages is after how many messages a checkpoint is made in any
	// case.
	checkpointMessages = 100_000
)

// checkpoint returns the state to save after a batch, if it is time.
func (c *correlator) checkpoint(last bus.Message) (bus.State, bool) {
	if c.saved.time.IsZero() {
		c.saved.at, c.saved.time = c.at, last.StoredAt
	}
	if last.StoredAt.Sub(c.saved.time) < c.every && last.Sequence-c.saved.at.Sequence < checkpointMessages {
		return bus.State{}, false
	}
	began := time.Now()
	data, err := c.correlation.Save()
	if err != nil {
		// The one before stands; the next one is tried after as long.
		c.log.Error("checkpoint not saved", "error", err)
	}
	c.saved.at, c.saved.time = c.at, last.StoredAt
	c.metrics.checkpoint(len(data), time.Since(began))
	if err != nil {
		return bus.State{}, false
	}
	header := binary.BigEndian.AppendUint64(nil, uint64(c.at.Stream.UnixNano()))
	header = binary.BigEndian.AppendUint64(header, c.at.Sequence)
	header = binary.BigEndian.AppendUint64(header, uint64(last.StoredAt.UnixNano()))
	return bus.State{Key: checkpointKey, Value: append(header, data...)}, true
}

const checkpointHeader = 24

func decodeCheckpoint(value []byte) (checkpoint, error) {
	if len(value) < checkpointHeader {
		return checkpoint{}, fmt.Errorf("a checkpoint of %d bytes", len(value))
	}
	nanoseconds := func(b []byte) time.Time { return time.Unix(0, int64(binary.BigEndian.Uint64(b))).UTC() }
	return checkpoint{
		at:   bus.Position{Stream: nanoseconds(value), Sequence: binary.BigEndian.Uint64(value[8:])},
		time: nanoseconds(value[16:]), data: value[checkpointHeader:],
	}, nil
}

// resume brings the state to where the last life had got: what it had saved,
// and the messages since, from which everything that follows is published.
func (c *correlator) resume(ctx context.Context, store *bus.Store) error {
	value, err := store.Get(ctx, checkpointKey)
	if err != nil {
		return err
	}
	if value != nil {
		saved, err := decodeCheckpoint(value)
		if err == nil {
			err = c.correlation.Restore(saved.data)
		}
		if err != nil {
			// It can be made again of the messages that are still there.
			c.log.Error("checkpoint is unusable, reading the stream from its beginning", "stream", event.StreamConnections, "error", err)
			c.metrics.lostCheckpoints.Inc()
		} else {
			c.saved = saved
			c.saved.data, c.at = nil, saved.at
		}
	}
	position := store.Position(stageName)
	from := uint64(1)
	if c.at.Stream.Equal(position.Stream) {
		from = c.at.Sequence + 1
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
