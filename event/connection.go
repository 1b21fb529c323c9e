package event

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Changes is everything that changed from one snapshot to the next, in order.
// Without changes it is still the host's heartbeat and watermark.
type Changes struct {
	Host     string
	BootID   string
	Run      string
	Sequence uint64

	ObservedAt time.Time // the snapshot's taken-at, on the host's clock
	PreviousAt time.Time // of the one it was compared with, on the same clock; zero for a host's first
	Interval   time.Duration

	// ClockOffset is what to add to the host's times to get the stream's.
	ClockOffset time.Duration

	Addresses []Address
	Roles     []string

	Open      uint32 // connections open in the snapshot
	Listening uint32 // ports listened on in the snapshot
	Missed    uint64 // snapshots missing before this one, by sequence number
	Rejected  uint32 // rows of the kernel's table that could not be read

	// Part numbers the message from 1 of Parts when the changes are too many
	// for one. ObservedAt is only reached with the last part.
	Part, Parts uint16

	Connections []Connection
}

// skewed is the least clock offset that is certainly the clock's: a smaller one
// is mostly transit time.
const skewed = time.Second

// StreamTime returns a time of the host on the stream's clock.
func (c *Changes) StreamTime(t time.Time) time.Time {
	if t.IsZero() || c.ClockOffset.Abs() < skewed {
		return t
	}
	return t.Add(c.ClockOffset)
}

// SnapshotID names the snapshot that the changes answer.
func (c *Changes) SnapshotID() SnapshotID {
	return SnapshotID{c.Host, c.BootID, c.Run, c.Sequence}
}

// Kind is the kind of a change.
type Kind uint8

// The kinds of change, in the order in which one connection can have them.
const (
	Listening        Kind = iota + 1 // a port is listened on
	StoppedListening                 // and no longer
	Attempted                        // the host sent a SYN that was not answered yet
	Opened
	Closed
)

var kindNames = [...]string{
	Listening: "listening", StoppedListening: "stopped", Attempted: "attempted",
	Opened: "opened", Closed: "closed",
}

// String returns the name in lower case.
func (k Kind) String() string { return nameOf(kindNames[:], uint8(k)) }

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText undoes String.
func (k *Kind) UnmarshalText(text []byte) error {
	n, err := numberOf(kindNames[:], "kind of change", text)
	if err == nil && n == 0 {
		return errors.New("no kind of change")
	}
	*k = Kind(n)
	return err
}

// Direction is which end began a connection, as seen from the host.
type Direction uint8

// The directions. A listening socket has none.
const (
	Inbound  Direction = iota + 1 // the peer sent the SYN
	Outbound                      // the host did
)

var directionNames = [...]string{"", "inbound", "outbound"}

// String returns the name in lower case, empty for a listening socket.
func (d Direction) String() string { return nameOf(directionNames[:], uint8(d)) }

// MarshalText implements encoding.TextMarshaler.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText undoes String.
func (d *Direction) UnmarshalText(text []byte) error {
	n, err := numberOf(directionNames[:], "direction", text)
	*d = Direction(n)
	return err
}

// DirectionSource is what a direction was inferred from, most reliable first.
type DirectionSource uint8

// The sources of a direction.
const (
	FromHandshake DirectionSource = iota + 1 // the socket was seen in SYN_SENT or SYN_RECV
	FromListener                             // a listening socket covers one of the ends
	FromPorts                                // one port is in the ephemeral range; else the lower one is the service's
)

var directionSourceNames = [...]string{"", "handshake", "listener", "ports"}

// String returns the name in lower case.
func (d DirectionSource) String() string { return nameOf(directionSourceNames[:], uint8(d)) }

// MarshalText implements encoding.TextMarshaler.
func (d DirectionSource) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText undoes String.
func (d *DirectionSource) UnmarshalText(text []byte) error {
	n, err := numberOf(directionSourceNames[:], "direction source", text)
	*d = DirectionSource(n)
	return err
}

// Reason is how the end of a connection was detected.
type Reason uint8

// The reasons of a close.
const (
	Gone           Reason = iota + 1 // its row is gone; it was being closed in order
	TimedWait                        // its row is in TIME_WAIT: the close time is exact to 10 ms
	ResetOrUnknown                   // its row is gone without a trace of an orderly close
	Rebooted                         // the host rebooted
	PortReused                       // the same addresses and ports belong to another connection
)

