package coverage

import "strings"

// Version is the version of ATT&CK of the table.
const Version = "17"

// Sight is the visibility of a technique in the kernel's table of connections.
type Sight uint8

// The sights.
const (
	Shown  Sight = iota + 1 // its own connections
	Hinted                  // connections that also have other causes
	Unseen                  // nothing
)

var sightNames = [...]string{"", "shown", "hinted", "unseen"}

// String returns the name in lower case.
func (s Sight) String() string { return sightNames[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Sight) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Technique is a technique of ATT&CK for enterprises.
type Technique struct {
	ID      string   `json:"id"` // T1021, T1021.004
	Name    string   `json:"name"`
	Tactics []string `json:"tactics"` // ATT&CK's short names
	Sight   Sight    `json:"sight"`
	Why     string   `json:"why,omitempty"` // limits of its visibility
}

// Parent returns the id of the technique that a sub-technique belongs to; empty
// for a technique.
func Parent(id string) string {
	parent, _, is := strings.Cut(id, ".")
	if !is {
		return ""
	}
	return parent
}

// Techniques returns the network techniques: initial access, discovery, lateral
// movement, command and control, exfiltration and persistence. Techniques on a
// single host are left out, unless a rule of the default ruleset names them.
func Techniques() []Technique {
	all := make([]Technique, 0, len(table))
	for _, row := range table {
		sub := Technique{ID: row.id, Name: row.name, Tactics: strings.Fields(row.tactics), Sight: row.sight, Why: row.why}
		all = append(all, sub)
	}
	return all
}

// Tactics lists the tactics in ATT&CK's order, by short name.
func Tactics() []string { return strings.Fields(tacticNames) }

const tacticNames = "reconnaissance initial-access execution persistence privilege-escalation defense-evasion credential-access discovery lateral-movement collection command-and-control exfiltration impact"
