package coverage

import "strings"

// Version is that of ATT&CK which the table of techniques is from.
const Version = "17"

// Sight says what of a technique the kernel's table of connections can show.
type Sight uint8

// The sights.
const (
	Shown  Sight = iota + 1 // the connections that it makes, as such
	Hinted                  // connections that come with it, and with much else
	Unseen                  // nothing
)

var sightNames = [...]string{"", "shown", "hinted", "unseen"}

// String returns the name in lower case.
func (s Sight) String() string { return sightNames[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Sight) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Technique is one of ATT&CK for enterprises.
type Technique struct {
	ID      string   `json:"id"` // T1021, T1021.004
	Name    string   `json:"name"`
	Tactics []string `json:"tactics"` // as ATT&CK's short names spell them
	Sight   Sight    `json:"sight"`
	Why     string   `json:"why,omitempty"` // of what isn't shown as such
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

// Techniques returns those that have to do with a network: how an intruder gets
// in, looks around, moves on, is led from afar, takes things away and stays. What
// happens on one machine alone is left out, unless a rule of the default pack
// names it.
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
