package event

import (
	"fmt"
	"strconv"
	"time"
)

// Snapshot is one host's whole table of TCP sockets at one instant: raw,
// nothing filtered, nothing compared.
type Snapshot struct {
	Host     string
	BootID   string        // /proc/sys/kernel/random/boot_id: changes with each boot
	Run      string        // one process of the poller: changes with each restart
	Sequence uint64        // from 1, one more with each snapshot of a run
	TakenAt  time.Time     // the host's wall clock
	Uptime   time.Duration // CLOCK_BOOTTIME: never steps, orders snapshots of one boot
	Interval time.Duration // in which the next one can be expected

	Addresses []Address // the host's own
	Roles     []string  // the host's roles: web, database, …

	// EphemeralLow and EphemeralHigh are the host's ip_local_port_range,
	// both inclusive; zero when it could not be read.
	EphemeralLow, EphemeralHigh uint16

	// Rejected counts rows of the kernel's table that could not be read.
	Rejected uint32

	// Part numbers the message from 1 of Parts when a table is too large for
	// one. Each part holds a stretch of the sorted rows.
	Part, Parts uint16

	// Sockets are sorted by key, each key once; see NormalizeSockets.
	Sockets []Socket
}

// SnapshotID names a snapshot without its part.
type SnapshotID struct {
	Host, BootID, Run string
	Sequence          uint64
}

// ID names the snapshot.
func (s *Snapshot) ID() SnapshotID {
	return SnapshotID{s.Host, s.BootID, s.Run, s.Sequence}
}

// String returns <host>/<boot id>/<run>/<sequence>.
func (id SnapshotID) String() string {
	return id.Host + "/" + id.BootID + "/" + id.Run + "/" + strconv.FormatUint(id.Sequence, 10)
}

// MessageID is the deterministic id under which a message about the snapshot
// is stored once: the snapshot's id, and /<part> from the second part on.
func (id SnapshotID) MessageID(part uint16) string {
	if part <= 1 {
		return id.String()
	}
	return fmt.Sprintf("%s/%d", id, part)
}
