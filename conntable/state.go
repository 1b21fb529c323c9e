package conntable

import (
	"fmt"
	"slices"

	"headstart/event"
	"headstart/event/column"
	"headstart/event/wire"

	"github.com/klauspost/compress/s2"
)

// stateVersion is the first byte of a saved table.
const stateVersion = 1

// Codec saves and restores tables. It keeps scratch space, so one serves one
// goroutine.
type Codec struct {
	w        wire.Writer
	r        wire.Reader
	snapshot event.SnapshotDecoder
	part     event.Snapshot
	columns  [4][]byte
	joined   []byte
	packed   []byte
	values   []uint64
}

// Append appends the saved form of a table. messages are those of the table's
// snapshot, one or its parts in order: rows are saved as they were received,
// which costs a copy and no encoding.
func (c *Codec) Append(dst []byte, t *Table, messages ...[]byte) []byte {
	w := &c.w
	c.packEntries(t.entries)
	w.Reset(append(dst, stateVersion))
	w.Array(len(messages))
	for _, m := range messages {
		w.Binary(m)
	}
	w.Strings(t.pastBoots)
	w.Strings(t.pastRuns)
	w.Int(t.offset.since)
	w.Int(t.offset.current)
	w.Int(t.offset.last)
	w.Binary(c.packed)
	return w.Bytes()
}

// packEntries puts entries into c.packed: columns, compressed.
func (c *Codec) packEntries(entries []entry) {
	for i := range c.columns {
		c.columns[i] = c.columns[i][:0]
	}
	var last int64
	for i := range entries {
		l := &entries[i]
		c.columns[0] = append(c.columns[0], byte(l.kind)|byte(l.side)<<3|byte(l.directionFrom)<<5)
		c.columns[1] = column.AppendDelta(c.columns[1], uint64(last), uint64(l.first))
		c.columns[2] = column.AppendDelta(c.columns[2], uint64(l.first), uint64(l.opened))
		c.columns[3] = column.AppendDelta(c.columns[3], uint64(l.first), uint64(l.after))
		last = l.first
	}
	c.w.Reset(c.joined[:0])
	for i := range c.columns {
		c.w.Binary(c.columns[i])
	}
	c.joined = c.w.Bytes()
	c.packed = s2.Encode(c.packed, c.joined)
}

// Restore reads what Append wrote.
func (c *Codec) Restore(state []byte) (*Table, error) {
	t := new(Table)
	if err := c.restore(t, state); err != nil {
		return nil, fmt.Errorf("restore table: %w", err)
	}
	return t, nil
}

func (c *Codec) restore(t *Table, b []byte) error {
	if len(b) == 0 || b[0] != stateVersion {
		return fmt.Errorf("%w: saved by another version of this program", event.ErrVersion)
	}
	r := &c.r
	r.Reset(b[1:])
	parts := r.Array(event.MaxParts)
	if r.Err() == nil && parts == 0 {
		return fmt.Errorf("0 parts of a snapshot, want 1 to %d", event.MaxParts)
	}
	for i := range parts {
		message := r.Binary()
		if r.Err() != nil {
			break
		}
		if err := c.snapshot.Decode(message, &c.part); err != nil {
			return err
		}
		id := c.part.ID()
		if i > 0 && id != t.At() || int(c.part.Part) != i+1 || int(c.part.Parts) != parts {
			return fmt.Errorf("message %d of %d is part %d of %d of %s", i+1, parts, c.part.Part, c.part.Parts, id)
		}
		t.host, t.bootID, t.run, t.sequence = id.Host, id.BootID, id.Run, id.Sequence
		t.rows = append(t.rows, c.part.Sockets...)
	}
	t.uptime, t.takenAt = int64(c.part.Uptime), c.part.TakenAt.UnixNano()
	t.pastBoots, t.pastRuns = r.Strings(keptBoots), r.Strings(keptRuns)
	t.offset = offset{since: r.Int(), current: r.Int(), last: r.Int()}
	packed := r.Binary()
	if err := r.End(); err != nil {
		return err
	}
	return c.restoreEntries(t, packed)
}

// maxEntry is how many bytes an entry takes at most: flags and three varints.
const maxEntry = 1 + 3*10

func (c *Codec) restoreEntries(t *Table, packed []byte) error {
	n := len(t.rows)
	size, err := s2.DecodedLen(packed)
	if err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	if most := n*maxEntry + len(c.columns)*5; size > most {
		return fmt.Errorf("entries of %d rows unpack to %d bytes, more than %d", n, size, most)
	}
	if c.joined, err = s2.Decode(c.joined[:cap(c.joined)], packed); err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	var columns [len(c.columns)][]byte
	c.r.Reset(c.joined)
	for i := range columns {
		columns[i] = c.r.Binary()
	}
	if err := c.r.End(); err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	if len(columns[0]) != n {
		return fmt.Errorf("entries of %d rows in a table of %d", len(columns[0]), n)
	}
	t.entries = make([]entry, n)
	c.values = slices.Grow(c.values[:0], n)[:n]
	if err := column.Deltas(c.values, columns[1]); err != nil {
		return fmt.Errorf("entries: first seen: %w", err)
	}
	for i, first := range c.values {
		flags := columns[0][i]
		t.entries[i] = entry{first: int64(first), kind: kind(flags & 7), direction: direction{event.Direction(flags >> 3 & 3), event.DirectionSource(flags >> 5)}}
	}
	if err := column.Differences(c.values, columns[2]); err != nil {
		return fmt.Errorf("entries: opened: %w", err)
	}
	for i, v := range c.values {
		t.entries[i].opened = t.entries[i].first + int64(v)
	}
	if err := column.Differences(c.values, columns[3]); err != nil {
		return fmt.Errorf("entries: after: %w", err)
	}
	for i, v := range c.values {
		l := &t.entries[i]
		l.after = l.first + int64(v)
		if !l.valid(t.uptime) {
			return fmt.Errorf("entry %d: %+v at uptime %d", i, *l, t.uptime)
		}
		switch l.kind {
		case open:
			t.open++
		case listens:
			t.listening++
		}
	}
	return nil
}

// valid reports whether a table at an uptime can hold such an entry.
func (l *entry) valid(uptime int64) bool {
	return l.kind < kinds && l.side <= event.Outbound && l.directionFrom <= event.FromPorts &&
		unknown <= l.after && l.after <= l.opened && l.opened <= uptime && 0 < l.first && l.first <= uptime
}