var reasonNames = [...]string{"", "gone", "time-wait", "reset-or-unknown", "reboot", "port-reused"}

// String returns the name in lower case.
func (r Reason) String() string { return nameOf(reasonNames[:], uint8(r)) }

// MarshalText implements encoding.TextMarshaler.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText undoes String.
func (r *Reason) UnmarshalText(text []byte) error {
	n, err := numberOf(reasonNames[:], "reason", text)
	*r = Reason(n)
	return err
}

func numberOf(names []string, what string, text []byte) (uint8, error) {
	if i := slices.Index(names, string(text)); i >= 0 {
		return uint8(i), nil
	}
	return 0, fmt.Errorf("unknown %s %.64q", what, text)
}

func nameOf(names []string, n uint8) string {
	if int(n) >= len(names) {
		return fmt.Sprintf("unknown(%d)", n)
	}
	return names[n]
}

// ConnectionID identifies a connection as one host saw it. It is a hash of host,
// boot, addresses, ports and the uptime at which it was first seen.
type ConnectionID [12]byte

// String returns 24 lower-case hexadecimal digits.
func (id ConnectionID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id ConnectionID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText undoes String.
func (id *ConnectionID) UnmarshalText(text []byte) error {
	if len(text) == hex.EncodedLen(len(id)) {
		if _, err := hex.Decode(id[:], text); err == nil {
			return nil
		}
	}
	return fmt.Errorf("connection id %.64q: want 24 hexadecimal digits", text)
}

// Connection is one connection, attempt or listening socket as known at one
// change.
type Connection struct {
	Kind Kind
	ID   ConnectionID

	Local, Remote         Address
	LocalPort, RemotePort uint16
	State                 State // of the row that shows the change; for a row that is gone, the last one seen
	Retransmits           uint8
	UID                   uint32
	Inode                 uint64

	Direction     Direction
	DirectionFrom DirectionSource

	// The connection began after OpenedAfter and not later than OpenedBefore.
	// OpenedAfter is zero when nothing bounds it: it began before the
	// host's first snapshot, or two readings contradict each other.
	OpenedAfter, OpenedBefore time.Time

	// SeenUntil is when the connection is last known to have been open. A
	// connection that was first seen in TIME_WAIT was never seen open: its
	// SeenUntil is its close time.
	SeenUntil time.Time

	// What has ended did so not before ClosedAfter and not later than
	// ClosedBefore: a closed connection, a listening socket that is gone, and
	// also a connection that is Opened in TIME_WAIT. Else both are zero.
	ClosedAfter, ClosedBefore time.Time
	Reason                    Reason // of a close
}

// BeganBefore reports whether the connection began before the host's first
// snapshot, so that nothing bounds its age from above.
func (c *Connection) BeganBefore() bool { return c.OpenedAfter.IsZero() }

// Unbounded is the upper bound of a duration that nothing bounds.
const Unbounded = time.Duration(math.MaxInt64)

// Over reports whether the connection, or the listening, has ended: with this
// change, or before it was first seen.
func (c *Connection) Over() bool { return !c.ClosedBefore.IsZero() }

// Age returns the bounds of the connection's age at the time of a heartbeat, or
// of its whole duration if it has ended.
func (c *Connection) Age(at time.Time) (least, most time.Duration) {
	from, to := at, at
	if c.Over() {
		from, to = c.ClosedAfter, c.ClosedBefore
	}
	least = max(0, from.Sub(c.OpenedBefore))
	if c.BeganBefore() {
		return least, Unbounded
	}
	return least, max(least, to.Sub(c.OpenedAfter))
}

// ServicePort is the responder's port: the local one of an inbound connection
// or a listening socket, the remote one of an outbound connection.
func (c *Connection) ServicePort() uint16 {
	if c.Direction == Outbound {
		return c.RemotePort
	}
	return c.LocalPort
}

// Ends returns the originator's and the responder's address. A listening
// socket has no originator: both are its own.
func (c *Connection) Ends() (originator, responder Address) {
	switch c.Direction {
	case Outbound:
		return c.Local, c.Remote
	case Inbound:
		return c.Remote, c.Local
	default:
		return c.Local, c.Local
	}
}
