package score

import (
	"cmp"
	"slices"
	"time"
)

// Summary is a table of outcomes.
type Summary struct {
	Rows      []Row     `json:"rows"` // by kind and stealth, then by stealth, then all
	Days      float64   `json:"days"` // after the learning times
	False     []False   `json:"false"`
	PerDay    float64   `json:"false_a_day"`
	Early     int       `json:"early"`
	Premature int       `json:"premature"`
	Missed    []Outcome `json:"missed"`
	Outcomes  []Outcome `json:"outcomes"`
}

// Row is the sum of some intrusions.
type Row struct {
	Kind       string        `json:"kind"`    // "all" for every kind
	Stealth    int           `json:"stealth"` // -1 for every level
	Intrusions int           `json:"intrusions"`
	Detected   int           `json:"detected"`
	Delays     int           `json:"delays"` // intrusions that have one
	Median     time.Duration `json:"delay_median"`
	P90        time.Duration `json:"delay_p90"`
	Edges      int           `json:"edges"`       // of all intrusions
	EdgesFound int           `json:"edges_found"` // of all
	Reachable  int           `json:"edges_of_detected"`
	Incidents  int           `json:"incidents"` // that found a detected intrusion
}

// Rate is the share of intrusions that were detected, 0 to 1.
func (r Row) Rate() float64 { return share(r.Detected, r.Intrusions) }

// Recall is the share of edges that paths hold, 0 to 1; those of missed
// intrusions count.
func (r Row) Recall() float64 { return share(r.EdgesFound, r.Edges) }

// RecallDetected is the same over detected intrusions.
func (r Row) RecallDetected() float64 { return share(r.EdgesFound, r.Reachable) }

// Fragments is the number of incidents per detected intrusion.
func (r Row) Fragments() float64 { return share(r.Incidents, r.Detected) }

func share(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Sum adds up the results of several companies.
func Sum(results []Result) Summary {
	s := Summary{False: []False{}, Missed: []Outcome{}, Outcomes: []Outcome{}}
	for _, r := range results {
		s.Outcomes = append(s.Outcomes, r.Outcomes...)
		s.False = append(s.False, r.False...)
		s.Days += r.Days
		s.Early += r.Early
	}
	if s.Days > 0 {
		s.PerDay = float64(len(s.False)) / s.Days
	}
	type key struct {
		kind    string
		stealth int
	}
	groups := map[key][]Outcome{}
	for _, o := range s.Outcomes {
		for _, k := range []key{{o.Kind, o.Stealth}, {"all", o.Stealth}, {"all", -1}} {
			groups[k] = append(groups[k], o)
		}
		s.Premature += o.Premature
		if !o.Detected {
			s.Missed = append(s.Missed, o)
		}
	}
	for k, outcomes := range groups {
		s.Rows = append(s.Rows, row(k.kind, k.stealth, outcomes))
	}
	slices.SortFunc(s.Rows, func(a, b Row) int {
		last := func(r Row) int {
			switch {
			case r.Stealth < 0:
				return 2
			case r.Kind == "all":
				return 1
			}
			return 0
		}
		return cmp.Or(last(a)-last(b), cmp.Compare(a.Kind, b.Kind), a.Stealth-b.Stealth)
	})
	return s
}

func row(kind string, stealth int, outcomes []Outcome) Row {
	r := Row{Kind: kind, Stealth: stealth, Intrusions: len(outcomes)}
	var delays []time.Duration
	for _, o := range outcomes {
		r.Edges += o.Edges
		r.EdgesFound += o.EdgesFound
		if !o.Detected {
			continue
		}
		r.Detected++
		r.Reachable += o.Edges
		r.Incidents += len(o.Incidents)
		if o.Delay != nil {
			delays = append(delays, *o.Delay)
		}
	}
	slices.Sort(delays)
	if r.Delays = len(delays); r.Delays > 0 {
		r.Median, r.P90 = quantile(delays, 0.5), quantile(delays, 0.9)
	}
	return r
}

// quantile is the smallest value that at least a share q of sorted values don't
// exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	k := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(k, 0), len(sorted)-1)]
}
