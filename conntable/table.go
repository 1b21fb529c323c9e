// Package conntable compares a host's snapshots and reports which connections
// opened and closed, with bounds on when. It is a pure state machine: a snapshot
// in, changes out; the same snapshots in the same order give the same changes.
//
// # Identity
//
// A connection is its addresses and ports, and its inode where both readings
// have one. Rows in TIME_WAIT, SYN_RECV and orphaned ones have inode 0, so an
// inode alone identifies nothing, and inode 0 matches any inode. A connection
// whose state goes backwards (FIN_WAIT1 to ESTABLISHED, ESTABLISHED to SYN_SENT,
// TIME_WAIT to anything) is another one on the same ports.
//
// # Time
//
// All differences are taken on the host's uptime (CLOCK_BOOTTIME), which never
// steps. Changes carry wall time, all of one message on the clock of its
// snapshot, except what ended with a reboot: that is on the clock of the last
// snapshot before. Every moment that is not seen lies between two snapshots,
// and both bounds are kept. TIME_WAIT lasts 60 s (TCP_TIMEWAIT_LEN in
// include/net/tcp.h) and its timer counts down in 1/100 s, so the close time
// of a connection in TIME_WAIT is exact to 10 ms.
//
// # Faults and what follows from them
//
//   - A host's first snapshot: nothing bounds from below when its connections
//     began.
//   - A snapshot is missing: the next one is compared with the last that came.
//     Bounds are wider, Missed counts the missing ones; nothing is closed.
//   - A snapshot comes twice, late or out of order: it is stale and changes
//     nothing. Order is the uptime within a boot.
//   - A snapshot comes in parts of which one is missing: it is a missing
//     snapshot (package parts assembles them).
//   - The poller restarts (another run): comparison continues. The old run is
//     superseded; what it still sends is stale.
//   - The host reboots (another boot id): every connection is closed with the
//     reason reboot between its last sight and the boot, and what the new boot
//     shows was opened since the boot. Snapshots of an earlier boot are stale.
//     If the clock was set back meanwhile, the boot is dated by the new
//     boot's first snapshot, and not before the last snapshot of the old one.
//   - The host was unreachable for a day: as if snapshots were missing. A row that is
//     still there with the same inode is the same connection, still open.
//   - The wall clock jumps: durations and order are not affected. Times of later
//     messages are on the new clock.
//   - Two machines use one host name: the one that reported last supersedes the
//     other, whose snapshots are stale from then on, and counted.
//   - A connection opens and closes between two snapshots: it is seen only if it
//     left a row in TIME_WAIT. Closed by RST, or by the other side first, it
//     leaves none.
//   - A connection opens and closes on the ports of one that is in TIME_WAIT:
//     the two are indistinguishable.
//   - A reading misses a row, because the kernel's table is not read atomically:
//     the connection is reported closed, and opened under another id when it
//     reappears. If it is in TIME_WAIT by then, and was so before the reading
//     that missed it, nothing bounds its beginning.
package conntable

import (
	"slices"
	"time"

	"headstart/event"
)

// Table is the state of one host: the sockets of its last snapshot and the
// entry of each. The zero Table is empty.
type Table struct {
	host     string
	bootID   string
	run      string
	sequence uint64
	uptime   int64 // of the last snapshot, in nanoseconds, as all times here
	takenAt  int64 // the same moment on the host's wall clock

	pastBoots []string // superseded, newest last
	pastRuns  []string // of this boot

	offset offset

	rows    []event.Socket
	entries []entry // of each row

	open, listening uint32 // connections and ports among them
}

// Superseded boots and runs that a table remembers. A message of an older one
// counts as new; it must have been delayed for as many restarts.
const (
	keptBoots = 8
	keptRuns  = 32
)

// entry is what earlier snapshots showed about a row.
type entry struct {
	first  int64 // uptime at which the row was first seen
	after  int64 // the connection opened after this uptime, or unknown
	opened int64 // and not later than this one
	kind   kind
	direction
}

// unknown is the lower bound of a beginning before the first snapshot.
const unknown = -1

type kind uint8

const (
	nothing  kind = iota // not a connection yet (SYN_RECV), or no longer (CLOSE)
	listens              // LISTEN
	attempt              // SYN_SENT, announced
	open                 // announced as opened
	finished             // TIME_WAIT, announced as closed
	kinds
)

