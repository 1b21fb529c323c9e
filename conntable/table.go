// Package conntable compares a host's snapshots and says which connections opened
// and closed, with what certainty. It is a pure state machine: a snapshot in,
// changes out; the same snapshots in the same order give the same changes.
//
// # Identity
//
// A connection is its addresses and ports, and its inode where both readings
// have one. Rows in TIME_WAIT, SYN_RECV and orphaned ones have inode 0, so an
// inode alone says nothing, and inode 0 contradicts nothing. A connection
// whose state goes back (FIN_WAIT1 to ESTABLISHED, ESTABLISHED to SYN_SENT,
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
// # What can go wrong, and what follows
//
//   - A host's first snapshot: nothing bounds from below when its connections
//     began.
//   - A snapshot is missing: the next one is compared with the last that came.
//     Bounds are wider, Missed says how many are missing; nothing is closed for
//     it.
//   - A snapshot comes twice, late or out of order: it is Stale and changes
//     nothing. Order is the uptime within a boot.
//   - A snapshot comes in parts of which one is missing: it is a missing
//     snapshot (see the tracker, which puts parts together).
//   - The poller is restarted (another run): comparing goes on. The old run is
//     superseded; what it still sends is Stale.
//   - The host reboots (another boot id): every connection is closed with the
//     reason reboot between its last sight and the boot, and what the new boot
//     shows was opened since the boot. Snapshots of an earlier boot are Stale.
//     If the clock was set back meanwhile, the time of the new boot's snapshot
//     is taken for the boot's, and at least that of the last sight.
//   - The host was away for a day: as if snapshots were missing. A row that is
//     still there with the same inode is the same connection, still open.
//   - The wall clock jumps: durations and order don't notice. Times of later
//     messages are on the new clock.
//   - Two machines use one host name: the one that spoke last supersedes the
//     other, whose snapshots are Stale from then on, and counted.
//   - A connection lives and dies between two snapshots: it is seen only if it
//     left a row in TIME_WAIT. Closed by RST, or by the other side first, it
//     leaves none.
//   - A connection opens and closes on the ports of one that is in TIME_WAIT:
//     the two look like one.
//   - A reading misses a row, for the kernel's table is not read at one
//     instant: the connection is closed, and opened under another id when it is
//     seen again. If it is in TIME_WAIT by then, and was before the reading that
//     missed it, nothing bounds its beginning.
package conntable

import (
	"slices"
	"time"

	"headstart/event"
)

// Table is what is known of one host: the sockets of its last snapshot and the
// life of each. The zero Table knows nothing yet.
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

	rows  []event.Socket
	lives []life // of each row

	open, listening uint32 // connections and ports among them
}

// Superseded boots and runs that a table remembers. An older one is taken for
// new; it can only be a message that waited that long.
const (
	keptBoots = 8
	keptRuns  = 32
)

// life is what the rows before say about a row.
type life struct {
	first  int64 // uptime at which the row was first seen
	after  int64 // the connection opened after this uptime, or unknown
	opened int64 // and not later than this one
	kind   kind
	direction
}

// unknown is the lower bound of a beginning that was before the first look.
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

// Result says what a snapshot was to a table.
type Result uint8

// The results of Apply.
const (
	Compared   Result = iota // changes hold the answer
	Repeated                 // stale: the table stands for this very snapshot
	Late                     // stale: a newer one was there already
	Superseded               // stale: of an earlier boot or run
)

// String returns the name in lower case.
func (r Result) String() string {
	return [...]string{"compared", "repeated", "late", "superseded"}[r]
}

// Comparer compares. It keeps scratch space, so one serves one goroutine, for
// any number of tables.
type Comparer struct {
	lives     []life
	listeners listeners
}

// Apply compares a snapshot with the table and puts what changed into changes,
// reusing its slices; Host, addresses and roles are the snapshot's own. lag is
// the stream's time of storing the snapshot minus the host's time of sending
// it. Unless the result is Compared neither table nor changes are touched.
//
// The snapshot is whole: parts are put together before.
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
		t.rows, t.lives = t.rows[:0], t.lives[:0]
		t.offset = offset{}
	case t.run != s.Run:
		changes.PreviousAt = d.at(t.uptime)
		changes.Missed = s.Sequence - 1
		t.pastRuns = remember(t.pastRuns, t.run, keptRuns)
	default:
		changes.PreviousAt = d.at(t.uptime)
		changes.Missed = s.Sequence - t.sequence - 1
	}
	c.lives = slices.Grow(c.lives[:0], len(s.Sockets))[:len(s.Sockets)]
	d.listeners.reset(s.Sockets)
	d.merge(c.lives)

	if jump := time.Duration(d.wall - (t.takenAt - t.uptime)).Abs(); jump > clockStep {
		t.offset = offset{}
	}
	t.host, t.bootID, t.run, t.sequence = s.Host, s.BootID, s.Run, s.Sequence
	t.uptime, t.takenAt = now, s.TakenAt.UnixNano()
	t.rows = append(t.rows[:0], s.Sockets...)
	t.lives = append(t.lives[:0], c.lives...)

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

// At returns the id of the snapshot that the table stands for.
func (t *Table) At() event.SnapshotID {
	return event.SnapshotID{Host: t.host, BootID: t.bootID, Run: t.run, Sequence: t.sequence}
}

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.rows) }

func timeAt(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() }
