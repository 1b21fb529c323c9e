package score

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"headstart/lab/simulate"
)

// Outcome is the result for one intrusion.
type Outcome struct {
	Company    string         `json:"company"` // the caller's name for it
	ID         string         `json:"id"`
	Kind       string         `json:"kind"`
	Stealth    int            `json:"stealth"`
	Entry      string         `json:"entry"`
	Start      time.Time      `json:"start"`
	Detected   bool           `json:"detected"`
	Kept       bool           `json:"kept"`            // found by an incident that was not notified
	Premature  int            `json:"premature"`       // incidents that found it and were notified before it began
	Delay      *time.Duration `json:"delay,omitempty"` // nil if missed, or if no poll is certain to show a move
	Edges      int            `json:"edges"`
	EdgesFound int            `json:"edges_found"`
	Missing    []string       `json:"missing,omitempty"`   // edges that no path holds
	Incidents  []string       `json:"incidents,omitempty"` // notified ones that found it
	FirstMove  *time.Time     `json:"first_move,omitempty"`
	FoundBy    []string       `json:"found_by,omitempty"` // rules
}

// False is a notified incident that found nothing.
type False struct {
	Company    string      `json:"company"`
	ID         string      `json:"id"`
	Severity   string      `json:"severity"`
	Title      string      `json:"title"`
	Rules      []string    `json:"rules"`
	NotifiedAt time.Time   `json:"notified_at"`
	Hosts      []string    `json:"hosts"`
	First      *Connection `json:"first,omitempty"`
	Around     []string    `json:"around,omitempty"` // harmless events that may explain it
}

// Result is one company's.
type Result struct {
	Outcomes []Outcome `json:"outcomes"`
	False    []False   `json:"false"`
	Early    int       `json:"early"` // notified while learning, and found nothing
	Days     float64   `json:"days"`  // after the learning time
}

// Score compares one replay with the truth. The name is the company's.
func Score(name string, truth *simulate.Truth, replay *Replay, interval time.Duration) Result {
	result := Result{Outcomes: []Outcome{}, False: []False{}, Days: max(0, truth.End.Sub(truth.LearnUntil).Hours()/24)}
	found := make([]findings, len(replay.Incidents))
	index := newIndex(truth)
	for n, i := range replay.Incidents {
		found[n] = findings{}
		for _, c := range replay.connections(i) {
			for _, step := range index.find(c.Connection, interval) {
				if t, ok := found[n][step.intrusion]; !ok || c.since.Before(t) {
					found[n][step.intrusion] = c.since
				}
			}
		}
		if !i.Notified || len(found[n]) > 0 {
			continue
		}
		if i.NotifiedAt.Before(truth.LearnUntil) {
			result.Early++
			continue
		}
		result.False = append(result.False, explain(name, truth, replay, i))
	}
	for k := range truth.Intrusions {
		o := outcome(&truth.Intrusions[k], replay, interval, func(n int) (time.Time, bool) { t, ok := found[n][k]; return t, ok })
		o.Company = name
		result.Outcomes = append(result.Outcomes, o)
	}
	return result
}

// findings are the intrusions that an incident found, by index, and when.
type findings map[int]time.Time

// outcome compares the incidents with one intrusion; found reports when an
// incident found it.
func outcome(t *simulate.Intrusion, replay *Replay, interval time.Duration, found func(incident int) (time.Time, bool)) Outcome {
	o := Outcome{ID: t.ID, Kind: t.Kind, Stealth: t.Stealth, Entry: t.Entry, Start: t.Start}
	var notified time.Time
	paths := map[edge]bool{}
	for n, i := range replay.Incidents {
		since, ok := found(n)
		if !ok {
			continue
		}
		if !i.Notified {
			o.Kept = true
			continue
		}
		o.Detected = true
		o.Incidents = append(o.Incidents, i.ID)
		for _, r := range replay.rules(i) {
			if !slices.Contains(o.FoundBy, r) {
				o.FoundBy = append(o.FoundBy, r)
			}
		}
		if i.NotifiedAt.Before(t.Start) {
			o.Premature++
		}
		if i.NotifiedAt.After(since) {
			since = i.NotifiedAt
		}
		if notified.IsZero() || since.Before(notified) {
			notified = since
		}
		for _, c := range i.Path {
			paths[edge{c.Source.Unmap(), c.Destination.Unmap(), c.Port}] = true
		}
	}
	o.Kept = o.Kept && !o.Detected
	if at, ok := firstMove(t, interval); ok {
		o.FirstMove = &at
		if o.Detected {
			d := notified.Sub(at)
			o.Delay = &d
		}
	}
	for _, e := range edges(t) {
		o.Edges++
		if paths[e] {
			o.EdgesFound++
		} else {
			o.Missing = append(o.Missing, e.String())
		}
	}
	return o
}

// timeWait is how long Linux keeps a connection that it closed first.
const timeWait = 60 * time.Second

// edge is a move: from where, to where, on which port.
type edge struct {
	source, destination netip.Addr
	port                uint16
}

func (e edge) String() string {
	return fmt.Sprintf("%s → %s", e.source, netip.AddrPortFrom(e.destination, e.port))
}

// edges are an intrusion's successful lateral ones between monitored hosts, in
// order.
func edges(t *simulate.Intrusion) []edge {
	var all []edge
	for _, s := range t.Connections {
		if !s.Success || !s.Lateral || !s.MonitoredSource || !s.MonitoredDestination || s.Kind == "scan" {
			continue
		}
		if e, ok := stepEdge(s); ok && !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	return all
}

func stepEdge(s simulate.Step) (edge, bool) {
	source, err1 := netip.ParseAddr(s.Source)
	destination, err2 := netip.ParseAddr(s.Destination)
	return edge{source.Unmap(), destination.Unmap(), s.Port}, err1 == nil && err2 == nil
}

// firstMove is when the first lateral connection began that a poll is certain
// to show.
func firstMove(t *simulate.Intrusion, interval time.Duration) (time.Time, bool) {
	for _, s := range t.Connections {
		if s.Lateral && certain(s, interval) {
			return s.At, true
		}
	}
	return time.Time{}, false
}

func certain(s simulate.Step, interval time.Duration) bool {
	if !s.MonitoredSource && !s.MonitoredDestination || s.State == "REJ" {
		return false
	}
	long := s.Until.Sub(s.At) >= interval
	if s.State == "S0" {
		return s.MonitoredSource && long
	}
	if long || s.State != "SF" || interval > timeWait {
		return long
	}
	byOriginator := strings.IndexByte(s.History, 'F')
	byResponder := strings.IndexByte(s.History, 'f')
	if byOriginator >= 0 && (byResponder < 0 || byOriginator < byResponder) {
		return s.MonitoredSource
	}
	return s.MonitoredDestination
}

// explain describes a false incident, and what happened around it.
func explain(name string, truth *simulate.Truth, replay *Replay, i *Incident) False {
	f := False{
		Company: name, ID: i.ID, Severity: i.Severity, Title: replay.title(i), Rules: replay.rules(i),
		NotifiedAt: i.NotifiedAt, Hosts: i.Hosts,
	}
	at := i.OpenedAt
	if all := replay.connections(i); len(all) > 0 {
		f.First = &all[0].Connection
		at = all[0].At
	}
	for _, b := range truth.Benign {
		if at.Before(b.Start.Add(-10*time.Minute)) || at.After(b.End.Add(10*time.Minute)) {
			continue
		}
		shared := slices.ContainsFunc(b.Hosts, func(h string) bool { return slices.Contains(i.Hosts, h) })
		if shared {
			f.Around = append(f.Around, b.Kind)
		}
	}
	return f
}
