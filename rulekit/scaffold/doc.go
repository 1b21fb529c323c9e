// Package scaffold writes rules and overrides for people to go on from: a rule of a
// few answers, a rule of a connection ("fire on things like this"), an exception
// of a connection ("never again on things like this"). It is pure.
//
// It guarantees that what it writes has no mistakes in a set of rules that has
// the lists it was told of, and that a rule's tests say when the rule fires with
// the time that [Draft.File] is given for it: whoever plays them finds that time.
package scaffold

import "time"

// Kind is what a rule looks at.
type Kind string

// The kinds.
const (
	Connection Kind = "connection" // one connection
	Long       Kind = "long"       // one that lasts
	Count      Kind = "count"      // one host reaches several, or several are reached by one
	Sequence   Kind = "sequence"   // somebody comes in, then the host goes on
)

// Kinds lists them.
func Kinds() []string {
	return []string{string(Connection), string(Long), string(Count), string(Sequence)}
}

// Draft is what a rule is to be.
type Draft struct {
	ID, Title string
	Severity  string
	Kind      Kind
	Inbound   bool   // else outbound, as the host sees it; of a sequence its first step comes in always
	State     string // what is asked of it: conn.open, not conn.attempted; empty: nothing
	Attack    []string

	Service, Then Service // Then is the second step's
	Host, Peer    End

	Length  time.Duration // of Long
	AtLeast int           // of Count
	Within  time.Duration // of Count and Sequence
}

// Service is a port or a list of ports.
type Service struct {
	Asks  string // conn.port == 22, conn.port in ports.ssh
	Port  uint16 // one that it has
	Other uint16 // one that it hasn't
}

// End is one end of a connection.
type End struct {
	Asks string // host in roles.web, peer.external; empty: nothing

	// A host of the tests for which that holds.
	Name, Address string
	Roles         []string
	External      bool
}

// The limits of what is asked for: the tests play it.
const (
	MaxLength  = 6 * time.Hour
	MaxAtLeast = 100
	MaxWithin  = 6 * time.Hour
)