// Result is how a snapshot relates to a table.
type Result uint8

// The results of Apply.
const (
	Compared   Result = iota // changes hold what changed
	Repeated                 // stale: it is the table's own snapshot
	Late                     // stale: older than the table's snapshot
	Superseded               // stale: of an earlier boot or run
)

// String returns the name in lower case.
func (r Result) String() string {
	return [...]string{"compared", "repeated", "late", "superseded"}[r]
}

// Comparer compares. It keeps scratch space, so one serves one goroutine, for
// any number of tables.
type Comparer struct {
	entries   []entry
	listeners listeners
}

// Apply compares a snapshot with the table and puts what changed into changes,
// reusing its slices; Host, addresses and roles are the snapshot's own. lag is
// the stream's time of storing the snapshot minus the host's time of sending
// it. Unless the result is Compared neither table nor changes are touched.
//
// The snapshot is complete: package parts assembles it.
func (c *Comparer) Apply(t *Table, s *event.Snapshot, lag time.Duration, changes *event.Changes) Result {
	if stale := t.stale(s); stale != Compared {
		return stale
	}
	now := int64(s.Uptime)
	d := differ{
		t: t, s: s, out: changes.Connections[:0], listeners: &c.listeners,
		now: now, before: t.uptime, wall: s.TakenAt.UnixNano() - now, bootID: s.BootID,
	}
	*changes = event.Changes{
		Host: s.Host, BootID: s.BootID, Run: s.Run, Sequence: s.Sequence,
		ObservedAt: d.at(now), Interval: s.Interval,
		Addresses: s.Addresses, Roles: s.Roles, Rejected: s.Rejected, Part: 1, Parts: 1,
	}
	switch {
	case t.bootID == "":
		d.before = unknown
	case t.bootID != s.BootID:
		d.reboot()
		d.before = 0
		changes.PreviousAt = timeAt(t.takenAt)
		changes.Missed = s.Sequence - 1
		t.pastBoots = remember(t.pastBoots, t.bootID, keptBoots)
		t.pastRuns = t.pastRuns[:0]
		t.rows, t.entries = t.rows[:0], t.entries[:0]
		t.offset = offset{}
	case t.run != s.Run:
		changes.PreviousAt = d.at(t.uptime)
		changes.Missed = s.Sequence - 1
		t.pastRuns = remember(t.pastRuns, t.run, keptRuns)
	default:
		changes.PreviousAt = d.at(t.uptime)
		changes.Missed = s.Sequence - t.sequence - 1
	}
	c.entries = slices.Grow(c.entries[:0], len(s.Sockets))[:len(s.Sockets)]
	d.listeners.reset(s.Sockets)
	d.merge(c.entries)

	if jump := time.Duration(d.wall - (t.takenAt - t.uptime)).Abs(); jump > clockStep {
		t.offset = offset{}
	}
	t.host, t.bootID, t.run, t.sequence = s.Host, s.BootID, s.Run, s.Sequence
	t.uptime, t.takenAt = now, s.TakenAt.UnixNano()
	t.rows = append(t.rows[:0], s.Sockets...)
	t.entries = append(t.entries[:0], c.entries...)

	changes.Connections = d.out
	changes.Open, changes.Listening = t.open, t.listening
	changes.ClockOffset = t.offset.observe(lag, now)
	return Compared
}

func (t *Table) stale(s *event.Snapshot) Result {
	switch {
	case slices.Contains(t.pastBoots, s.BootID):
		return Superseded
	case t.bootID != s.BootID:
		return Compared
	case slices.Contains(t.pastRuns, s.Run):
		return Superseded
	case t.run == s.Run && s.Sequence == t.sequence:
		return Repeated
	case t.run == s.Run && s.Sequence < t.sequence || int64(s.Uptime) <= t.uptime:
		return Late
	}
	return Compared
}

func remember(list []string, name string, most int) []string {
	if len(list) == most {
		list = slices.Delete(list, 0, 1)
	}
	return append(list, name)
}

// At returns the id of the table's snapshot.
func (t *Table) At() event.SnapshotID {
	return event.SnapshotID{Host: t.host, BootID: t.bootID, Run: t.run, Sequence: t.sequence}
}

func timeAt(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() }
