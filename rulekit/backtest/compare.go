package backtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"headstart/event"
	"headstart/term"
)

// Span is the reported part of a history.
type Span struct {
	HistoryFrom  time.Time // the history's first message
	From, Until  time.Time // bounds of the report
	LearnedAfter time.Time // end of the learning period of the hosts present at the start; zero without one
	Interval     time.Duration
}

// Days is the length of the reported part in days.
func (s Span) Days() float64 { return s.Until.Sub(s.From).Hours() / 24 }

// Numbers sum up the result of one rule set.
type Numbers struct {
	Alerts         int           `json:"alerts"`
	Incidents      int           `json:"incidents"`
	Notified       int           `json:"notified"`
	AlertsPerDay   float64       `json:"alerts_per_day"`
	NotifiedPerDay float64       `json:"notified_per_day"`
	Muted          int           `json:"muted"`                         // matches suppressed by exceptions, since the start of the history
	TimeToNotify   event.Seconds `json:"median_told_after_seconds"`     // from an incident's first connection to its notification
	Failures       int           `json:"failed_evaluations,omitempty"`  // of rules
	LeftOut        int           `json:"left_out_of_compare,omitempty"` // alerts and incidents beyond the limit
}

// RuleCount is the number of alerts of a rule.
type RuleCount struct {
	Rule          string `json:"rule"`
	Old           int    `json:"old"`
	New           int    `json:"new"`
	OldSuppressed int    `json:"old_muted,omitempty"`
	NewSuppressed int    `json:"new_muted,omitempty"`
}

// Alerts compares alerts.
type Alerts struct {
	Gained  []*Alert `json:"gained"`
	Lost    []*Alert `json:"lost"`
	Same    int      `json:"same"`    // in both
	Earlier int      `json:"earlier"` // of these: the new rules raise it earlier
	Later   int      `json:"later"`
}

// Change is an incident that is in both results and differs.
type Change struct {
	Old   *Incident `json:"old"`
	New   *Incident `json:"new"`
	Texts []string  `json:"changes"`
}

// Incidents compares incidents. Gained and lost ones have no counterpart.
type Incidents struct {
	Gained  []*Incident `json:"gained"`
	Lost    []*Incident `json:"lost"`
	Changed []*Change   `json:"changed"`
	Same    int         `json:"same"`

	// LostNotified are incidents notified by the old rules of which nothing is in
	// an incident notified by the new ones. GainedNotified are the opposite.
	LostNotified   []*Incident `json:"no_longer_told"`
	GainedNotified []*Incident `json:"newly_told"`
}

// Detection compares the times of notification of incidents notified in both.
type Detection struct {
	Both    int           `json:"both"`
	Earlier int           `json:"earlier"`
	Later   int           `json:"later"`
	Median  event.Seconds `json:"median_seconds"` // of the new minus the old time
}

// Hosts are the hosts with alerts in one result only.
type Hosts struct {
	Newly  []string `json:"newly_alerting"`
	Silent []string `json:"fallen_silent"`
}

// Result compares two outcomes.
type Result struct {
	Span      Span        `json:"span"`
	Old       Numbers     `json:"old"`
	New       Numbers     `json:"new"`
	Rules     []RuleCount `json:"rules"` // that fired or were suppressed, by id
	Alerts    Alerts      `json:"alerts"`
	Incidents Incidents   `json:"incidents"`
	Detection Detection   `json:"time_to_detect"`
	Hosts     Hosts       `json:"hosts"`
}

// Compare compares two outcomes of the same history.
//
// An incident that the new rules merge with another, or split, is not lost: its
// notification continues as part of the other.
func Compare(old, new *Outcome, s Span) *Result {
	r := &Result{Span: s, Old: s.numbers(old), New: s.numbers(new)}
	r.compareAlerts(old, new)
	r.compareIncidents(old, new)
	r.countRules(old, new)
	return r
}

func (s Span) has(t time.Time) bool { return !t.Before(s.From) }

func (s Span) numbers(o *Outcome) Numbers {
	n := Numbers{Failures: o.Totals.Failures, LeftOut: o.LeftOut}
	for _, a := range o.Alerts {
		if s.has(a.At) {
			n.Alerts++
		}
	}
	var after []time.Duration
	for _, i := range o.Incidents {
		if s.has(i.LastActivityAt) {
			n.Incidents++
		}
		if i.Notified && s.has(i.NotifiedAt) {
			n.Notified++
			after = append(after, i.NotifiedAt.Sub(i.BeganAt))
		}
	}
	for _, muted := range o.Totals.Muted {
		n.Muted += muted
	}
	n.TimeToNotify = event.Seconds(median(after))
	if days := s.Days(); days > 0 {
		n.AlertsPerDay, n.NotifiedPerDay = float64(n.Alerts)/days, float64(n.Notified)/days
	}
	return n
}

// median is the lower one of two in the middle; 0 of nothing.
func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

