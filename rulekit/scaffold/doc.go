// Package scaffold generates rules and overrides to edit: a rule from a draft, a
// rule that matches connections like a given one, an exception for connections
// like a given one. It is pure.
//
// It guarantees that its files are valid together with the rules whose lists it
// has been given, and that the tests of a rule expect it to fire at the time that
// the caller of [Draft.File] has found by running them.
package scaffold

import "time"

// Kind is the kind of a rule.
type Kind string

// The kinds.
const (
	Connection Kind = "connection" // one connection
	Long       Kind = "long"       // a long one
	Count      Kind = "count"      // one host connects to several, or several connect to one
	Sequence   Kind = "sequence"   // an inbound connection, then an outbound one
)

// Kinds returns the kinds.
func Kinds() []string {
	return []string{string(Connection), string(Long), string(Count), string(Sequence)}
}

// Draft describes a rule.
type Draft struct {
	ID, Title string
	Severity  string
	Kind      Kind
	Inbound   bool   // else outbound, from the host; the first step of a sequence is always inbound
	State     string // condition on the state: conn.open, not conn.attempted; empty for none
	Attack    []string

	Service, Then Service // Then is the second step's
	Host, Peer    End

	Length  time.Duration // of Long
	AtLeast int           // of Count
	Within  time.Duration // of Count and Sequence
}

// Service is a port or a list of ports.
type Service struct {
	Term  string // conn.port == 22, conn.port in ports.ssh
	Port  uint16 // one of its ports
	Other uint16 // one of its portsn't
}

// End is one end of a connection.
type End struct {
	Term string // host in roles.web, peer.external; empty for none

	// A host of the tests that matches Term.
	Name, Address string
	Roles         []string
	External      bool
}

// The limits of a draft: its tests run for so long.
const (
	MaxLength  = 6 * time.Hour
	MaxAtLeast = 100
	MaxWithin  = 6 * time.Hour
)
