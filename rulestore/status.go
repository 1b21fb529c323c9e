package rulestore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"headstart/detect/bundle"
	"headstart/event"
)

// Status is what a correlator reports about its rules, after each change and
// about every minute. The counts of a rule are at most a few seconds old.
type Status struct {
	Type     string      `json:"type"` // rules
	Instance string      `json:"instance"`
	At       time.Time   `json:"at"`
	Active   ActiveRules `json:"in_force"`

	// Rejected are rules that were rejected since.
	Rejected *RejectedRules `json:"refused,omitempty"`

	Each    []RuleStatus `json:"each"`              // rules with counts, by id
	Omitted int          `json:"omitted,omitempty"` // rules that exceed the size of a status
}

// ActiveRules identifies the active rules.
type ActiveRules struct {
	Sources  []string  `json:"rules"`  // values of --rules
	Source   string    `json:"source"` // those of them that have rules
	Hash     string    `json:"hash"`
	Count    int       `json:"count"`
	Since    time.Time `json:"since"`
	Revision uint64    `json:"revision,omitempty"` // these four of pushed rules
	Author   string    `json:"author,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	PushedAt time.Time `json:"pushed_at,omitzero"`
}

// RuleStatus holds the counts of a rule. Those of firings and suppressions start
// with the first one, in event time, and outlive a restart; the others belong to
// this process and these rules.
type RuleStatus struct {
	Rule      string            `json:"rule"`
	Fired     int               `json:"fired,omitempty"`
	FiredLast time.Time         `json:"fired_last,omitzero"`
	Failures  int               `json:"failures,omitempty"` // failed evaluations
	Cost      float64           `json:"cost_microseconds,omitempty"`
	Measured  int               `json:"measured,omitempty"` // evaluations that Cost is the average of
	Cut       bool              `json:"cut,omitempty"`      // disabled because it is too slow
	Unless    []ExceptionStatus `json:"unless,omitempty"`
}

// ExceptionStatus counts what an exception has suppressed.
type ExceptionStatus struct {
	Owner      string    `json:"owner"`
	Reason     string    `json:"reason,omitempty"`
	Expires    time.Time `json:"expires"` // the first instant after its validity
	State      string    `json:"state"`   // in force, expires soon or expired
	Suppressed int       `json:"muted,omitempty"`
	Since      time.Time `json:"since,omitzero"` // first suppression
	Last       time.Time `json:"last,omitzero"`
}

// DecodeStatus decodes a status.
func DecodeStatus(data []byte) (*Status, error) {
	s := new(Status)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("status of a correlator: %w", err)
	}
	return s, nil
}

// Encode returns the status in at most so many bytes. It omits the rules with the
// least information first.
func (s *Status) Encode(most int) ([]byte, error) {
	for {
		data, err := json.Marshal(s)
		if err != nil || len(data) <= most || len(s.Each) == 0 {
			return data, err
		}
		slices.SortStableFunc(s.Each, func(a, b RuleStatus) int { return b.priority() - a.priority() })
		keep := len(s.Each) / 2
		s.Omitted += len(s.Each) - keep
		s.Each = s.Each[:keep]
	}
}

// priority ranks a rule with the most important of its counts first.
func (r *RuleStatus) priority() int {
	n := 0
	for _, reported := range []bool{r.Cut, r.Failures > 0, len(r.Unless) > 0, r.Fired > 0} {
		n *= 2
		if reported {
			n++
		}
	}
	return n
}

// RejectedRules are rules that were not activated.
type RejectedRules struct {
	At       time.Time `json:"at"`
	Source   string    `json:"source"`
	Revision uint64    `json:"revision,omitempty"`
	Author   string    `json:"author,omitempty"`
	Error    string    `json:"error"`
}

const (
	statusLifetime = 5 * time.Minute // without a new one, the correlator counts as gone
	bookLifetime   = time.Hour
)

// PutStatus stores the status of a correlator.
func (s *Store) PutStatus(ctx context.Context, status *Status) error {
	data, err := status.Encode(s.revisions.MaxValue())
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	return s.revisions.Announce(ctx, statusToken+"."+event.Token(status.Instance), data, statusLifetime)
}

// Statuses returns the status of each correlator.
func (s *Store) Statuses(ctx context.Context) ([]*Status, error) {
	notes, err := s.revisions.Announcements(ctx, statusToken)
	if err != nil {
		return nil, err
	}
	var all []*Status
	for _, n := range notes {
		status, err := DecodeStatus(n.Value)
		if err != nil {
			return nil, err
		}
		all = append(all, status)
	}
	return all, nil
}

// PutActive stores the active rules of a correlator, as a packed bundle, unless
// they are too large.
func (s *Store) PutActive(ctx context.Context, instance string, packed []byte) error {
	if len(packed) > s.revisions.MaxValue() {
		return nil
	}
	return s.revisions.Announce(ctx, bookToken+"."+event.Token(instance), packed, bookLifetime)
}

// Active returns the active rules of a correlator, with their files; nil if no
// correlator has stored them.
func (s *Store) Active(ctx context.Context) (*bundle.Book, error) {
	notes, err := s.revisions.Announcements(ctx, bookToken)
	if err != nil || len(notes) == 0 {
		return nil, err
	}
	return bundle.Unpack(notes[len(notes)-1].Value)
}
