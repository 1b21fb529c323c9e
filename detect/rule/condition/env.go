package condition

import (
	"time"

	"headstart/event"
)

// Env is what the conditions of rules see: one change of one connection, with
// what is known of its two ends. It is a contract with the authors of rules
// and independent of the types that the program works with. The tags say how a
// field is called, what it means, and how it is used, {} standing for the
// group it is in: [Reference] reads them.
type Env struct {
	Change
	Baseline Baseline `expr:"baseline"`
}

// Change is the part of the environment that is known without the baseline.
// Conditions that need no more see only that: it is cheaper to make.
type Change struct {
	Conn  Conn `expr:"conn"`
	Host  Host `expr:"host"`
	Peer  Peer `expr:"peer"`
	fired func(rule, host string) (time.Time, bool)
	Now   time.Time `expr:"now" doc:"when the change was observed, in event time: a replay of last week sees last week's times" example:"now < date(\"2027-01-01\")"`
}

// Conn is the connection, attempt or listening socket, as its host saw it.
type Conn struct {
	Event         string                `expr:"event" doc:"what became known with this change" example:"conn.event == \"opened\""`
	Direction     string                `expr:"direction" doc:"who began it, seen from the host; empty for a listening socket" example:"conn.direction == \"outbound\""`
	DirectionFrom string                `expr:"direction_from" doc:"what the direction was concluded from, surest first; empty for a listening socket" example:"conn.direction_from != \"ports\""`
	Local         event.Address         `expr:"local" doc:"the host's own address on it" example:"conn.local in networks.internal"`
	Peer          event.Address         `expr:"peer" doc:"the other end's address; :: or 0.0.0.0 for a listening socket" example:"conn.peer in [\"10.1.5.10\", \"10.2.0.0/16\"]"`
	Port          int                   `expr:"port" kind:"port" doc:"the service's port, which is the responder's: the peer's when outbound, else the host's own" example:"conn.port in ports.database"`
	LocalPort     int                   `expr:"local_port" kind:"port" doc:"the port at the host's end" example:"conn.local_port == 22"`
	PeerPort      int                   `expr:"peer_port" kind:"port" doc:"the port at the peer's end; 0 for a listening socket" example:"conn.peer_port < 1024"`
	State         string                `expr:"state" doc:"TCP state of the row that shows the change, as Linux spells it; for a row that is gone, the last one seen" example:"conn.state == \"ESTABLISHED\""`
	Age           Age                   `expr:"age"`
	Began         calculated[time.Time] `expr:"began" doc:"when it began; for what began between two polls, the later bound" example:"hour(conn.began, \"Europe/Berlin\") < 6"`
	Weekday       calculated[string]    `expr:"weekday" doc:"the day of the week, in UTC, on which it began; for what began between two polls, the later bound" example:"conn.weekday in [\"saturday\", \"sunday\"]"`
	Hour          calculated[int]       `expr:"hour" doc:"the hour of the day, 0 to 23 in UTC, in which it began; likewise" example:"conn.hour < 6 or conn.hour >= 20"`
	Originator    calculated[End]       `expr:"originator" doc:"who began it: the host's name, or the address where no name is known; for the keys of patterns, alike from both ends" example:"conn.originator != conn.responder"`
	Responder     calculated[End]       `expr:"responder" doc:"the responder; likewise" example:"conn.responder != conn.originator"`
	Service       calculated[End]       `expr:"service" doc:"the responder and the port; likewise" example:"conn.service != conn.responder"`
	Attempted     bool                  `expr:"attempted" doc:"the host sent a SYN that was not answered yet (SYN_SENT)" example:"conn.attempted and conn.port == 445"`
	Open          bool                  `expr:"open" doc:"it is open with this change; false for attempts, listening sockets and what was over when it was first seen" example:"conn.open and conn.port == 22"`
	Closed        bool                  `expr:"closed" doc:"it ended with this change; for a listening socket: it is no longer listened on" example:"conn.closed and conn.reason == \"reset-or-unknown\""`
	BeganBefore   bool                  `expr:"began_before" doc:"it began before the host was first polled, so nothing bounds its age from above" example:"not conn.began_before"`
	Loopback      bool                  `expr:"loopback" doc:"both ends are the host itself, or it listens on a loopback address only" example:"not conn.loopback"`
	weekday, hour uint8
	began         time.Time
	Reason        string `expr:"reason" doc:"how its end became known; empty while it has not ended" example:"conn.reason == \"time-wait\""`
	UID           int    `expr:"uid" doc:"user id of the socket's owner on the host; 0 is root, and also what Linux shows for sockets in TIME_WAIT and SYN_RECV" example:"conn.uid >= 1000"`
	Retransmits   int    `expr:"retransmits" doc:"how often the last segment was sent again without an answer" example:"conn.attempted and conn.retransmits >= 2"`
}

// Age is how long a connection has lived, between two bounds: the host is
// polled only at intervals.
type Age struct {
	Min time.Duration `expr:"min" doc:"it has lived at least this long; for an ended one its duration" example:"conn.age.min > duration(\"30s\")"`
	Max time.Duration `expr:"max" doc:"it has lived at most this long; when nothing bounds it (conn.began_before), longer than any duration" example:"conn.age.max < duration(\"2s\")"`
}

// End is one end of a connection, as the key of a pattern has it.
type End struct {
	Name    string // of the host; empty where it isn't known
	Address event.Address
	Port    uint16 // zero: only the host is meant
}

// Host is a host that reports its connections, or that an inventory lists.
type Host struct {
	Name        string          `expr:"name" doc:"the host's name as its poller reports it" example:"host.name startsWith \"web-\""`
	Roles       []string        `expr:"roles" doc:"what the host is for; empty when unknown" example:"host in roles.web"`
	Addresses   []event.Address `expr:"addresses" doc:"the host's own addresses, without loopback" example:"any(host.addresses, # in networks.dmz)"`
	ClockOffset time.Duration   `expr:"clock_offset" doc:"how far the host's clock is behind that of the stream; negative when it is ahead" example:"host.clock_offset > duration(\"2s\")"`

	// Reports says that the host reports its own connections, and is not only
	// listed in an inventory. Conditions see it of a peer (peer.known).
	Reports bool
}

// Peer is the other end of the connection. For a listening socket everything
// in it is empty or false.
type Peer struct {
	Name     string             `expr:"name" doc:"the peer's name; empty when no known host has the address" example:"peer.name == \"backup-01\""`
	Roles    []string           `expr:"roles" doc:"what the peer is for; empty when it isn't known" example:"peer in roles.monitoring"`
	Subnet   calculated[string] `expr:"subnet" doc:"the network of its address: the /24 of IPv4, the /64 of IPv6; empty for a listening socket" example:"peer.subnet != \"10.1.5.0/24\""`
	Internal bool               `expr:"internal" doc:"its address is in networks.internal" example:"peer.internal"`
	External bool               `expr:"external" doc:"its address is not in networks.internal" example:"peer.external and conn.port == 22"`
	Known    bool               `expr:"known" doc:"a host that reports its own connections has the address" example:"peer.internal and not peer.known"`
}
