package event

import (
	"fmt"

	"headstart/event/column"
	"headstart/event/wire"
)

// The columns of a snapshot's rows, in the order in which they are written.
// Rows are sorted by key, so most differences are small.
const (
	columnLocalHi     = iota // difference to the row above
	columnLocalLo            // the same
	columnLocalPort          // the same
	columnRemoteHi           // the same
	columnRemoteLo           // the same
	columnRemotePort         // two bytes, little-endian: mostly ephemeral, nothing to gain
	columnState              // one byte: state, timer << 4, hasInode
	columnRetransmits        // one byte
	columnRemaining          // as it is
	columnUID                // difference to the row above
	columnInode              // of rows that have one: difference to the last
	columnCount
)

const hasInode = 0x80

// SnapshotEncoder turns snapshots into messages. It keeps scratch space, so
// one serves one goroutine.
type SnapshotEncoder struct {
	w       wire.Writer
	columns [columnCount][]byte
	joined  []byte
	packed  []byte
}

// Append appends the message of one snapshot or part, whose sockets must be
// sorted by key, each key once.
func (e *SnapshotEncoder) Append(dst []byte, s *Snapshot) ([]byte, error) {
	if err := s.check(); err != nil {
		return dst, fmt.Errorf("encode snapshot: %w", err)
	}
	e.join(s.Sockets)
	var err error
	if e.packed, err = compress(e.packed, e.joined); err != nil {
		return dst, fmt.Errorf("encode snapshot: %w", err)
	}
	e.w.Reset(dst)
	e.writeMessage(s)
	return e.w.Bytes(), nil
}

func (e *SnapshotEncoder) writeMessage(s *Snapshot) {
	w := &e.w
	writeHeader(w, 14)
	writeNames(w, s.ID())
	w.String("at")
	writeTime(w, s.TakenAt)
	w.String("uptime")
	w.Int(int64(s.Uptime))
	w.String("interval")
	w.Int(int64(s.Interval))
	w.String("addresses")
	writeAddresses(w, s.Addresses)
	w.String("roles")
	w.Strings(s.Roles)
	w.String("ephemeral")
	w.Uint(pair(s.EphemeralLow, s.EphemeralHigh))
	w.String("rejected")
	w.Uint(uint64(s.Rejected))
	writeRows(w, s.Part, s.Parts, "rows", len(s.Sockets), "sockets", e.packed)
}

// Parts returns the snapshot as messages of at most limit bytes: one, unless
// the table is too large. It sets Part and Parts.
func (e *SnapshotEncoder) Parts(s *Snapshot, limit int) ([][]byte, error) {
	all := s.Sockets
	defer func() { s.Sockets = all }()
	return inParts("snapshot", limit, func(part, parts int) ([]byte, error) {
		s.Part, s.Parts = uint16(part+1), uint16(parts)
		s.Sockets = all[part*len(all)/parts : (part+1)*len(all)/parts]
		return e.Append(nil, s)
	})
}

func (s *Snapshot) check() error {
	if err := checkNames(s.Host, s.BootID, s.Run, s.Roles); err != nil {
		return err
	}
	switch {
	case s.TakenAt.Year() < 1970 || s.TakenAt.Year() > 2200:
		return fmt.Errorf("taken at %s: want a time from 1970 to 2200", s.TakenAt)
	case s.Uptime <= 0 || s.Uptime > MaxUptime:
		return fmt.Errorf("uptime %s: want more than 0 and at most %s", s.Uptime, MaxUptime)
	case s.Interval < 0:
		return fmt.Errorf("interval %s is negative", s.Interval)
	case s.Host == "" || s.BootID == "" || s.Run == "" || s.Sequence == 0:
		return fmt.Errorf("host %q, boot id %q, run %q, sequence %d: none may be missing", s.Host, s.BootID, s.Run, s.Sequence)
	case len(s.Addresses) > MaxAddresses:
		return fmt.Errorf("%d addresses, more than %d", len(s.Addresses), MaxAddresses)
	case len(s.Sockets) > MaxRows:
		return fmt.Errorf("%d sockets in a message, more than %d: %w", len(s.Sockets), MaxRows, errTooMany)
	case s.Part < 1 || s.Part > s.Parts || s.Parts > MaxParts:
		return fmt.Errorf("part %d of %d", s.Part, s.Parts)
	}
	return nil
}

func (e *SnapshotEncoder) join(rows []Socket) {
	c := &e.columns
	for i := range c {
		c[i] = c[i][:0]
	}
	var last Socket
	var inode uint64
	for i := range rows {
		r := &rows[i]
		c[columnLocalHi] = column.AppendDelta(c[columnLocalHi], last.Local.Hi, r.Local.Hi)
		c[columnLocalLo] = column.AppendDelta(c[columnLocalLo], last.Local.Lo, r.Local.Lo)
		c[columnLocalPort] = column.AppendDelta(c[columnLocalPort], uint64(last.LocalPort), uint64(r.LocalPort))
		c[columnRemoteHi] = column.AppendDelta(c[columnRemoteHi], last.Remote.Hi, r.Remote.Hi)
		c[columnRemoteLo] = column.AppendDelta(c[columnRemoteLo], last.Remote.Lo, r.Remote.Lo)
		c[columnRemotePort] = append(c[columnRemotePort], byte(r.RemotePort), byte(r.RemotePort>>8))
		state := byte(r.State) | byte(r.Timer)<<4
		if r.Inode != 0 {
			state |= hasInode
			c[columnInode] = column.AppendDelta(c[columnInode], inode, r.Inode)
			inode = r.Inode
		}
		c[columnState] = append(c[columnState], state)
		c[columnRetransmits] = append(c[columnRetransmits], r.Retransmits)
		c[columnRemaining] = column.AppendUint(c[columnRemaining], uint64(r.Remaining))
		c[columnUID] = column.AppendDelta(c[columnUID], uint64(last.UID), uint64(r.UID))
		last = *r
	}
	e.w.Reset(e.joined[:0])
	for i := range c {
		e.w.Binary(c[i])
	}
	e.joined = e.w.Bytes()
}
