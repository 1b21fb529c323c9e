package coverage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/term"
)

// Report is all that is said of a set of rules.
type Report struct {
	Rules      string   `json:"rules"` // as the user knows them
	Hash       string   `json:"hash"`
	Enabled    int      `json:"enabled"`
	Attack     string   `json:"attack_version"`
	Techniques []Row    `json:"techniques"`
	Notes      []string `json:"notes"`
	History    *History `json:"history,omitempty"` // nil: there was none to look at
}

// History is what a history says of the rules.
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

// Text returns what a person reads, of each kind a few unless all is asked for.
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

func cells(texts ...string) (spans []term.Span) {
	for _, t := range texts {
		spans = append(spans, term.Regular.Of(t))
	}
	return spans
}

func faint(texts ...string) (spans []term.Span) {
	for _, t := range texts {
		spans = append(spans, term.Faint.Of(t))
	}
	return spans
}

// group is techniques that are alike, and how they are called.
type group struct {
	title string
	rows  []Row
	brief bool // only listed when all is
}

func groups(rows []Row) []group {
	all := []group{
		{title: "Covered"}, {title: "Perhaps covered: rules are for the technique above"},
		{title: "Not covered, and connections show it"}, {title: "Not covered, and connections give a hint"},
		{title: "Can't be seen in connections", brief: true},
	}
	for _, r := range rows {
		n := map[State]int{Covered: 0, Perhaps: 1, Invisible: 4}[r.State]
		if r.State == Uncovered {
			n = 2
			if r.Sight == Hinted {
				n = 3
			}
		}
		all[n].rows = append(all[n].rows, r)
	}
	return all
}

func (w *writer) matrix(r *Report, all bool) {
	gs := groups(r.Techniques)
	w.Say(term.Regular, "%s: %d rules enabled. Of the %d techniques in ATT&CK %s that have to do with a network, %d are covered and %d perhaps; %d more show in connections, of %d there are hints; %d can't be seen.",
		r.Rules, r.Enabled, len(r.Techniques), r.Attack, len(gs[0].rows), len(gs[1].rows), len(gs[2].rows), len(gs[3].rows), len(gs[4].rows))
	w.tactics(r.Techniques)
	for _, g := range gs {
		if len(g.rows) == 0 {
			continue
		}
		w.Heading("%s (%d)", g.title, len(g.rows))
		if g.brief && !all {
			w.Detail(term.Faint, "--all lists them")
			continue
		}
		var rows []term.Row
		for _, t := range g.rows {
			rest := strings.Join(t.Rules, ", ")
			if rest == "" {
				rest = t.Why
			}
			rows = append(rows, term.Row{Cells: cells(t.ID, shorter(t.Name)), Rest: faint(rest)})
		}
		// What is covered is the answer: all of it is listed.
		most := w.Most
		if g.rows[0].State == Covered {
			w.Most = len(rows)
		}
		w.Table(rows, len(rows))
		w.Most = most
	}
}

// shorter leaves out the technique's name in front of a sub-technique's.
func shorter(name string) string {
	if _, sub, is := strings.Cut(name, ": "); is {
		return sub
	}
	return name
}

func (w *writer) tactics(techniques []Row) {
	w.WriteByte('\n')
	rows := []term.Row{{Cells: faint("TACTIC", "COVERED", "PERHAPS", "NOT", "UNSEEN")}}
	for _, tactic := range Tactics() {
		n := map[State]int{}
		for _, t := range techniques {
			if slices.Contains(t.Tactics, tactic) {
				n[t.State]++
			}
		}
		rows = append(rows, term.Row{Cells: cells(tactic, fmt.Sprint(n[Covered]), fmt.Sprint(n[Perhaps]), fmt.Sprint(n[Uncovered]), fmt.Sprint(n[Invisible]))})
	}
	w.Page.Table(&w.Builder, 2, rows)
}

func (w *writer) activities(h *History) {
	var never, muted []string
	for i := range h.Activities {
		a := &h.Activities[i]
		switch {
		case a.Never():
			never = append(never, a.Rule)
		case a.Fired+a.Alerts == 0:
			muted = append(muted, fmt.Sprintf("%s (%d times)", a.Rule, a.Muted))
		}
	}
	w.Heading("What has fired, from %s to %s on %d hosts", minute(h.From), minute(h.Until), h.Hosts)
	w.Detail(term.Regular, "%d of %d rules fired.", len(h.Activities)-len(never)-len(muted), len(h.Activities))
	if len(never) > 0 {
		w.Detail(term.Regular, "Never fired: %s.", strings.Join(never, ", "))
	}
	if len(muted) > 0 {
		w.Detail(term.Regular, "Only where an exception keeps them quiet: %s.", strings.Join(muted, ", "))
	}
}

func (w *writer) missing(h *History) {
	if len(h.Missing) == 0 {
		return
	}
	w.Heading("Rules that can't fire, because no host has the role")
	var rows []term.Row
	for _, m := range h.Missing {
		what := "no host that reports has " + m.List
		if m.End == "peer" {
			what = "no host that is known has " + m.List
		}
		roles := "the list is empty"
		if len(m.Roles) > 0 {
			roles = strings.Join(m.Roles, ", ")
		}
		rows = append(rows, term.Row{Cells: cells(m.Rule, what), Rest: faint(roles)})
	}
	w.Table(rows, len(rows))
}

func (w *writer) blind(h *History) {
	if len(h.Blind) == 0 {
		return
	}
	w.Heading("Rules that look for less than the time between two polls: what is shorter than \"sure\" they may miss")
	var rows []term.Row
	for _, b := range h.Blind {
		var names []string
		for _, host := range b.Hosts {
			names = append(names, host.Host)
		}
		rows = append(rows, term.Row{
			Cells: cells(b.Rule, "looks for "+term.Duration(time.Duration(b.Length)), "polled every "+term.Duration(time.Duration(b.Interval)), "sure from "+term.Duration(time.Duration(b.Surely))),
			Rest:  faint("on " + some(names)),
		})
	}
	w.Table(rows, len(rows))
}

func (w *writer) silent(h *History) {
	if len(h.Silent) == 0 {
		return
	}
	w.Heading("Hosts that were not polled for a while: every rule was blind there (%d)", len(h.Silent))
	rows := []term.Row{{Cells: faint("HOST", "TIMES", "IN ALL", "LONGEST"), Rest: faint("LAST")}}
	for _, s := range h.Silent[:min(len(h.Silent), w.Most)] {
		last := s.Gaps[len(s.Gaps)-1]
		until := minute(last.Until)
		if last.Open {
			until = "the end"
		}
		rows = append(rows, term.Row{
			Cells: cells(s.Host, fmt.Sprint(len(s.Gaps)+s.Left), term.Duration(time.Duration(s.Total)), term.Duration(time.Duration(s.Longest))),
			Rest:  faint(minute(last.From) + " to " + until),
		})
	}
	w.Page.Table(&w.Builder, 2, rows)
	if more := len(h.Silent) - w.Most; more > 0 {
		w.Detail(term.Faint, "and %d more (--all lists them)", more)
	}
}

func some(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
