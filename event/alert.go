package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"time"
)

// Alert reports that a rule's condition held. On the wire it is JSON.
type Alert struct {
	ID          string   `json:"id"`
	Rule        string   `json:"rule"`
	Rules       string   `json:"rules,omitempty"` // the active rule set: the beginning of its hash
	Severity    Severity `json:"severity"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Guide       string   `json:"guide,omitempty"`  // what the analyst does first
	Attack      []string `json:"attack,omitempty"` // MITRE ATT&CK technique ids

	At       time.Time `json:"at"` // of the snapshot that proves it, in stream time
	Host     string    `json:"host"`
	Roles    []string  `json:"roles,omitempty"`
	Incident string    `json:"incident,omitempty"`

	// Matched is the number of values that a count counted, or of steps or edges
	// that a sequence or path joined. Zero for a rule on one connection.
	Matched int `json:"matched,omitempty"`
	// Key is what the connections of a pattern have in common.
	Key string `json:"key,omitempty"`
	// Learning is true while the host's baseline is being learned: what is
	// unusual on it means little.
	Learning bool `json:"learning,omitempty"`

	// Baseline describes the history of the connection's edge: "never seen", or
	// on how many days, since when and how often.
	Baseline string `json:"baseline,omitempty"`

	// Connection is absent where the alert is about a silent host.
	Connection AlertConnection `json:"connection,omitzero"`
	Peer       *AlertPeer      `json:"peer,omitempty"` // absent for a listening socket
	Evidence   []Evidence      `json:"evidence"`
	Snapshot   string          `json:"snapshot"` // id of the snapshot that proves it
}

// AlertConnection is the connection that an alert is about, with both bounds
// of its beginning, its end and its age.
type AlertConnection struct {
	ID            ConnectionID    `json:"id"`
	Direction     Direction       `json:"direction,omitzero"`
	DirectionFrom DirectionSource `json:"direction_from,omitzero"`
	Source        Address         `json:"source"`      // the originator
	Destination   Address         `json:"destination"` // the responder
	Port          uint16          `json:"port"`        // the responder's
	State         State           `json:"state"`
	UID           uint32          `json:"uid"`

	OpenedAfter  time.Time `json:"opened_after,omitzero"` // absent: it began before the host's first snapshot
	OpenedBefore time.Time `json:"opened_before"`
	ClosedAfter  time.Time `json:"closed_after,omitzero"`
	ClosedBefore time.Time `json:"closed_before,omitzero"`
	Reason       Reason    `json:"reason,omitzero"`

	AgeMin Seconds  `json:"age_min_seconds"`
	AgeMax *Seconds `json:"age_max_seconds,omitempty"` // absent: nothing bounds it
}

// DescribeConnection describes a connection at a time; see [Connection.Age].
func DescribeConnection(c *Connection, at time.Time) AlertConnection {
	source, destination := c.Ends()
	least, most := c.Age(at)
	d := AlertConnection{
		ID: c.ID, Direction: c.Direction, DirectionFrom: c.DirectionFrom,
		Source: source, Destination: destination, Port: c.ServicePort(), State: c.State, UID: c.UID,
		OpenedAfter: c.OpenedAfter, OpenedBefore: c.OpenedBefore,
		ClosedAfter: c.ClosedAfter, ClosedBefore: c.ClosedBefore, Reason: c.Reason,
		AgeMin: Seconds(least),
	}
	if most != Unbounded {
		d.AgeMax = (*Seconds)(&most)
	}
	return d
}

// DescribeRow describes the row of the host's table that showed a connection.
func DescribeRow(c *Connection) *Row {
	return &Row{
		Local:  netip.AddrPortFrom(c.Local.Netip(), c.LocalPort).String(),
		Remote: netip.AddrPortFrom(c.Remote.Netip(), c.RemotePort).String(),
		State:  c.State, UID: c.UID, Inode: c.Inode, Retransmits: c.Retransmits,
	}
}

// AlertPeer is what is known of the other end.
type AlertPeer struct {
	Address  Address  `json:"address"`
	Host     string   `json:"host,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	Internal bool     `json:"internal"`
}

// Evidence is one observation that an alert rests on, from originator to
// responder, and the row of the host's table that shows it.
type Evidence struct {
	At          time.Time `json:"at"`
	Source      Address   `json:"source"`
	Destination Address   `json:"destination"`
	Port        uint16    `json:"port"`
	State       State     `json:"state"`
	Row         *Row      `json:"row,omitempty"`
}

// Row is a row of the kernel's table as a person reads it.
type Row struct {
	Local       string `json:"local"`
	Remote      string `json:"remote"`
	State       State  `json:"state"`
	UID         uint32 `json:"uid"`
	Inode       uint64 `json:"inode"`
	Retransmits uint8  `json:"retransmits,omitempty"`
}

// Seconds is a duration that JSON shows in seconds, to the millisecond.
type Seconds time.Duration

// MarshalJSON writes seconds with at most three decimals.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(s).Milliseconds()) / 1000)
}

// UnmarshalJSON reads seconds, rounded to the millisecond. What a duration
// can't hold (about 292 years) is an error.
func (s *Seconds) UnmarshalJSON(data []byte) error {
	var v float64
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("seconds: %w", err)
	}
	const most = float64(math.MaxInt64 / int64(time.Millisecond))
	milliseconds := math.Round(v * 1000)
	if math.Abs(milliseconds) > most {
		return fmt.Errorf("seconds: %g is out of range", v)
	}
	*s = Seconds(milliseconds) * Seconds(time.Millisecond)
	return nil
}

// AlertID is the id of the alert that a rule raises on a connection. A rule
// fires once a connection, so the two name the alert.
func AlertID(rule string, connection ConnectionID) string {
	h := sha256.New()
	h.Write([]byte(rule))
	h.Write([]byte{0})
	h.Write(connection[:])
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// PatternID is the id of the alert that a pattern raises: one for each key, what
// its connections have in common.
func PatternID(rule string, parts ...string) string {
	h := sha256.New()
	h.Write([]byte(rule))
	for _, part := range parts {
		h.Write([]byte{0})
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// maxRulesHash is how many bytes the name of a set of rules has at most.
const maxRulesHash = 64

// EncodeAlert returns the alert's wire form.
func EncodeAlert(a *Alert) ([]byte, error) {
	data, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encode alert %s: %w", a.ID, err)
	}
	return data, nil
}

// DecodeAlert undoes EncodeAlert. Unknown fields are skipped.
func DecodeAlert(data []byte) (*Alert, error) {
	if len(data) > MaxMessage {
		return nil, fmt.Errorf("decode alert: %d bytes, more than %d", len(data), MaxMessage)
	}
	a := new(Alert)
	if err := json.Unmarshal(data, a); err != nil {
		return nil, fmt.Errorf("decode alert: %w", err)
	}
	if a.ID == "" || a.Rule == "" {
		return nil, fmt.Errorf("decode alert: no id or no rule")
	}
	if len(a.Rules) > maxRulesHash {
		return nil, fmt.Errorf("decode alert: rules: %d bytes, more than %d", len(a.Rules), maxRulesHash)
	}
	return a, nil
}
