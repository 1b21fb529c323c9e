package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"headstart/event"
	"headstart/term"
)

// field is a fact with its name.
type field struct{ Name, Value string }

// section is a part of a report with a heading.
type section struct {
	Name  string
	Parts []part
}

// part is an element of a section: a note, a table, a list, steps or commands. All
// texts are plain: see [term.Plain].
type part any

type (
	note string

	list []string

	commands []string

	// table has the widest column last.
	table struct {
		Columns []string
		Rows    [][]string
	}

	// steps are a path.
	steps []step
)

// step is one edge of a path.
type step struct {
	At, From, To, Port, Reasons, Seen string
	Attempt                           bool
}

// Destination is the host and port that a step leads to.
func (s step) Destination() string { return s.To + ":" + s.Port }

func (r *Report) sections() []section {
	return slices.DeleteFunc([]section{
		{"Why", r.why()}, {"Hosts", r.hosts()}, {"Path", r.path()}, {"Timeline", r.timeline(true)},
		{"Reachable next", r.next()}, {"Response", r.response()}, {"Alerts", r.alerts()}, {"Omitted", r.left()},
	}, func(s section) bool { return len(s.Parts) == 0 })
}

// rows returns a table, or nothing if it is empty.
func rows(columns []string, all [][]string) []part {
	if len(all) == 0 {
		return nil
	}
	return []part{table{columns, all}}
}

func (r *Report) why() []part {
	var all [][]string
	for _, reason := range r.incident.Reasons {
		all = append(all, []string{fmt.Sprintf("%.4g", reason.Points), term.Plain(reason.Rule), term.Plain(reason.Text)})
	}
	return rows([]string{"score", "rule", "reason"}, all)
}

func (r *Report) hosts() []part {
	var all [][]string
	for _, p := range r.incident.Parts {
		poller := "monitored"
		if !p.Monitored {
			poller = "not monitored"
		}
		all = append(all, []string{
			term.Plain(p.Host), p.Part.String(), r.clock(p.Since), addresses(p.Addresses), poller, term.Plain(strings.Join(p.Roles, ", ")),
		})
	}
	return rows([]string{"host", "part", "since", "addresses", "poller", "roles"}, all)
}

func (r *Report) path() []part {
	var all steps
	for n := range r.incident.Path {
		e := &r.incident.Path[n]
		s := step{
			At: r.clock(e.At), From: name(e.SourceHost, e.Source), To: name(e.DestinationHost, e.Destination), Port: fmt.Sprint(e.Port),
			Reasons: term.Plain(strings.Join(e.Reasons, ", ")), Attempt: e.Attempt, Seen: "seen by one end",
		}
		if e.Witnesses > 1 {
			s.Seen = "seen by both ends"
		}
		if e.Count > 1 {
			s.Seen += fmt.Sprintf(", %d times", e.Count)
		}
		if e.Attempt {
			s.Seen += ", not answered"
		}
		all = append(all, s)
	}
	if all == nil {
		return nil
	}
	return []part{all}
}

// name is the host's name, or its address: an IPv6 address in brackets, because a
// port follows.
func name(host string, a event.Address) string {
	if host == "" {
		host = a.String()
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		return "[" + ip.String() + "]"
	}
	return term.Plain(host)
}

// timeline is the events, with or without those of headstart itself.
func (r *Report) timeline(own bool) []part {
	var all [][]string
	for _, e := range r.incident.Timeline {
		if e.Host == "" && e.Alert == "" && !own {
			continue
		}
		all = append(all, []string{r.clock(e.At), term.Plain(e.Host), term.Plain(e.Text)})
	}
	return rows([]string{"time", "host", "event"}, all)
}

func (r *Report) next() []part {
	var all [][]string
	for _, n := range r.incident.Next {
		days := fmt.Sprintf("on %d days", n.Days)
		if n.Days == 1 {
			days = "on one day"
		}
		all = append(all, []string{term.Plain(n.From), fmt.Sprintf("%s:%d", name(n.Host, event.Address{}), n.Port), days})
	}
	if all == nil {
		return nil
	}
	return append([]part{note("Not part of the incident yet: hosts that the last reached hosts normally connect to.")},
		rows([]string{"from", "to", "seen"}, all)...)
}

func (r *Report) response() (parts []part) {
	do := &r.incident.Response
	if len(do.Block) > 0 {
		parts = append(parts,
			note("Block the sources and isolate the hosts that the attacker uses. On every host to protect:"),
			commands(eachPlain(do.Block)),
			note("The commands add a table and change no other; 'nft delete table inet headstart' removes it."))
	}
	for _, to := range []struct {
		what string
		all  []string
	}{
		{"Rotate the SSH keys stored or accepted on these hosts:", do.RotateKeys},
		{"Rotate the credentials of these databases:", do.RotateCredentials},
		{"Block these connections permanently, unless they are needed:", do.Segment},
	} {
		if len(to.all) > 0 {
			parts = append(parts, note(to.what), list(eachPlain(to.all)))
		}
	}
	return parts
}

// eachPlain returns each text plain, on one line.
func eachPlain(all []string) []string {
	out := make([]string, len(all))
	for n, s := range all {
		out[n] = strings.Join(strings.Fields(term.Plain(s)), " ")
	}
	return out
}

// alerts counts the alerts of the timeline by rule.
func (r *Report) alerts() []part {
	i := r.incident
	count, seen, first := map[string]int{}, map[string]bool{}, map[string]string{}
	for _, e := range i.Timeline {
		if e.Alert == "" || seen[e.Alert] {
			continue
		}
		seen[e.Alert] = true
		if count[e.Rule]++; count[e.Rule] == 1 {
			first[e.Rule] = r.clock(e.At)
		}
	}
	rules := slices.Clone(i.Rules)
	for rule := range count {
		if !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	slices.SortFunc(rules, func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	var all [][]string
	for _, rule := range rules {
		all = append(all, []string{fmt.Sprint(count[rule]), cmp.Or(first[rule], "–"), term.Plain(rule)})
	}
	parts := rows([]string{"alerts", "first", "rule"}, all)
	if more := len(i.Alerts) - len(seen); more > 0 && parts != nil {
		parts = append(parts, note(fmt.Sprintf("Alerts omitted from the timeline: %d.", more)))
	}
	return parts
}

func (r *Report) left() []part {
	if r.incident.Left == 0 {
		return nil
	}
	return []part{note(fmt.Sprintf("Hosts, steps, alerts and events beyond the limits: %d.", r.incident.Left))}
}
