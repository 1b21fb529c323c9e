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

// part is what a section is made of: a note, a table, a list, steps or commands.
// All texts are plain: see [term.Plain].
type part any

type (
	note string

	list []string

	commands []string

	// table has a row of cells for each thing. The last column is the widest.
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

// Destination is where a step leads to, with the port.
func (s step) Destination() string { return s.To + ":" + s.Port }

func (r *Report) sections() []section {
	return slices.DeleteFunc([]section{
		{"Why", r.why()}, {"Hosts", r.hosts()}, {"Path", r.path()}, {"Timeline", r.timeline(true)},
		{"Where it can go next", r.next()}, {"What to do", r.response()}, {"Alerts", r.alerts()}, {"Left out", r.left()},
	}, func(s section) bool { return len(s.Parts) == 0 })
}

// rows returns the table as parts, none if it is empty.
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
	return rows([]string{"points", "rule", "sign"}, all)
}

func (r *Report) hosts() []part {
	var all [][]string
	for _, p := range r.incident.Parts {
		watched := "watched"
		if !p.Monitored {
			watched = "not watched"
		}
		all = append(all, []string{
			term.Plain(p.Host), p.Part.String(), r.clock(p.Since), addresses(p.Addresses), watched, term.Plain(strings.Join(p.Roles, ", ")),
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

// name is a host's, or its address. An IPv6 address is in brackets, for a port
// follows.
func name(host string, a event.Address) string {
	if host == "" {
		host = a.String()
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		return "[" + ip.String() + "]"
	}
	return term.Plain(host)
}

// timeline is what happened, with or without remarks on what headstart itself did.
func (r *Report) timeline(remarks bool) []part {
	var all [][]string
	for _, e := range r.incident.Timeline {
		if e.Host == "" && e.Alert == "" && !remarks {
			continue
		}
		all = append(all, []string{r.clock(e.At), term.Plain(e.Host), term.Plain(e.Text)})
	}
	return rows([]string{"time", "host", "what happened"}, all)
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
	return append([]part{note("These are no part of it yet. The hosts that were reached last go there in the ordinary run of things.")},
		rows([]string{"from", "to", "reached before"}, all)...)
}

func (r *Report) response() (parts []part) {
	do := &r.incident.Response
	if len(do.Block) > 0 {
		parts = append(parts,
			note("Block the sources, and cut off the hosts that the intruder goes on from. On every host that is to be protected:"),
			commands(eachPlain(do.Block)),
			note("These make a table of their own and change no other; 'nft delete table inet headstart' undoes them."))
	}
	for _, to := range []struct {
		what string
		all  []string
	}{
		{"Rotate the SSH keys that these hosts hold or accept:", do.RotateKeys},
		{"Rotate the credentials of these databases:", do.RotateCredentials},
		{"Close these ways for good, unless they are needed:", do.Segment},
	} {
		if len(to.all) > 0 {
			parts = append(parts, note(to.what), list(eachPlain(to.all)))
		}
	}
	return parts
}

// eachPlain makes each text plain.
func eachPlain(all []string) []string {
	out := make([]string, len(all))
	for n, s := range all {
		out[n] = strings.Join(strings.Fields(term.Plain(s)), " ")
	}
	return out
}

// alerts are counted by rule, as far as the timeline says which is whose.
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
		parts = append(parts, note(fmt.Sprintf("Alerts that the timeline has no room for: %d.", more)))
	}
	return parts
}

func (r *Report) left() []part {
	if r.incident.Left == 0 {
		return nil
	}
	return []part{note(fmt.Sprintf("Hosts, steps, alerts and remarks that there was no room for: %d.", r.incident.Left))}
}