func (r *Result) compareAlerts(old, new *Outcome) {
	before := map[string]*Alert{}
	for _, a := range old.Alerts {
		before[a.ID] = a
	}
	hosts := [2]map[string]bool{{}, {}}
	r.Alerts = Alerts{Gained: []*Alert{}, Lost: []*Alert{}}
	for _, a := range new.Alerts {
		if r.Span.has(a.At) {
			hosts[1][a.Host] = true
		}
		b := before[a.ID]
		delete(before, a.ID)
		switch {
		case b == nil && r.Span.has(a.At):
			r.Alerts.Gained = append(r.Alerts.Gained, a)
		case b == nil || !r.Span.has(a.At) && !r.Span.has(b.At):
		default:
			r.Alerts.Same++
			switch c := a.At.Compare(b.At); {
			case c < 0:
				r.Alerts.Earlier++
			case c > 0:
				r.Alerts.Later++
			}
		}
	}
	for _, a := range old.Alerts {
		if !r.Span.has(a.At) {
			continue
		}
		hosts[0][a.Host] = true
		if before[a.ID] == a {
			r.Alerts.Lost = append(r.Alerts.Lost, a)
		}
	}
	names := func(m map[string]bool) []string { return slices.Collect(maps.Keys(m)) }
	r.Hosts = Hosts{Newly: texts(difference(names(hosts[0]), names(hosts[1]))), Silent: texts(difference(names(hosts[1]), names(hosts[0])))}
}

// texts returns a list that JSON encodes as one, even when it is empty.
func texts(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

func (r *Result) compareIncidents(old, new *Outcome) {
	in := &r.Incidents
	*in = Incidents{Gained: []*Incident{}, Lost: []*Incident{}, Changed: []*Change{}, LostNotified: []*Incident{}, GainedNotified: []*Incident{}}
	p := pair(old.Incidents, new.Incidents)
	for _, both := range p.pairs {
		a, b := old.Incidents[both[0]], new.Incidents[both[1]]
		if !r.Span.has(a.LastActivityAt) && !r.Span.has(b.LastActivityAt) {
			continue
		}
		if texts := changes(a, b); texts != nil {
			in.Changed = append(in.Changed, &Change{a, b, texts})
		} else {
			in.Same++
		}
	}
	in.Lost, in.LostNotified = r.only(old.Incidents, new.Incidents, p.old)
	in.Gained, in.GainedNotified = r.only(new.Incidents, old.Incidents, p.new)
	r.Detection = r.detection(old, new, p)
}

// detection compares the times of notification.
func (r *Result) detection(old, new *Outcome, p pairing) Detection {
	var d Detection
	var later []time.Duration
	for _, both := range p.pairs {
		a, b := old.Incidents[both[0]], new.Incidents[both[1]]
		if !a.Notified || !b.Notified || !r.Span.has(a.NotifiedAt) && !r.Span.has(b.NotifiedAt) {
			continue
		}
		by := b.NotifiedAt.Sub(a.NotifiedAt)
		later = append(later, by)
		switch {
		case by < 0:
			d.Earlier++
		case by > 0:
			d.Later++
		}
	}
	d.Both, d.Median = len(later), event.Seconds(median(later))
	return d
}

// only returns the incidents that have nothing in common with any of the others,
// and the notified ones that have nothing in common with a notified one.
func (r *Result) only(these, others []*Incident, common [][]int) (alone, notified []*Incident) {
	alone, notified = []*Incident{}, []*Incident{}
	for n, i := range these {
		if !r.Span.has(i.LastActivityAt) {
			continue
		}
		if len(common[n]) == 0 {
			alone = append(alone, i)
		}
		if i.Notified && !slices.ContainsFunc(common[n], func(m int) bool { return others[m].Notified }) {
			notified = append(notified, i)
		}
	}
	return alone, notified
}

// changes describes the differences of an incident; nil when there are none.
func changes(old, new *Incident) []string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	switch {
	case old.Notified && !new.Notified:
		say("no longer notified")
	case !old.Notified && new.Notified:
		say("now notified")
	case old.Notified && new.NotifiedAt.Before(old.NotifiedAt):
		say("notified %s earlier", term.Duration(old.NotifiedAt.Sub(new.NotifiedAt)))
	case old.Notified && new.NotifiedAt.After(old.NotifiedAt):
		say("notified %s later", term.Duration(new.NotifiedAt.Sub(old.NotifiedAt)))
	}
	if old.Severity != new.Severity {
		say("severity %s, was %s", new.Severity, old.Severity)
	}
	if old.Score != new.Score {
		say("score %.4g, was %.4g", new.Score, old.Score)
	}
	lists := func(what string, old, new []string) {
		if more := difference(old, new); len(more) > 0 {
			say("more %s: %s", what, term.Some(more))
		}
		if fewer := difference(new, old); len(fewer) > 0 {
			say("without the %s %s", what, term.Some(fewer))
		}
	}
	lists("hosts", old.Hosts, new.Hosts)
	lists("rules", old.Rules, new.Rules)
	if more := len(new.Alerts) - len(old.Alerts); more != 0 && len(all) == 0 {
		say("%+d alerts", more)
	}
	return all
}

func (r *Result) countRules(old, new *Outcome) {
	counts := map[string]*RuleCount{}
	of := func(id string) *RuleCount {
		if counts[id] == nil {
			counts[id] = &RuleCount{Rule: id}
		}
		return counts[id]
	}
	for _, a := range old.Alerts {
		if r.Span.has(a.At) {
			of(a.Rule).Old++
		}
	}
	for _, a := range new.Alerts {
		if r.Span.has(a.At) {
			of(a.Rule).New++
		}
	}
	for id, n := range old.Totals.Muted {
		of(id).OldSuppressed = n
	}
	for id, n := range new.Totals.Muted {
		of(id).NewSuppressed = n
	}
	r.Rules = []RuleCount{}
	for _, c := range counts {
		r.Rules = append(r.Rules, *c)
	}
	slices.SortFunc(r.Rules, func(a, b RuleCount) int { return cmp.Compare(a.Rule, b.Rule) })
}
