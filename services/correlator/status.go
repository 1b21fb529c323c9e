package correlator

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Status is what a correlator says of its rules: in a note of the bucket
// [RulesBucket], whenever something changes and about every minute. What
// happened with a rule is told as it was at most a few seconds before.
type Status struct {
	Type     string       `json:"type"` // rules
	Instance string       `json:"instance"`
	At       time.Time    `json:"at"`
	InForce  RulesInForce `json:"in_force"`

	// Refused are the rules that were not put in force after these.
	Refused *RefusedRules `json:"refused,omitempty"`

	Each    []RuleStatus `json:"each"`              // the rules of which there is something to tell, by id
	Omitted int          `json:"omitted,omitempty"` // rules that Each has no room for
}

// RulesInForce says which set of rules is in force.
type RulesInForce struct {
	Sources  []string  `json:"rules"`  // as --rules names them
	Source   string    `json:"source"` // what of it there is
	Hash     string    `json:"hash"`
	Count    int       `json:"count"`
	Since    time.Time `json:"since"`
	Revision uint64    `json:"revision,omitempty"` // these four of what was pushed
	Author   string    `json:"author,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	PushedAt time.Time `json:"pushed_at,omitzero"`
}

// RuleStatus is what has happened with a rule. Counts of what fired and was
// muted are since their first time, in event time, and outlive a restart; the
// others are of this life of the process and of this set.
type RuleStatus struct {
	Rule      string            `json:"rule"`
	Fired     int               `json:"fired,omitempty"`
	FiredLast time.Time         `json:"fired_last,omitzero"`
	Failures  int               `json:"failures,omitempty"` // evaluations that failed
	Cost      float64           `json:"cost_microseconds,omitempty"`
	Measured  int               `json:"measured,omitempty"` // evaluations of which Cost is the average
	Cut       bool              `json:"cut,omitempty"`      // it is too slow and no longer evaluated
	Unless    []ExceptionStatus `json:"unless,omitempty"`
}

// ExceptionStatus is what an exception has hidden.
type ExceptionStatus struct {
	Owner   string    `json:"owner"`
	Reason  string    `json:"reason,omitempty"`
	Expires time.Time `json:"expires"` // the first instant at which it no longer counts
	State   string    `json:"state"`   // in force, expires soon or expired
	Muted   int       `json:"muted,omitempty"`
	Since   time.Time `json:"since,omitzero"` // it first muted the rule
	Last    time.Time `json:"last,omitzero"`
}

// DecodeStatus reads a note.
func DecodeStatus(data []byte) (*Status, error) {
	s := new(Status)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("status of a correlator: %w", err)
	}
	return s, nil
}

// encode returns the note, in at most so many bytes.
func (s *Status) encode(most int) ([]byte, error) {
	for {
		data, err := json.Marshal(s)
		if err != nil || len(data) <= most || len(s.Each) == 0 {
			return data, err
		}
		// What is only measured tells least.
		slices.SortStableFunc(s.Each, func(a, b RuleStatus) int { return b.told() - a.told() })
		keep := len(s.Each) / 2
		s.Omitted += len(s.Each) - keep
		s.Each = s.Each[:keep]
	}
}

func (r *RuleStatus) told() int {
	n := 0
	for _, told := range []bool{r.Cut, r.Failures > 0, len(r.Unless) > 0, r.Fired > 0} {
		n *= 2
		if told {
			n++
		}
	}
	return n
}

func inForceOf(names []string, set *ruleset) RulesInForce {
	b := &set.book.Origin
	return RulesInForce{
		Sources: names, Source: b.Source, Hash: set.Hash, Count: len(set.Rules), Since: set.since.UTC(),
		Revision: b.Revision, Author: b.Author, Reason: b.Reason, PushedAt: b.At,
	}
}
