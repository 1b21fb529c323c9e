// Package backtest compares the results of two rule sets on the same history. It is
// pure: the caller replays the history.
//
//	old, new := backtest.NewRecorder(from), backtest.NewRecorder(from)
//	totals, err := replay.RunAll(ctx, feed, []replay.Variant{{oldOptions, old}, {newOptions, new}})
//	result := backtest.Compare(old.Outcome(totals[0]), new.Outcome(totals[1]), backtest.Span{…})
//
// It guarantees:
//   - Alerts are the same when their ids are: the rule and the connection, or
//     the rule, a pattern's key, and the day.
//   - Incidents, whose ids depend on the first alert, are the same when they share
//     an alert; else when they share an edge, or most of their hosts, at about the
//     same time.
//   - A notified incident is lost only when no notified incident of the other
//     result has anything of it; see [Compare].
//   - The same outcomes give the same result.
package backtest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"headstart/event"
	"headstart/replay"
)

// Limits of a recorder. Alerts and incidents beyond them are counted, not compared.
const (
	maxAlerts    = 500_000
	maxIncidents = 100_000
)

// margin is the time before the reported span from which alerts and incidents are
// kept: one that one rule set raises before the span and the other in it is no
// gain.
const margin = 24 * time.Hour

// Alert is the part of an alert to compare.
type Alert struct {
	ID          string         `json:"id"`
	Rule        string         `json:"rule"`
	Severity    event.Severity `json:"severity"`
	At          time.Time      `json:"at"`
	Host        string         `json:"host"`
	Title       string         `json:"title"`
	Source      event.Address  `json:"source"`
	Destination event.Address  `json:"destination"`
	Port        uint16         `json:"port"`
	Learning    bool           `json:"learning,omitempty"`
}

// Incident is the part of an incident's last revision to compare.
type Incident struct {
	ID             string         `json:"id"`
	Title          string         `json:"title"`
	Severity       event.Severity `json:"severity"`
	Score          float64        `json:"score"`
	Notified       bool           `json:"notified"`
	BeganAt        time.Time      `json:"began_at"` // its first connection
	OpenedAt       time.Time      `json:"opened_at"`
	NotifiedAt     time.Time      `json:"notified_at,omitzero"`
	LastActivityAt time.Time      `json:"last_activity_at"`
	Hosts          []string       `json:"hosts"`
	Rules          []string       `json:"rules"`
	Alerts         []string       `json:"alerts"`

	edges []edge
}

// edge is a step of an incident, at any time.
type edge struct {
	source, destination event.Address
	port                uint16
}

// Outcome is the result of one rule set on a history.
type Outcome struct {
	Totals    replay.Totals
	Alerts    []*Alert    // by time
	Incidents []*Incident // by time of opening, without merged ones
	LeftOut   int         // alerts and incidents beyond the limits
}

// Recorder is a [replay.Sink] that records an outcome.
type Recorder struct {
	from    time.Time
	outcome Outcome
	last    map[string]*event.Incident // revision of open incidents
}

// NewRecorder returns a recorder for a span that begins at a time.
func NewRecorder(from time.Time) *Recorder {
	return &Recorder{from: from.Add(-margin), last: map[string]*event.Incident{}}
}

// Alert implements [replay.Sink].
func (r *Recorder) Alert(a *event.Alert) error {
	if a.At.Before(r.from) {
		return nil
	}
	if len(r.outcome.Alerts) == maxAlerts {
		r.outcome.LeftOut++
		return nil
	}
	c := &a.Connection
	r.outcome.Alerts = append(r.outcome.Alerts, &Alert{
		ID: a.ID, Rule: a.Rule, Severity: a.Severity, At: a.At, Host: a.Host, Title: a.Title,
		Source: c.Source, Destination: c.Destination, Port: c.Port, Learning: a.Learning,
	})
	return nil
}

// Incident implements [replay.Sink].
func (r *Recorder) Incident(i *event.Incident) error {
	if i.State != event.IncidentResolved && i.MergedInto == "" {
		r.last[i.ID] = i
		return nil
	}
	delete(r.last, i.ID)
	r.over(i)
	return nil
}

func (r *Recorder) over(i *event.Incident) {
	switch {
	case i.MergedInto != "" || i.LastActivityAt.Before(r.from): // the other incident has all of it
	case len(r.outcome.Incidents) == maxIncidents:
		r.outcome.LeftOut++
	default:
		r.outcome.Incidents = append(r.outcome.Incidents, summarise(i))
	}
}

func summarise(i *event.Incident) *Incident {
	s := &Incident{
		ID: i.ID, Title: i.Title, Severity: i.Severity, Score: i.Score, Notified: i.Notified, BeganAt: i.OpenedAt, OpenedAt: i.OpenedAt, NotifiedAt: i.NotifiedAt,
		LastActivityAt: i.LastActivityAt, Hosts: i.Hosts, Rules: i.Rules, Alerts: i.Alerts,
	}
	for _, p := range i.Path {
		if p.At.Before(s.BeganAt) {
			s.BeganAt = p.At
		}
		if e := (edge{p.Source, p.Destination, p.Port}); !slices.Contains(s.edges, e) {
			s.edges = append(s.edges, e)
		}
	}
	return s
}

// Outcome returns the outcome after the replay.
func (r *Recorder) Outcome(t replay.Totals) *Outcome {
	for _, i := range r.last {
		r.over(i)
	}
	r.last = nil
	r.outcome.Totals = t
	slices.SortFunc(r.outcome.Incidents, func(a, b *Incident) int {
		return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), strings.Compare(a.ID, b.ID))
	})
	slices.SortStableFunc(r.outcome.Alerts, func(a, b *Alert) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID))
	})
	return &r.outcome
}
