package event

import (
	"errors"
	"fmt"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// ChangesDecoder reads changes. It keeps scratch space, so one serves one
// goroutine.
type ChangesDecoder struct {
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
	// Names keep their strings for readName; a field that the message lacks
	// must not keep the last message's value.
	old := *c
	*c = Changes{Addresses: c.Addresses[:0], Connections: c.Connections[:0]}
	var count int
	var block []byte
	err := readMap(data, func(key, rest []byte) (_ []byte, err error) {
		switch string(key) {
		case "host":
			c.Host = old.Host
			return readName(&c.Host, rest)
		case "boot":
			c.BootID = old.BootID
			return readName(&c.BootID, rest)
		case "run":
			c.Run = old.Run
			return readName(&c.Run, rest)
		case "seq":
			c.Sequence, rest, err = msgp.ReadUint64Bytes(rest)
		case "at":
			return readTime(&c.ObservedAt, rest)
		case "previous":
			return readTime(&c.PreviousAt, rest)
		case "interval":
			return readDuration(&c.Interval, rest)
		case "offset":
			return readDuration(&c.ClockOffset, rest)
		case "addresses":
			return readAddresses(&c.Addresses, rest)
		case "roles":
			c.Roles = old.Roles
			return readNames(&c.Roles, rest)
		case "open":
			c.Open, rest, err = msgp.ReadUint32Bytes(rest)
		case "listening":
			c.Listening, rest, err = msgp.ReadUint32Bytes(rest)
		case "missed":
			c.Missed, rest, err = msgp.ReadUint64Bytes(rest)
		case "rejected":
			c.Rejected, rest, err = msgp.ReadUint32Bytes(rest)
		case "part":
			c.Part, c.Parts, rest, err = readPart(rest)
		case "count":
			count, rest, err = msgp.ReadIntBytes(rest)
		case "connections":
			block, rest, err = msgp.ReadBytesZC(rest)
		default:
			return nil, errUnknownField
		}
		return rest, err
	})
	if err != nil {
		return err
	}
	if d.unpacked, err = unpack(d.unpacked, block); err != nil {
		return fmt.Errorf("connections: %w", err)
	}
	rest := d.unpacked
	if count < 0 || count > MaxRows || count*connectionFields > len(rest) {
		return fmt.Errorf("%d connections announced in %d bytes", count, len(rest))
	}
	for i := range count {
		var one Connection
		if rest, err = readConnection(&one, rest, c.ObservedAt); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		c.Connections = append(c.Connections, one)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes after the last connection", len(rest))
	}
	return c.check()
}

func readConnection(c *Connection, b []byte, base time.Time) ([]byte, error) {
	fields, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil {
		return nil, err
	}
	if fields < connectionFields {
		return nil, fmt.Errorf("%d fields, want %d", fields, connectionFields)
	}
	r := fieldReader{rest: b}
	c.Kind = Kind(r.uint8())
	r.id(&c.ID)
	r.address(&c.Local)
	c.LocalPort = r.uint16()
	r.address(&c.Remote)
	c.RemotePort = r.uint16()
	c.State = State(r.uint8())
	c.Retransmits = r.uint8()
	c.UID = r.uint32()
	c.Inode = r.uint64()
	c.Direction = Direction(r.uint8())
	c.DirectionFrom = DirectionSource(r.uint8())
	c.OpenedAfter = r.since(base)
	c.OpenedBefore = r.since(base)
	c.SeenUntil = r.since(base)
	c.ClosedAfter = r.since(base)
	c.ClosedBefore = r.since(base)
	c.Reason = Reason(r.uint8())
	for range fields - connectionFields {
		r.skip()
	}
	if r.err != nil {
		return nil, r.err
	}
	switch {
	case c.Kind < Listening || c.Kind > Closed:
		return nil, fmt.Errorf("kind %d", c.Kind)
	case !c.State.Valid():
		return nil, fmt.Errorf("%v", c.State)
	case c.Direction > Outbound || c.DirectionFrom > FromPorts || c.Reason > PortReused:
		return nil, fmt.Errorf("direction %d from %d, reason %d", c.Direction, c.DirectionFrom, c.Reason)
	case c.OpenedBefore.IsZero():
		return nil, errors.New("no opened-before")
	case c.Kind == Closed && (c.ClosedAfter.IsZero() || c.ClosedBefore.IsZero()):
		return nil, errors.New("closed without bounds")
	}
	return r.rest, nil
}

// fieldReader reads msgpack values until one is wrong; the error stays.
type fieldReader struct {
	rest []byte
	err  error
}

func (r *fieldReader) uint64() (v uint64) {
	if r.err == nil {
		v, r.rest, r.err = msgp.ReadUint64Bytes(r.rest)
	}
	return v
}

func (r *fieldReader) below(limit uint64) uint64 {
	v := r.uint64()
	if r.err == nil && v >= limit {
		r.err = fmt.Errorf("%d where less than %d is allowed", v, limit)
	}
	return v
}

func (r *fieldReader) uint8() uint8   { return uint8(r.below(1 << 8)) }
func (r *fieldReader) uint16() uint16 { return uint16(r.below(1 << 16)) }
func (r *fieldReader) uint32() uint32 { return uint32(r.below(1 << 32)) }

func (r *fieldReader) id(to *ConnectionID) {
	if r.err != nil {
		return
	}
	var id []byte
	if id, r.rest, r.err = msgp.ReadBytesZC(r.rest); r.err == nil && len(id) != len(to) {
		r.err = fmt.Errorf("a connection id of %d bytes", len(id))
	}
	copy(to[:], id)
}

func (r *fieldReader) address(to *Address) {
	if r.err == nil {
		r.rest, r.err = readAddress(to, r.rest)
	}
}

func (r *fieldReader) since(base time.Time) time.Time {
	if r.err != nil {
		return time.Time{}
	}
	if msgp.IsNil(r.rest) {
		r.rest, r.err = msgp.ReadNilBytes(r.rest)
		return time.Time{}
	}
	var n int64
	n, r.rest, r.err = msgp.ReadInt64Bytes(r.rest)
	return base.Add(time.Duration(n))
}

func (r *fieldReader) skip() {
	if r.err == nil {
		r.rest, r.err = msgp.Skip(r.rest)
	}
}
