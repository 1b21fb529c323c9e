package coverage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/event"
	"headstart/term"
)

// Report is the coverage of a rule set.
type Report struct {
	Rules      string   `json:"rules"` // name of the rule set
	Hash       string   `json:"hash"`
	Enabled    int      `json:"enabled"`
	Attack     string   `json:"attack_version"`
	Techniques []Row    `json:"techniques"`
	Notes      []string `json:"notes"`
	History    *History `json:"history,omitempty"` // nil: none was read
}

// History is the activity of the rules in a history.
type History struct {
	From       time.Time  `json:"from"`
	Until      time.Time  `json:"until"`
	Hosts      int        `json:"hosts"` // that reported
	Activities []Activity `json:"rules"`
	Missing    []Missing  `json:"without_hosts"`
	Blind      []Blind    `json:"polled_too_seldom"`
	Silent     []Silent   `json:"not_polled"`
}

const few = 10

type writer struct{ term.Writer }

// Text returns the report for a terminal, with the first rows of each table
// unless all is set.
func (r *Report) Text(p term.Page, all bool) string {
	w := &writer{term.Writer{Page: p, Most: few}}
	if all {
		w.Most = maxHosts
	}
	w.matrix(r, all)
	if h := r.History; h != nil {
		w.activities(h)
		w.missing(h)
		w.blind(h)
		w.silent(h)
	}
	for _, note := range r.Notes {
		w.WriteByte('\n')
		w.Say(term.Yellow, "%s", note)
	}
	return w.String()
}

func tableRow(rest string, cells ...string) term.Row {
	return term.Row{Cells: term.Regular.Each(cells...), Rest: term.Faint.Each(rest)}
}

// matrix writes the techniques by state: the covered ones in whole, the invisible
// ones only with all.
func (w *writer) matrix(r *Report, all bool) {
	headings := []string{"Covered", "Possibly covered: rules name the parent technique", "Not covered, and visible in connections", "Not covered, and hinted at by connections", "Invisible in connections"}
	groups := make([][]term.Row, len(headings))
	for _, t := range r.Techniques {
		n := map[State]int{Covered: 0, Perhaps: 1, Uncovered: 2, Invisible: 4}[t.State]
		if t.State == Uncovered && t.Sight == Hinted {
			n = 3
		}
		name := t.Name
		if _, sub, is := strings.Cut(name, ": "); is {
			name = sub
		}
		groups[n] = append(groups[n], tableRow(cmp.Or(strings.Join(t.Rules, ", "), t.Why), t.ID, name))
	}
	w.Say(term.Regular, "%s: %d rules enabled. Of the %d network techniques of ATT&CK %s, %d are covered and %d possibly covered; %d more are visible in connections, %d are hinted at, %d are invisible.",
		r.Rules, r.Enabled, len(r.Techniques), r.Attack, len(groups[0]), len(groups[1]), len(groups[2]), len(groups[3]), len(groups[4]))
	w.WriteByte('\n')
	w.tactics(r.Techniques)
	most := w.Most
	for n, rows := range groups {
		heading := fmt.Sprintf("%s (%d)", headings[n], len(rows))
		switch {
		case n == 4 && !all && len(rows) > 0:
			w.Heading("%s", heading)
			w.Detail(term.Faint, "--all lists them")
			continue
		case n == 0:
			w.Most = len(rows)
		}
		w.List(heading, nil, rows)
		w.Most = most
	}
}

func (w *writer) tactics(techniques []Row) {
	rows := []term.Row{{Cells: term.Faint.Each("TACTIC", "COVERED", "POSSIBLY", "NOT", "INVISIBLE")}}
	for _, tactic := range Tactics() {
		n := map[State]int{}
		for _, t := range techniques {
			if slices.Contains(t.Tactics, tactic) {
				n[t.State]++
			}
		}
		rows = append(rows, tableRow("", tactic, fmt.Sprint(n[Covered]), fmt.Sprint(n[Perhaps]), fmt.Sprint(n[Uncovered]), fmt.Sprint(n[Invisible])))
	}
	w.Page.Table(&w.Builder, 2, rows)
}

func (w *writer) activities(h *History) {
	var never, suppressed []string
	for i := range h.Activities {
		a := &h.Activities[i]
		switch {
		case a.Never():
			never = append(never, a.Rule)
		case a.Fired+a.Alerts == 0:
			suppressed = append(suppressed, fmt.Sprintf("%s (%d times)", a.Rule, a.Muted))
		}
	}
	w.Heading("Rule activity from %s to %s on %d hosts", term.Minute(h.From), term.Minute(h.Until), h.Hosts)
	w.Detail(term.Regular, "%d of %d rules fired.", len(h.Activities)-len(never)-len(suppressed), len(h.Activities))
	if len(never) > 0 {
		w.Detail(term.Regular, "Never fired: %s.", strings.Join(never, ", "))
	}
	if len(suppressed) > 0 {
		w.Detail(term.Regular, "Only suppressed by exceptions: %s.", strings.Join(suppressed, ", "))
	}
}

func (w *writer) missing(h *History) {
	var rows []term.Row
	for _, m := range h.Missing {
		what := "no reporting host has " + m.List
		if m.End == "peer" {
			what = "no known host has " + m.List
		}
		rows = append(rows, tableRow(cmp.Or(strings.Join(m.Roles, ", "), "the list is empty"), m.Rule, what))
	}
	w.List("Rules that can't fire because no host has the role", nil, rows)
}

func (w *writer) blind(h *History) {
	var rows []term.Row
	length := func(s event.Seconds) string { return term.Duration(time.Duration(s)) }
	for _, b := range h.Blind {
		var names []string
		for _, host := range b.Hosts {
			names = append(names, host.Host)
		}
		rows = append(rows, tableRow("on "+term.Some(names), b.Rule, "requires "+length(b.Length), "polled every "+length(b.Interval), "certain from "+length(b.Surely)))
	}
	w.List("Rules that require less than the polling interval: they can miss connections shorter than \"certain\"", nil, rows)
}

func (w *writer) silent(h *History) {
	var rows []term.Row
	for _, s := range h.Silent {
		last := s.Gaps[len(s.Gaps)-1]
		until := term.Minute(last.Until)
		if last.Open {
			until = "the end"
		}
		rows = append(rows, tableRow(term.Minute(last.From)+" to "+until,
			s.Host, fmt.Sprint(len(s.Gaps)+s.Left), term.Duration(time.Duration(s.Total)), term.Duration(time.Duration(s.Longest))))
	}
	w.List(fmt.Sprintf("Hosts with gaps in polling, during which no rule could fire (%d)", len(h.Silent)), term.Faint.Each("HOST", "GAPS", "TOTAL", "LONGEST", "LAST"), rows)
}
