package event

import (
	"errors"
	"fmt"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// ChangesEncoder turns changes into messages. It keeps scratch space, so one
// serves one goroutine.
type ChangesEncoder struct {
	joined, packed []byte
}

// Append appends the message of one snapshot's changes, or of one part.
func (e *ChangesEncoder) Append(dst []byte, c *Changes) ([]byte, error) {
	if err := c.check(); err != nil {
		return dst, fmt.Errorf("encode changes: %w", err)
	}
	e.joined = e.joined[:0]
	for i := range c.Connections {
		e.joined = appendConnection(e.joined, &c.Connections[i], c.ObservedAt)
	}
	var err error
	if e.packed, err = pack(e.packed, e.joined); err != nil {
		return dst, fmt.Errorf("encode changes: %w", err)
	}

	b := appendHeader(dst, 17)
	b = msgp.AppendString(msgp.AppendString(b, "host"), c.Host)
	b = msgp.AppendString(msgp.AppendString(b, "boot"), c.BootID)
	b = msgp.AppendString(msgp.AppendString(b, "run"), c.Run)
	b = msgp.AppendUint64(msgp.AppendString(b, "seq"), c.Sequence)
	b = appendTime(msgp.AppendString(b, "at"), c.ObservedAt)
	b = appendTime(msgp.AppendString(b, "previous"), c.PreviousAt)
	b = msgp.AppendInt64(msgp.AppendString(b, "interval"), int64(c.Interval))
	b = msgp.AppendInt64(msgp.AppendString(b, "offset"), int64(c.ClockOffset))
	b = appendAddresses(msgp.AppendString(b, "addresses"), c.Addresses)
	b = appendNames(msgp.AppendString(b, "roles"), c.Roles)
	b = msgp.AppendUint32(msgp.AppendString(b, "open"), c.Open)
	b = msgp.AppendUint32(msgp.AppendString(b, "listening"), c.Listening)
	b = msgp.AppendUint64(msgp.AppendString(b, "missed"), c.Missed)
	b = msgp.AppendUint32(msgp.AppendString(b, "rejected"), c.Rejected)
	b = msgp.AppendUint32(msgp.AppendString(b, "part"), uint32(c.Part)<<16|uint32(c.Parts))
	b = msgp.AppendInt(msgp.AppendString(b, "count"), len(c.Connections))
	b = msgp.AppendBytes(msgp.AppendString(b, "connections"), e.packed)
	return b, nil
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

func appendConnection(b []byte, c *Connection, base time.Time) []byte {
	b = msgp.AppendArrayHeader(b, connectionFields)
	b = msgp.AppendUint8(b, uint8(c.Kind))
	b = msgp.AppendBytes(b, c.ID[:])
	b = appendAddress(b, c.Local)
	b = msgp.AppendUint16(b, c.LocalPort)
	b = appendAddress(b, c.Remote)
	b = msgp.AppendUint16(b, c.RemotePort)
	b = msgp.AppendUint8(b, uint8(c.State))
	b = msgp.AppendUint8(b, c.Retransmits)
	b = msgp.AppendUint32(b, c.UID)
	b = msgp.AppendUint64(b, c.Inode)
	b = msgp.AppendUint8(b, uint8(c.Direction))
	b = msgp.AppendUint8(b, uint8(c.DirectionFrom))
	b = appendSince(b, base, c.OpenedAfter)
	b = appendSince(b, base, c.OpenedBefore)
	b = appendSince(b, base, c.SeenUntil)
	b = appendSince(b, base, c.ClosedAfter)
	b = appendSince(b, base, c.ClosedBefore)
	return msgp.AppendUint8(b, uint8(c.Reason))
}

// appendSince appends a time as its distance to base, which compresses better
// than a time; nil for the zero time.
func appendSince(b []byte, base, t time.Time) []byte {
	if t.IsZero() {
		return msgp.AppendNil(b)
	}
	return msgp.AppendInt64(b, int64(t.Sub(base)))
}
