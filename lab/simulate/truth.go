package simulate

import "time"

// Truth is truth.json. The package comment describes it.
type Truth struct {
	Seed       uint64      `json:"seed"`
	Start      time.Time   `json:"start"`
	End        time.Time   `json:"end"`
	LearnUntil time.Time   `json:"learn_until"`
	Intrusions []Intrusion `json:"intrusions"`
	Benign     []Benign    `json:"benign"`
}

// Intrusion is what one attacker did.
type Intrusion struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	Stealth     int       `json:"stealth"`
	Entry       string    `json:"entry"`
	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`
	Connections []Step    `json:"connections"`
}

// Step is one connection of an intrusion.
type Step struct {
	At                   time.Time `json:"at"`
	Until                time.Time `json:"until"`
	Source               string    `json:"source"`
	Destination          string    `json:"destination"`
	Port                 uint16    `json:"port"`
	SourcePort           uint16    `json:"source_port"`
	State                string    `json:"state"`
	History              string    `json:"history"`
	Kind                 string    `json:"kind"`
	Success              bool      `json:"success"`
	Lateral              bool      `json:"lateral"`
	MonitoredSource      bool      `json:"monitored_source"`
	MonitoredDestination bool      `json:"monitored_destination"`
}

// Benign is something odd or new that is harmless.
type Benign struct {
	Kind  string    `json:"kind"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Hosts []string  `json:"hosts"`
	Note  string    `json:"note"`
}

// mark is which part of an intrusion a row is.
type mark struct {
	intrusion int
	kind      string
	success   bool
}
