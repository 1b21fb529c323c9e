package backtest

import (
	"encoding/json"
	"time"

	"headstart/detect/rule"
)

// RuleSet is which rules one side has.
type RuleSet struct {
	Name    string `json:"name"`
	Hash    string `json:"hash"`
	Rules   int    `json:"rules"`
	Enabled int    `json:"enabled"`
}

// DescribeSet describes rules.
func DescribeSet(name string, set *rule.Set) RuleSet {
	s := RuleSet{Name: name, Hash: set.Hash, Rules: len(set.Rules)}
	for _, r := range set.Rules {
		if r.Enabled {
			s.Enabled++
		}
	}
	return s
}

// Report is all that a backtest says.
type Report struct {
	OldRules RuleSet     `json:"old_rules"`
	NewRules RuleSet     `json:"new_rules"`
	Changes  RuleChanges `json:"rule_changes"`
	Notes    []string    `json:"notes"` // what keeps the result from being what would have been
	*Result
	OldPace *Pace `json:"old_at_interval,omitempty"`
	NewPace *Pace `json:"new_at_interval,omitempty"`

	Snapshots   int     `json:"snapshots"`   // of the history
	Connections int     `json:"connections"` // that were opened in it
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
