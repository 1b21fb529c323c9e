package event

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"headstart/event/column"
	"headstart/event/wire"
)

// SnapshotDecoder reads snapshots. It keeps scratch space, so one serves one
// goroutine.
type SnapshotDecoder struct {
	r        wire.Reader
	names    Snapshot
	unpacked []byte
	values   []uint64 // of one column
}

// Decode reads a message into s and reuses what s holds, so that a stream of
// snapshots costs no allocation a row. After an error s holds nothing of use.
func (d *SnapshotDecoder) Decode(data []byte, s *Snapshot) error {
	if err := d.decode(data, s); err != nil {
		return fmt.Errorf("decode snapshot: %w", err)
	}
	return nil
}

func (d *SnapshotDecoder) decode(data []byte, s *Snapshot) error {
	// Only names keep their memory: a field that the message lacks must not keep
	// the value of the message before.
	d.names = Snapshot{Host: s.Host, BootID: s.BootID, Run: s.Run, Roles: s.Roles}
	*s = Snapshot{Addresses: s.Addresses[:0], Sockets: s.Sockets[:0]}
	var rows int
	var block []byte
	r := &d.r
	err := readMessage(r, data, func(key []byte) bool {
		switch string(key) {
		case "host":
			s.Host = readName(r, d.names.Host)
		case "boot":
			s.BootID = readName(r, d.names.BootID)
		case "run":
			s.Run = readName(r, d.names.Run)
		case "seq":
			s.Sequence = r.Uint64()
		case "at":
			s.TakenAt = readTime(r)
		case "uptime":
			s.Uptime = time.Duration(r.Int())
		case "interval":
			s.Interval = time.Duration(r.Int())
		case "addresses":
			s.Addresses = readAddresses(r, s.Addresses[:0])
		case "roles":
			s.Roles = readNames(r, d.names.Roles)
		case "ephemeral":
			s.EphemeralLow, s.EphemeralHigh = readPair(r)
		case "rejected":
			s.Rejected = r.Uint32()
		case "part":
			s.Part, s.Parts = readPair(r)
		case "rows":
			rows = int(r.Int())
		case "sockets":
			block = r.Binary()
		default:
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	if rows < 0 || rows > MaxRows {
		return fmt.Errorf("%d rows, want 0 to %d", rows, MaxRows)
	}
	if d.unpacked, err = decompress(d.unpacked, block); err != nil {
		return fmt.Errorf("sockets: %w", err)
	}
	if s.Sockets, err = d.readRows(s.Sockets, d.unpacked, rows); err != nil {
		return fmt.Errorf("sockets: %w", err)
	}
	return s.check()
}

func (d *SnapshotDecoder) readRows(rows []Socket, data []byte, n int) ([]Socket, error) {
	var columns [columnCount][]byte
	d.r.Reset(data)
	for i := range columns {
		if columns[i] = d.r.Binary(); d.r.Err() != nil {
			return rows, fmt.Errorf("column %d: %w", i, d.r.Err())
		}
	}
	states, retransmits, ports := columns[columnState], columns[columnRetransmits], columns[columnRemotePort]
	if len(states) != n || len(retransmits) != n || len(ports) != 2*n {
		return rows, fmt.Errorf("%d rows announced, but columns of %d, %d and %d bytes", n, len(states), len(retransmits), len(ports))
	}
	d.values = slices.Grow(d.values[:0], n)[:n]
	rows = slices.Grow(rows[:0], n)[:n]
	err := errors.Join(
		d.readKeys(rows, &columns),
		d.readStates(rows, states, retransmits, columns[columnInode]),
		d.readOwners(rows, columns[columnUID], columns[columnRemaining]),
	)
	if err != nil {
		return rows[:0], err
	}
	return rows, nil
}

func (d *SnapshotDecoder) readKeys(rows []Socket, columns *[columnCount][]byte) error {
	for _, c := range []struct {
		name   string
		column int
		set    func(rows []Socket, values []uint64)
	}{
		{"local address", columnLocalHi, func(rows []Socket, values []uint64) {
			for i, v := range values {
				rows[i].Local.Hi = v
			}
		}},
		{"local address", columnLocalLo, func(rows []Socket, values []uint64) {
			for i, v := range values {
				rows[i].Local.Lo = v
			}
		}},
		{"remote address", columnRemoteHi, func(rows []Socket, values []uint64) {
			for i, v := range values {
				rows[i].Remote.Hi = v
			}
		}},
		{"remote address", columnRemoteLo, func(rows []Socket, values []uint64) {
			for i, v := range values {
				rows[i].Remote.Lo = v
			}
		}},
	} {
		if err := column.Deltas(d.values, columns[c.column]); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		c.set(rows, d.values)
	}
	if err := column.Deltas(d.values, columns[columnLocalPort]); err != nil {
		return fmt.Errorf("local port: %w", err)
	}
	remote := columns[columnRemotePort]
	var wide uint64
	for i, v := range d.values {
		wide |= v
		rows[i].LocalPort, rows[i].RemotePort = uint16(v), uint16(remote[2*i])|uint16(remote[2*i+1])<<8
	}
	if wide > 0xffff {
		return errors.New("a local port above 65535")
	}
	for i := 1; i < len(rows); i++ {
		if !rows[i-1].less(&rows[i]) {
			return fmt.Errorf("row %d is not sorted after the row above", i)
		}
	}
	return nil
}

func (d *SnapshotDecoder) readStates(rows []Socket, states, retransmits, inodes []byte) error {
	having := 0
	for _, s := range states {
		having += int(s >> 7)
	}
	if err := column.Deltas(d.values[:having], inodes); err != nil {
		return fmt.Errorf("inode: %w", err)
	}
	next := 0
	for i := range rows {
		r, s := &rows[i], states[i]
		r.State, r.Timer, r.Retransmits, r.Inode = State(s&0xf), Timer(s>>4&0x7), retransmits[i], 0
		if s&hasInode != 0 {
			r.Inode = d.values[next]
			next++
		}
		if !r.State.Valid() || !r.Timer.Valid() {
			return fmt.Errorf("row %d: %v, %v", i, r.State, r.Timer)
		}
	}
	return nil
}

func (d *SnapshotDecoder) readOwners(rows []Socket, uids, remaining []byte) error {
	var wide uint64
	if err := column.Deltas(d.values, uids); err != nil {
		return fmt.Errorf("uid: %w", err)
	}
	for i, v := range d.values {
		wide |= v
		rows[i].UID = uint32(v)
	}
	if err := column.Uints(d.values, remaining); err != nil {
		return fmt.Errorf("timer: %w", err)
	}
	for i, v := range d.values {
		wide |= v
		rows[i].Remaining = uint32(v)
	}
	if wide > 1<<32-1 {
		return errors.New("a uid or timer above 32 bits")
	}
	return nil
}
