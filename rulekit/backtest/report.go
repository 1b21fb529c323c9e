package backtest

import (
	"encoding/json"
	"time"

	"headstart/detect/rule"
)

// RuleSet describes a rule set.
type RuleSet struct {
	Name    string `json:"name"`
	Hash    string `json:"hash"`
	Rules   int    `json:"rules"`
	Enabled int    `json:"enabled"`
}

// DescribeSet describes a rule set.
func DescribeSet(name string, set *rule.Set) RuleSet {
	s := RuleSet{Name: name, Hash: set.Hash, Rules: len(set.Rules)}
	for _, r := range set.Rules {
		if r.Enabled {
			s.Enabled++
		}
	}
	return s
}

// Report is the report of a backtest.
type Report struct {
	OldRules RuleSet     `json:"old_rules"`
	NewRules RuleSet     `json:"new_rules"`
	Changes  RuleChanges `json:"rule_changes"`
	Notes    []string    `json:"notes"` // limits of the comparison
	*Result
	OldPace *Pace `json:"old_at_interval,omitempty"`
	NewPace *Pace `json:"new_at_interval,omitempty"`

	Snapshots   int     `json:"snapshots"`   // of the history
	Connections int     `json:"connections"` // opened in it
	Wall        float64 `json:"wall_seconds"`
}

// MarshalJSON adds the times.
func (s Span) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		HistoryFrom  time.Time `json:"history_from"`
		From         time.Time `json:"from"`
		Until        time.Time `json:"until"`
		Days         float64   `json:"days"`
		LearnedAfter time.Time `json:"learnt_after,omitzero"`
	}{s.HistoryFrom.UTC(), s.From.UTC(), s.Until.UTC(), s.Days(), s.LearnedAfter.UTC()})
}
