package backtest

import (
	"cmp"
	"slices"
	"time"

	"headstart/event"
)

// Pace compares two polling intervals with the same rules.
type Pace struct {
	Interval event.Seconds `json:"interval_seconds"`
	Numbers  Numbers       `json:"numbers"`

	// Only are the alerts raised at this interval only, Missing those at the normal
	// one only. Median is how much later than at the normal interval the alerts of
	// both are; negative: earlier.
	Only    []*Alert      `json:"only"`
	Missing []*Alert      `json:"missing"`
	Both    int           `json:"both"`
	Earlier int           `json:"earlier"`
	Later   int           `json:"later"`
	Median  event.Seconds `json:"median_seconds"`

	// The same for notified incidents.
	OnlyNotified    []*Incident `json:"only_told"`
	MissingNotified []*Incident `json:"missing_told"`
	Notified        Detection   `json:"time_to_detect"`
}

// ComparePaces compares the results of the same rules on the same traffic at two
// intervals. A connection's id depends on the time at which it is first seen, so
// alerts are the same when rule, host and ends are, and their times are close.
func ComparePaces(normal, other *Outcome, s Span, interval time.Duration) *Pace {
	p := &Pace{Interval: event.Seconds(interval), Numbers: s.numbers(other), Only: []*Alert{}, Missing: []*Alert{}}
	m := matcher{near: max(10*time.Minute, 4*max(interval, s.Interval)), ids: map[string]*Alert{}, alike: map[alikeness][]*Alert{}, taken: map[*Alert]bool{}}
	for _, a := range normal.Alerts {
		m.ids[a.ID] = a
		k := alike(a)
		m.alike[k] = append(m.alike[k], a)
	}
	var later []time.Duration
	for _, a := range other.Alerts {
		b := m.match(a)
		switch {
		case b == nil && s.has(a.At):
			p.Only = append(p.Only, a)
		case b == nil || !s.has(a.At) && !s.has(b.At):
		default:
			later = append(later, a.At.Sub(b.At))
		}
	}
	for _, a := range normal.Alerts {
		if s.has(a.At) && !m.taken[a] {
			p.Missing = append(p.Missing, a)
		}
	}
	p.Both = len(later)
	for _, d := range later {
		switch {
		case d < 0:
			p.Earlier++
		case d > 0:
			p.Later++
		}
	}
	p.Median = event.Seconds(median(later))

	r := &Result{Span: s}
	same := pair(normal.Incidents, other.Incidents)
	_, p.MissingNotified = r.only(normal.Incidents, other.Incidents, same.old)
	_, p.OnlyNotified = r.only(other.Incidents, normal.Incidents, same.new)
	p.Notified = r.detection(normal, other, same)
	return p
}

// alikeness is what the same alert has in common at both intervals.
type alikeness struct {
	rule, host string
	edge       edge
}

func alike(a *Alert) alikeness {
	return alikeness{a.Rule, a.Host, edge{a.Source, a.Destination, a.Port}}
}

// matcher finds the alert of the other interval.
type matcher struct {
	near  time.Duration
	ids   map[string]*Alert
	alike map[alikeness][]*Alert // by time
	taken map[*Alert]bool
}

func (m *matcher) match(a *Alert) *Alert {
	best := m.ids[a.ID]
	if best == nil || m.taken[best] {
		best = nil
		all := m.alike[alike(a)]
		from, _ := slices.BinarySearchFunc(all, a.At.Add(-m.near), func(b *Alert, t time.Time) int { return b.At.Compare(t) })
		for _, b := range all[from:] {
			if b.At.Sub(a.At) > m.near {
				break
			}
			if !m.taken[b] && (best == nil || cmp.Compare(b.At.Sub(a.At).Abs(), best.At.Sub(a.At).Abs()) < 0) {
				best = b
			}
		}
	}
	if best != nil {
		m.taken[best] = true
	}
	return best
}
