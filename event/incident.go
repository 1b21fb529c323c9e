package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// IncidentState is the stage of an incident.
type IncidentState uint8

// The states of an incident, in order. A quiet one becomes updated again when
// another alert joins it; a resolved one stays resolved.
const (
	IncidentOpen     IncidentState = iota + 1 // its first alert was raised
	IncidentUpdated                           // something joined it since
	IncidentQuiet                             // nothing has joined it for a while
	IncidentResolved                          // nothing will join it any more
)

var incidentStateNames = [...]string{"", "open", "updated", "quiet", "resolved"}

// String returns the name in lower case.
func (s IncidentState) String() string { return nameOf(incidentStateNames[:], uint8(s)) }

// MarshalText implements encoding.TextMarshaler.
func (s IncidentState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText undoes String.
func (s *IncidentState) UnmarshalText(text []byte) error {
	n, err := numberOf(incidentStateNames[:], "state of an incident", text)
	if err == nil && n == 0 {
		return errors.New("no state of an incident")
	}
	*s = IncidentState(n)
	return err
}

// Part is the role of a host in an incident.
type Part uint8

// The parts, by increasing significance: a host that has several gets the last.
const (
	Scanned Part = iota + 1 // connections to it were attempted, none seen to succeed
	Target                  // it was reached
	Pivot                   // the attacker moved on from here
	Entry                   // the attacker entered here
)

var partNames = [...]string{"", "scanned", "target", "pivot", "entry"}

// String returns the name in lower case.
func (p Part) String() string { return nameOf(partNames[:], uint8(p)) }

// MarshalText implements encoding.TextMarshaler.
func (p Part) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText undoes String.
func (p *Part) UnmarshalText(text []byte) error {
	n, err := numberOf(partNames[:], "part of a host", text)
	*p = Part(n)
	return err
}

// Incident is a group of alerts that belong together, as it is after one
// change. Each change is a message of its own with the next revision. On the
// wire it is JSON. All times are on the stream's clock.
type Incident struct {
	ID       string        `json:"id"`
	Revision uint64        `json:"revision"` // from 1
	State    IncidentState `json:"state"`
	Title    string        `json:"title"`
	Severity Severity      `json:"severity"`

	// Score is the sum of the points of Reasons. Notified says that it has
	// reached Threshold once: the incident is notified. Missed is by how
	// much it has not.
	Score     float64       `json:"score"`
	Reasons   []ScoreReason `json:"reasons"`
	Threshold float64       `json:"threshold"`
	Missed    float64       `json:"missed,omitempty"`
	Notified  bool          `json:"notified"`

	// Grown marks a change worth another notification of the same incident: another host, a worse severity, another kind of sign.
	Grown string `json:"grown,omitempty"`

	OpenedAt       time.Time `json:"opened_at"`
	NotifiedAt     time.Time `json:"notified_at,omitzero"`
	LastActivityAt time.Time `json:"last_activity_at"`
	At             time.Time `json:"at"`                    // of this change
	MergedInto     string    `json:"merged_into,omitempty"` // the incident that absorbed this one

	Hosts    []string        `json:"hosts"`             // names, or addresses where there is no name
	Parts    []HostPart      `json:"parts"`             // of Hosts, in the same order
	Sources  []Address       `json:"sources,omitempty"` // external addresses that it came from
	Alerts   []string        `json:"alerts"`            // ids, in the order in which they were raised
	Rules    []string        `json:"rules"`             // of the alerts, by id
	Path     []PathEdge      `json:"path"`              // in causal order
	Timeline []TimelineEntry `json:"timeline"`          // in order of time
	Next     []NextHop       `json:"next,omitempty"`
	Response Response        `json:"response"`

	// Left counts what there was no room for in the lists above.
	Left int `json:"left,omitempty"`
}

// ScoreReason is a part of an incident's score.
type ScoreReason struct {
	Points float64 `json:"points"`
	Text   string  `json:"text"`
	Rule   string  `json:"rule,omitempty"`
}

// HostPart is a host's part in an incident.
type HostPart struct {
	Host      string    `json:"host"`
	Part      Part      `json:"part"`
	Since     time.Time `json:"since"` // the first evidence of it
	Addresses []Address `json:"addresses,omitempty"`
	Roles     []string  `json:"roles,omitempty"`
	Monitored bool      `json:"monitored"` // it reports its own connections
}

// PathEdge is one step of the attacker, from originator to responder.
type PathEdge struct {
	At              time.Time `json:"at"` // not later than this the connection was opened
	Source          Address   `json:"source"`
	Destination     Address   `json:"destination"`
	Port            uint16    `json:"port"`
	SourceHost      string    `json:"source_host,omitempty"`
	DestinationHost string    `json:"destination_host,omitempty"`
	Reasons         []string  `json:"reasons,omitempty"` // why it belongs here
	Attempt         bool      `json:"attempt,omitempty"` // it was not answered
	Witnesses       int       `json:"witnesses"`         // ends that reported it: 1 or 2
	Count           int       `json:"count"`             // connections like it
}

// TimelineEntry is one thing that happened.
type TimelineEntry struct {
	At    time.Time `json:"at"`
	Host  string    `json:"host,omitempty"`
	Text  string    `json:"text"`
	Alert string    `json:"alert,omitempty"`
	Rule  string    `json:"rule,omitempty"`
}

// NextHop is where the attacker can go next: a host that one of the incident's
// hosts normally connects to.
type NextHop struct {
	From string `json:"from"`
	Host string `json:"host"`
	Port uint16 `json:"port"`
	Days int    `json:"days"` // on how many days it was reached
}

// Response is what to do now, as commands and lists.
type Response struct {
	Block             []string `json:"block,omitempty"`              // nftables commands
	RotateKeys        []string `json:"rotate_keys,omitempty"`        // hosts whose SSH keys to rotate
	RotateCredentials []string `json:"rotate_credentials,omitempty"` // databases, as host:port
	Segment           []string `json:"segment,omitempty"`            // edges to close for good
}

// Limits of what one incident holds; more is counted in Left.
const (
	MaxIncidentAlerts   = 1000
	MaxIncidentPath     = 500
	MaxIncidentTimeline = 500
	MaxIncidentHosts    = 500
)

// MessageID is the deterministic id of an incident's revision.
func (i *Incident) MessageID() string { return fmt.Sprintf("%s/%d", i.ID, i.Revision) }

// EncodeIncident returns the incident's wire form.
func EncodeIncident(i *Incident) ([]byte, error) {
	data, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("encode incident %s: %w", i.ID, err)
	}
	return data, nil
}

// DecodeIncident undoes EncodeIncident. Unknown fields are skipped.
func DecodeIncident(data []byte) (*Incident, error) {
	if len(data) > MaxMessage {
		return nil, fmt.Errorf("decode incident: %d bytes, more than %d", len(data), MaxMessage)
	}
	i := new(Incident)
	if err := json.Unmarshal(data, i); err != nil {
		return nil, fmt.Errorf("decode incident: %w", err)
	}
	if i.ID == "" || i.Revision == 0 || len(i.Hosts) != len(i.Parts) {
		return nil, errors.New("decode incident: no id, no revision, or hosts without parts")
	}
	return i, nil
}
