package event

import (
	"errors"
	"fmt"
	"time"

	"headstart/event/wire"
)

// ChangesEncoder turns changes into messages. It keeps scratch space, so one
// serves one goroutine.
type ChangesEncoder struct {
	w              wire.Writer
	joined, packed []byte
}

// Append appends the message of one snapshot's changes, or of one part.
func (e *ChangesEncoder) Append(dst []byte, c *Changes) ([]byte, error) {
	if err := c.check(); err != nil {
		return dst, fmt.Errorf("encode changes: %w", err)
	}
	e.w.Reset(e.joined[:0])
	for i := range c.Connections {
		writeConnection(&e.w, &c.Connections[i], c.ObservedAt)
	}
	e.joined = e.w.Bytes()
	var err error
	if e.packed, err = compress(e.packed, e.joined); err != nil {
		return dst, fmt.Errorf("encode changes: %w", err)
	}
	e.w.Reset(dst)
	e.writeMessage(c)
	return e.w.Bytes(), nil
}

func (e *ChangesEncoder) writeMessage(c *Changes) {
	w := &e.w
	writeHeader(w, 17)
	writeNames(w, c.SnapshotID())
	w.String("at")
	writeTime(w, c.ObservedAt)
	w.String("previous")
	writeTime(w, c.PreviousAt)
	w.String("interval")
	w.Int(int64(c.Interval))
	w.String("offset")
	w.Int(int64(c.ClockOffset))
	w.String("addresses")
	writeAddresses(w, c.Addresses)
	w.String("roles")
	w.Strings(c.Roles)
	w.String("open")
	w.Uint(uint64(c.Open))
	w.String("listening")
	w.Uint(uint64(c.Listening))
	w.String("missed")
	w.Uint(c.Missed)
	w.String("rejected")
	w.Uint(uint64(c.Rejected))
	writeRows(w, c.Part, c.Parts, "count", len(c.Connections), "connections", e.packed)
}

// Parts returns the changes as messages of at most limit bytes: one, unless
// they are too many. It sets Part and Parts.
func (e *ChangesEncoder) Parts(c *Changes, limit int) ([][]byte, error) {
	all := c.Connections
	defer func() { c.Connections = all }()
	return inParts("changes", limit, func(part, parts int) ([]byte, error) {
		c.Part, c.Parts = uint16(part+1), uint16(parts)
		c.Connections = all[part*len(all)/parts : (part+1)*len(all)/parts]
		return e.Append(nil, c)
	})
}

func (c *Changes) check() error {
	if err := checkNames(c.Host, c.BootID, c.Run, c.Roles); err != nil {
		return err
	}
	switch {
	case c.Host == "":
		return errors.New("no host")
	case c.ObservedAt.IsZero():
		return errors.New("no observed-at")
	case len(c.Addresses) > MaxAddresses:
		return fmt.Errorf("%d addresses, more than %d", len(c.Addresses), MaxAddresses)
	case len(c.Connections) > MaxRows:
		return fmt.Errorf("%d connections in a message, more than %d: %w", len(c.Connections), MaxRows, errTooMany)
	case c.Part < 1 || c.Part > c.Parts || c.Parts > MaxParts:
		return fmt.Errorf("part %d of %d", c.Part, c.Parts)
	}
	return nil
}

// connectionFields is how many entries a connection's array has. A reader
// skips what a newer writer adds behind them.
const connectionFields = 18

func writeConnection(w *wire.Writer, c *Connection, base time.Time) {
	w.Array(connectionFields)
	w.Uint(uint64(c.Kind))
	w.Binary(c.ID[:])
	writeAddress(w, c.Local)
	w.Uint(uint64(c.LocalPort))
	writeAddress(w, c.Remote)
	w.Uint(uint64(c.RemotePort))
	w.Uint(uint64(c.State))
	w.Uint(uint64(c.Retransmits))
	w.Uint(uint64(c.UID))
	w.Uint(c.Inode)
	w.Uint(uint64(c.Direction))
	w.Uint(uint64(c.DirectionFrom))
	writeSince(w, base, c.OpenedAfter)
	writeSince(w, base, c.OpenedBefore)
	writeSince(w, base, c.SeenUntil)
	writeSince(w, base, c.ClosedAfter)
	writeSince(w, base, c.ClosedBefore)
	w.Uint(uint64(c.Reason))
}

// writeSince writes a time as its distance to base, which compresses better
// than a time; nil for the zero time.
func writeSince(w *wire.Writer, base, t time.Time) {
	if t.IsZero() {
		w.Nil()
		return
	}
	w.Int(int64(t.Sub(base)))
}
