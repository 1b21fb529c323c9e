package conntable

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"headstart/event"
)

// timeWait is how long a connection stays in TIME_WAIT: TCP_TIMEWAIT_LEN in
// include/net/tcp.h.
const timeWait = int64(60 * time.Second)

// timerGrain is how exact a close time is: the timer is shown in 1/100 s, and
// rows are read some milliseconds after one another.
const timerGrain = int64(20 * time.Millisecond)

// differ compares one snapshot with a table.
type differ struct {
	t         *Table
	s         *event.Snapshot
	out       []event.Connection
	listeners *listeners

	now    int64 // uptime of the snapshot
	before int64 // uptime of the one before; 0 at a boot, unknown at the first snapshot
	wall   int64 // wall clock of the snapshot at uptime 0
	bootID string

	owner  [8]byte // hash of host and boot, when hashed
	hashed bool
}

// span is when something ended: not before one uptime and not later than
// another.
type span struct{ from, to int64 }

func moment(uptime int64) span { return span{uptime, uptime} }

// meanwhile is since the last snapshot.
func (d *differ) meanwhile() span { return span{d.before, d.now} }

// at returns an uptime of this boot on the snapshot's wall clock.
func (d *differ) at(uptime int64) time.Time { return timeAt(d.wall + uptime) }

// merge walks the table's rows and the snapshot's, both sorted by key, and
// sets the entry of each row of the snapshot.
func (d *differ) merge(entries []entry) {
	old, was, rows := d.t.rows, d.t.entries, d.s.Sockets
	for len(old) > 0 && len(rows) > 0 {
		if n := unchanged(old, rows); n > 0 {
			copy(entries, was[:n])
			old, was, rows, entries = old[n:], was[n:], rows[n:], entries[n:]
			continue
		}
		switch order := old[0].CompareKey(&rows[0]); {
		case order < 0:
			d.gone(&old[0], &was[0])
			old, was = old[1:], was[1:]
		case order > 0:
			entries[0] = d.appeared(&rows[0])
			rows, entries = rows[1:], entries[1:]
		default:
			entries[0] = d.changed(&old[0], &rows[0], was[0])
			old, was, rows, entries = old[1:], was[1:], rows[1:], entries[1:]
		}
	}
	for i := range old {
		d.gone(&old[i], &was[i])
	}
	for i := range rows {
		entries[i] = d.appeared(&rows[i])
	}
}

// unchanged returns how many rows at the beginning of both are the same
// connections in the same state, which is true of most rows of most snapshots.
func unchanged(old, rows []event.Socket) int {
	n := min(len(old), len(rows))
	old, rows = old[:n], rows[:n]
	for i := range old {
		a, b := &old[i], &rows[i]
		if a.Inode != b.Inode || a.State != b.State || a.RemotePort != b.RemotePort || a.LocalPort != b.LocalPort ||
			a.Remote != b.Remote || a.Local != b.Local || a.State == event.FinWait2 && a.Timer != b.Timer {
			return i
		}
	}
	return n
}

// appeared handles a row whose key was not there before.
func (d *differ) appeared(row *event.Socket) entry {
	l := entry{first: d.now, after: d.before, opened: d.now}
	switch row.State {
	case event.Listen:
		l.kind = listens
		d.announce(event.Listening, row, &l)
	case event.SynSent:
		l.kind, l.direction = attempt, d.direct(row)
		d.announce(event.Attempted, row, &l)
	case event.SynRecv, event.NewSynRecv, event.Close:
		l.kind = nothing
		if row.State != event.Close {
			l.direction = direction{event.Inbound, event.FromHandshake}
		}
	default:
		d.begin(row, &l)
	}
	return l
}

// changed handles a row whose key was there with another state or inode.
func (d *differ) changed(old, row *event.Socket, l entry) entry {
	if row.State == event.Listen && old.State == event.Listen {
		return l // with SO_REUSEPORT one key has several inodes, shown in turn
	}
	if anotherConnection(old, row) {
		switch l.kind {
		case open:
			d.end(old, &l, event.PortReused, d.meanwhile())
		case listens:
			d.stop(old, &l, d.meanwhile())
		}
		return d.appeared(row)
	}
	switch {
	case l.kind == open && row.State == event.TimeWait:
		d.end(row, &l, event.TimedWait, moment(max(d.closedAt(row), d.before)))
		l.kind = finished
	case l.kind == open && orphaned(row):
		d.end(row, &l, event.Gone, d.meanwhile())
		l.kind = finished
	case l.kind == open && row.State == event.Close:
		d.end(row, &l, event.Gone, d.meanwhile())
		l.kind = nothing
	case (l.kind == attempt || l.kind == nothing) && rank(row.State) > handshaking && row.State != event.Close:
		l.after, l.opened = d.before, d.now
		d.begin(row, &l)
	case l.kind == attempt && row.State != event.SynSent:
		l.kind = nothing
	}
	return l
}

// begin announces a connection that was not open before: opened, and closed
// too if it is in TIME_WAIT already.
func (d *differ) begin(row *event.Socket, l *entry) {
	if l.directionFrom == 0 {
		l.direction = d.direct(row)
	}
	l.kind = open
	if orphaned(row) {
		when := span{max(d.closedAt(row), l.after), d.now}
		l.kind = finished
		d.bound(d.announce(event.Opened, row, l), when)
		d.end(row, l, event.Gone, when)
		return
	}
	if row.State != event.TimeWait {
		d.announce(event.Opened, row, l)
		return
	}
	closed := d.closedAt(row)
	switch {
	case closed >= l.after:
	case l.first < d.now || l.after-closed <= timerGrain:
		closed = l.after
	default:
		// It was closed before the last snapshot, which missed it: the file
		// is not read at one instant. Nothing is known of its beginning.
		l.after = unknown
	}
	l.kind, l.opened = finished, closed
	d.bound(d.announce(event.Opened, row, l), moment(closed))
	d.end(row, l, event.TimedWait, moment(closed))
}

