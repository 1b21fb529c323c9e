// Package coverage measures a rule set: the ATT&CK techniques that it covers, the
// rules that never fired, and the rules and hosts for which nothing could fire. It
// is pure.
//
// It guarantees that a technique counts as covered only if an enabled rule names
// it or one of its sub-techniques; a sub-technique of a named technique is
// possibly covered.
package coverage

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// State is the coverage of a technique.
type State string

// The states.
const (
	Covered   State = "covered"   // by rules that name it, or a sub-technique of it
	Perhaps   State = "perhaps"   // rules name its parent
	Uncovered State = "uncovered" // the connections could show it
	Invisible State = "invisible" // they can't
)

// Row is a technique with its enabled rules.
type Row struct {
	Technique
	State State    `json:"state"`
	Rules []string `json:"rules,omitempty"`
}

// Matrix returns the techniques of the table and others that rules name, by id.
func Matrix(set *rule.Set) []Row {
	rules := map[string][]string{}
	for _, r := range set.Rules {
		for _, id := range r.Attack {
			if r.Enabled {
				rules[id] = append(rules[id], r.ID)
			}
		}
	}
	var rows []Row
	known := map[string]bool{}
	for _, t := range Techniques() {
		known[t.ID] = true
		rows = append(rows, Row{Technique: t})
	}
	for id := range rules {
		if !known[id] {
			rows = append(rows, Row{Technique: Technique{ID: id, Tactics: []string{}, Sight: Hinted, Why: "not in the table of techniques"}})
		}
	}
	for i := range rows {
		rows[i].cover(rules)
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.ID, b.ID) })
	return rows
}

func (r *Row) cover(rules map[string][]string) {
	for id, of := range rules {
		if id == r.ID || Parent(id) == r.ID {
			r.Rules = append(r.Rules, of...)
		}
	}
	slices.Sort(r.Rules)
	r.Rules = slices.Compact(r.Rules)
	above := rules[Parent(r.ID)]
	switch {
	case len(r.Rules) > 0:
		r.State = Covered
	case len(above) > 0 && r.Sight != Unseen:
		r.State, r.Rules = Perhaps, above
	case r.Sight == Unseen:
		r.State = Invisible
	default:
		r.State = Uncovered
	}
}

// Activity counts the matches and alerts of a rule.
type Activity struct {
	Rule        string    `json:"rule"`
	RaisesAlert bool      `json:"raises_alert"` // false for a building block
	Fired       int       `json:"fired"`        // in the history
	Muted       int       `json:"muted"`        // by its exceptions
	Alerts      int       `json:"alerts"`       // kept by the running system
	LastAlertAt time.Time `json:"last_alert_at,omitzero"`
}

// Never reports whether a rule never matched.
func (a *Activity) Never() bool { return a.Fired+a.Muted+a.Alerts == 0 }

// Stored counts a rule's alerts in a running system.
type Stored struct {
	Alerts int
	Last   time.Time
}

// Activities returns the activity of the enabled rules, by id.
func Activities(set *rule.Set, fired, muted map[string]int, stored map[string]Stored) []Activity {
	all := []Activity{}
	for _, r := range set.Rules {
		if r.Enabled {
			s := stored[r.ID]
			all = append(all, Activity{r.ID, r.Alert, fired[r.ID], muted[r.ID], s.Alerts, s.Last.UTC()})
		}
	}
	return all
}

// Known is a known host.
type Known struct {
	Name    string
	Roles   []string
	Reports bool // its own connections
}

// Missing is a list of roles that a rule needs and no host has: it can't fire.
type Missing struct {
	Rule  string   `json:"rule"`
	End   string   `json:"end"`  // host: that reports; peer: any
	List  string   `json:"list"` // roles.web
	Roles []string `json:"roles"`
}

// WithoutHosts returns the rules that can't fire because no host has a role.
func WithoutHosts(set *rule.Set, hosts []Known) []Missing {
	reporting, any := map[string]bool{}, map[string]bool{}
	for _, h := range hosts {
		for _, role := range h.Roles {
			any[role] = true
			reporting[role] = reporting[role] || h.Reports
		}
	}
	all := []Missing{}
	for _, r := range set.Rules {
		if !r.Enabled {
			continue
		}
		needs := set.Needs(r)
		add := func(end string, lists []rule.RoleList, have map[string]bool) {
			for _, l := range lists {
				if !slices.ContainsFunc(l.Roles, func(role string) bool { return have[role] }) {
					all = append(all, Missing{r.ID, end, l.Name, append([]string{}, l.Roles...)})
				}
			}
		}
		add("host", needs.Hosts, reporting)
		add("peer", needs.Peers, any)
	}
	return all
}

// Blind is a duration that a rule requires, and the hosts polled too rarely to prove
// it.
type Blind struct {
	Rule     string        `json:"rule"`
	Length   event.Seconds `json:"length_seconds"`
	Interval event.Seconds `json:"interval_seconds"` // the longest of the hosts'
	Surely   event.Seconds `json:"surely_seconds"`   // duration from which a connection is certain to be found at that interval
	Hosts    []BlindHost   `json:"hosts"`
}

// BlindHost is a host with the period in which it was polled too rarely.
type BlindHost struct {
	Host     string        `json:"host"`
	Interval event.Seconds `json:"interval_seconds"`
	From     time.Time     `json:"from"`
	Until    time.Time     `json:"until"`
}

// surely is the duration from which two polls of a connection are certain to be far
// enough apart to prove a length: its begin and end between polls are unknown.
func surely(length, interval time.Duration) time.Duration {
	polls := (length + interval - 1) / interval
	return (polls + 1) * interval
}

// TooSeldom returns the rules that require less than the polling interval of a host
// that they apply to.
func TooSeldom(set *rule.Set, hosts []*Host) []Blind {
	all := []Blind{}
	for _, r := range set.Rules {
		if !r.Enabled {
			continue
		}
		needs := set.Needs(r)
		if len(needs.Lengths) == 0 {
			continue
		}
		b := Blind{Rule: r.ID, Length: event.Seconds(slices.Min(needs.Lengths)), Hosts: []BlindHost{}}
		for _, h := range hosts {
			if !fits(h, needs.Hosts) {
				continue
			}
			if p, ok := h.slowest(); ok && p.Interval > time.Duration(b.Length) {
				b.Hosts = append(b.Hosts, BlindHost{h.Name, event.Seconds(p.Interval), p.From.UTC(), p.Until.UTC()})
				b.Interval = max(b.Interval, event.Seconds(p.Interval))
			}
		}
		if len(b.Hosts) > 0 {
			b.Surely = event.Seconds(surely(time.Duration(b.Length), time.Duration(b.Interval)))
			all = append(all, b)
		}
	}
	return all
}

// fits reports whether a host has one role of each list.
func fits(h *Host, lists []rule.RoleList) bool {
	for _, l := range lists {
		if !slices.ContainsFunc(l.Roles, func(role string) bool { return slices.Contains(h.Roles, role) }) {
			return false
		}
	}
	return true
}

// byName sorts hosts.
func byName(a, b *Host) int { return strings.Compare(a.Name, b.Name) }
