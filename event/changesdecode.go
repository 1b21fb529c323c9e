package event

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"headstart/event/wire"
)

// ChangesDecoder reads changes. It keeps scratch space, so one serves one
// goroutine.
type ChangesDecoder struct {
	r        wire.Reader
	names    Changes
	unpacked []byte
}

// Decode reads a message into c and reuses what c holds. After an error c
// holds nothing of use.
func (d *ChangesDecoder) Decode(data []byte, c *Changes) error {
	if err := d.decode(data, c); err != nil {
		return fmt.Errorf("decode changes: %w", err)
	}
	return nil
}

func (d *ChangesDecoder) decode(data []byte, c *Changes) error {
	// Only names keep their memory: a field that the message lacks must not keep
	// the value of the message before.
	d.names = Changes{Host: c.Host, BootID: c.BootID, Run: c.Run, Roles: c.Roles}
	*c = Changes{Addresses: c.Addresses[:0], Connections: c.Connections[:0]}
	var count int
	var block []byte
	r := &d.r
	err := readMessage(r, data, func(key []byte) bool {
		switch string(key) {
		case "host":
			c.Host = readName(r, d.names.Host)
		case "boot":
			c.BootID = readName(r, d.names.BootID)
		case "run":
			c.Run = readName(r, d.names.Run)
		case "seq":
			c.Sequence = r.Uint64()
		case "at":
			c.ObservedAt = readTime(r)
		case "previous":
			c.PreviousAt = readTime(r)
		case "interval":
			c.Interval = time.Duration(r.Int())
		case "offset":
			c.ClockOffset = time.Duration(r.Int())
		case "addresses":
			c.Addresses = readAddresses(r, c.Addresses[:0])
		case "roles":
			c.Roles = readNames(r, d.names.Roles)
		case "open":
			c.Open = r.Uint32()
		case "listening":
			c.Listening = r.Uint32()
		case "missed":
			c.Missed = r.Uint64()
		case "rejected":
			c.Rejected = r.Uint32()
		case "part":
			c.Part, c.Parts = readPair(r)
		case "count":
			count = int(r.Int())
		case "connections":
			block = r.Binary()
		default:
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	if d.unpacked, err = decompress(d.unpacked, block); err != nil {
		return fmt.Errorf("connections: %w", err)
	}
	rest := d.unpacked
	if count < 0 || count > MaxRows || count*connectionFields > len(rest) {
		return fmt.Errorf("%d connections announced in %d bytes", count, len(rest))
	}
	d.r.Reset(d.unpacked)
	c.Connections = slices.Grow(c.Connections, count)[:count]
	for i := range c.Connections {
		if err := readConnection(&d.r, &c.Connections[i], c.ObservedAt); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	if err := d.r.End(); err != nil {
		return fmt.Errorf("%w after the last connection", err)
	}
	return c.check()
}

func readConnection(r *wire.Reader, c *Connection, base time.Time) error {
	fields := r.Array(math.MaxInt32)
	if r.Err() == nil && fields < connectionFields {
		return fmt.Errorf("%d fields, want %d", fields, connectionFields)
	}
	*c = Connection{
		Kind:          Kind(r.Uint8()),
		ID:            readID(r),
		Local:         readAddress(r),
		LocalPort:     r.Uint16(),
		Remote:        readAddress(r),
		RemotePort:    r.Uint16(),
		State:         State(r.Uint8()),
		Retransmits:   r.Uint8(),
		UID:           r.Uint32(),
		Inode:         r.Uint64(),
		Direction:     Direction(r.Uint8()),
		DirectionFrom: DirectionSource(r.Uint8()),
		OpenedAfter:   readSince(r, base),
		OpenedBefore:  readSince(r, base),
		SeenUntil:     readSince(r, base),
		ClosedAfter:   readSince(r, base),
		ClosedBefore:  readSince(r, base),
		Reason:        Reason(r.Uint8()),
	}
	for range fields - connectionFields {
		r.Skip()
	}
	if r.Err() != nil {
		return r.Err()
	}
	switch {
	case c.Kind < Listening || c.Kind > Closed:
		return fmt.Errorf("kind %d", c.Kind)
	case !c.State.Valid():
		return fmt.Errorf("%v", c.State)
	case c.Direction > Outbound || c.DirectionFrom > FromPorts || c.Reason > PortReused:
		return fmt.Errorf("direction %d from %d, reason %d", c.Direction, c.DirectionFrom, c.Reason)
	case c.OpenedBefore.IsZero():
		return errors.New("no opened-before")
	case c.Kind == Closed && (c.ClosedAfter.IsZero() || c.ClosedBefore.IsZero()):
		return errors.New("closed without bounds")
	}
	return nil
}

func readID(r *wire.Reader) (id ConnectionID) {
	raw := r.Binary()
	if len(raw) != len(id) {
		r.Fail(fmt.Errorf("a connection id of %d bytes", len(raw)))
	}
	copy(id[:], raw)
	return id
}

func readSince(r *wire.Reader, base time.Time) time.Time {
	if r.Nil() {
		return time.Time{}
	}
	n := r.Int()
	return base.Add(time.Duration(n))
}