// orphaned reports whether a connection in FIN_WAIT2 is only waited for by the
// kernel: its program has closed it and can't read what may still come
// (tcp_time_wait in net/ipv4/tcp_minisocks.c). The timer is net.ipv4.tcp_fin_timeout,
// 60 s unless it was shortened: the close was not before the time it implies.
func orphaned(row *event.Socket) bool {
	return row.State == event.FinWait2 && row.Timer == event.TimerTimeWait
}

// closedAt returns when a connection went into TIME_WAIT, by its timer; now,
// if it has none.
func (d *differ) closedAt(row *event.Socket) int64 {
	remaining := int64(row.Remaining) * int64(10*time.Millisecond)
	if row.Timer != event.TimerTimeWait || remaining > timeWait {
		remaining = timeWait
	}
	return max(d.now-(timeWait-remaining), 0)
}

// gone handles a row that is no longer there.
func (d *differ) gone(row *event.Socket, l *entry) {
	switch l.kind {
	case listens:
		d.stop(row, l, d.meanwhile())
	case open:
		d.end(row, l, reasonGone(row.State), d.meanwhile())
	}
}

func reasonGone(last event.State) event.Reason {
	if rank(last) > rank(event.Established) {
		return event.Gone
	}
	return event.ResetOrUnknown
}

// reboot ends all that was there: between the last snapshot and the boot. Its
// times are on the wall clock of the last snapshot, the only one on which the
// beginnings are known.
func (d *differ) reboot() {
	t := d.t
	wall := t.takenAt - t.uptime
	booted := d.wall - wall
	if booted < t.uptime {
		// By the clocks the boot was before the last snapshot: one of them
		// was set, or this is another machine.
		booted = max(d.wall+d.now-wall, t.uptime)
	}
	last := differ{t: t, s: d.s, out: d.out, bootID: t.bootID, now: booted, before: t.uptime, wall: wall}
	for i := range t.rows {
		row, l := &t.rows[i], &t.entries[i]
		switch l.kind {
		case open:
			last.end(row, l, event.Rebooted, last.meanwhile())
		case listens:
			last.stop(row, l, last.meanwhile())
		}
	}
	d.out = last.out
}

// rank orders the states as a connection goes through them. It never goes
// back.
func rank(s event.State) int {
	switch s {
	case event.SynSent:
		return 1
	case event.SynRecv, event.NewSynRecv: // of a SYN_SENT too, if both ends sent a SYN
		return handshaking
	case event.Established:
		return 3
	case event.FinWait1, event.CloseWait:
		return 4
	case event.FinWait2, event.Closing, event.LastAck:
		return 5
	case event.TimeWait:
		return 6
	case event.Close:
		return 7
	}
	return 0 // LISTEN
}

const handshaking = 2

func anotherConnection(old, row *event.Socket) bool {
	return rank(row.State) < rank(old.State) ||
		(old.State == event.Listen) != (row.State == event.Listen) ||
		orphaned(old) && !orphaned(row) && rank(row.State) < rank(event.TimeWait) ||
		old.Inode != 0 && row.Inode != 0 && old.Inode != row.Inode
}

// announce adds a change of a connection to the output.
func (d *differ) announce(k event.Kind, row *event.Socket, l *entry) *event.Connection {
	switch k {
	case event.Opened:
		d.t.open++
	case event.Closed:
		d.t.open--
	case event.Listening:
		d.t.listening++
	case event.StoppedListening:
		d.t.listening--
	}
	d.out = append(d.out, event.Connection{
		Kind: k, ID: d.id(row, l.first),
		Local: row.Local, Remote: row.Remote, LocalPort: row.LocalPort, RemotePort: row.RemotePort,
		State: row.State, Retransmits: row.Retransmits, UID: row.UID, Inode: row.Inode,
		Direction: l.side, DirectionFrom: l.directionFrom,
		OpenedBefore: d.at(l.opened), SeenUntil: d.at(d.now),
	})
	c := &d.out[len(d.out)-1]
	if l.after != unknown {
		c.OpenedAfter = d.at(l.after)
	}
	return c
}

// end announces a connection as closed.
func (d *differ) end(row *event.Socket, l *entry, reason event.Reason, when span) {
	c := d.announce(event.Closed, row, l)
	c.Reason = reason
	d.bound(c, when)
}

// stop announces that a port is no longer listened on.
func (d *differ) stop(row *event.Socket, l *entry, when span) {
	d.bound(d.announce(event.StoppedListening, row, l), when)
}

func (d *differ) bound(c *event.Connection, when span) {
	c.ClosedAfter, c.ClosedBefore = d.at(when.from), d.at(when.to)
	c.SeenUntil = c.ClosedAfter
}

// id hashes what makes a connection itself. Host and boot are hashed once, to
// eight bytes, so that the rest fits into one block of SHA-256.
func (d *differ) id(row *event.Socket, first int64) (id event.ConnectionID) {
	if !d.hashed {
		var names [2*event.MaxName + 2]byte
		b := append(append(names[:0], d.s.Host...), 0)
		sum := sha256.Sum256(append(append(b, d.bootID...), 0))
		copy(d.owner[:], sum[:])
		d.hashed = true
	}
	var key [52]byte
	b := append(key[:0], d.owner[:]...)
	for _, v := range [...]uint64{row.Local.Hi, row.Local.Lo, row.Remote.Hi, row.Remote.Lo, uint64(first)} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(b, uint32(row.LocalPort)<<16|uint32(row.RemotePort)))
	copy(id[:], sum[:])
	return id
}
