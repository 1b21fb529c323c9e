package detect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// expectedAlert is a line of a section alerts.
type expectedAlert struct {
	rule, host string
	at         time.Duration // of the day
	never      bool
}

const anyRule = "*"

func (sc *scene) expectedAlerts() (all []expectedAlert, err error) {
	if sc.alerts == nil {
		return nil, nil
	}
	for _, line := range linesOf(sc.alerts.Data) {
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[0] == "never" {
			all = append(all, expectedAlert{rule: fields[1], never: true})
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("%q: want TIME RULE HOST, or never RULE", line)
		}
		at, err := timeOfDay(fields[0])
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		all = append(all, expectedAlert{rule: fields[1], host: fields[2], at: at})
	}
	return all, nil
}

// checkAlerts holds the alerts of each rule that is named against those that
// the scene expects.
func (sc *scene) checkAlerts(t *testing.T, set *rule.Set, o *outcome) {
	t.Helper()
	want, err := sc.expectedAlerts()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, w := range want {
		named[w.rule] = true
		if w.rule != anyRule && set.Rule(w.rule) == nil {
			t.Errorf("the pack has no rule %s", w.rule)
		}
	}
	var got []*event.Alert
	for _, a := range o.alerts {
		if named[a.Rule] || named[anyRule] {
			got = append(got, a)
		}
	}
	rest := slices.Clone(got)
	ok := true
	for _, w := range want {
		if w.never {
			continue
		}
		n := slices.IndexFunc(rest, func(a *event.Alert) bool {
			return a.Rule == w.rule && a.Host == w.host && near(a.At, w.at)
		})
		if n < 0 {
			ok = false
			continue
		}
		rest = slices.Delete(rest, n, n+1)
	}
	switch {
	case ok && len(rest) == 0:
	case *update:
		sc.alerts.Data = []byte(writeAlerts(got, want))
	default:
		t.Errorf("got alerts\n%swant\n%sall\n%s", writeAlerts(got, want), sc.alerts.Data, writeAlerts(o.alerts, nil))
	}
}

// near reports whether something came within a poll of a time of the day.
func near(at time.Time, ofDay time.Duration) bool {
	return (at.Sub(at.Truncate(24*time.Hour)) - ofDay).Abs() <= pollEvery
}

func writeAlerts(all []*event.Alert, want []expectedAlert) string {
	var b strings.Builder
	fired := map[string]bool{}
	for _, a := range all {
		fired[a.Rule], fired[anyRule] = true, true
		fmt.Fprintf(&b, "%s %s %s\n", a.At.Format(clock), a.Rule, a.Host)
	}
	for _, w := range want {
		if w.never && !fired[w.rule] {
			fmt.Fprintf(&b, "never %s\n", w.rule)
		}
	}
	return b.String()
}

// checkIncidents holds the incidents against those that the scene expects.
func (sc *scene) checkIncidents(t *testing.T, s *script, o *outcome) {
	t.Helper()
	if sc.incidents == nil {
		return
	}
	var want [][]string // lines, by incident
	for _, line := range linesOf(sc.incidents.Data) {
		head, _, _ := strings.Cut(line, " ")
		switch {
		case head == "none":
		case head == "notified" || head == "kept":
			want = append(want, []string{line})
		case len(want) == 0:
			t.Fatalf("%q before the first incident", line)
		default:
			want[len(want)-1] = append(want[len(want)-1], line)
		}
	}
	rest := slices.Clone(o.incidents)
	var wrote strings.Builder
	ok := true
	for _, lines := range want {
		n := slices.IndexFunc(rest, func(i *event.Incident) bool { return s.matches(i, lines) })
		if n < 0 {
			ok = false
			continue
		}
		rest = slices.Delete(rest, n, n+1)
	}
	for _, i := range rest {
		ok = ok && !i.Notified
	}
	for _, i := range o.incidents {
		if i.Notified || !ok || slices.ContainsFunc(want, func(lines []string) bool { return lines[0] == "kept" && s.matches(i, lines) }) {
			wrote.WriteString(s.describe(i))
		}
	}
	if wrote.Len() == 0 {
		wrote.WriteString("none\n")
	}
	switch {
	case ok:
	case *update:
		sc.incidents.Data = []byte(wrote.String())
	default:
		t.Errorf("got incidents\n%swant\n%salerts\n%s", wrote.String(), sc.incidents.Data, writeAlerts(o.alerts, nil))
	}
}

// matches reports whether an incident is as its lines say.
func (s *script) matches(i *event.Incident, lines []string) bool {
	is := linesOf([]byte(s.describe(i)))
	for n, line := range lines {
		head, rest, _ := strings.Cut(line, " ")
		if n == 0 {
			fields := strings.Fields(line)
			if (head == "notified") != i.Notified {
				return false
			}
			if head == "notified" && len(fields) > 1 {
				at, err := timeOfDay(fields[1])
				if err != nil || !near(i.NotifiedAt, at) || len(fields) > 2 && fields[2] != i.Severity.String() {
					return false
				}
			}
			continue
		}
		said := ""
		for _, other := range is[1:] {
			if word, text, _ := strings.Cut(other, " "); word == head {
				said = text
			}
		}
		if said != strings.Join(strings.Fields(rest), " ") && !(rest == "none" && said == "") {
			return false
		}
	}
	return true
}

// describe is an incident as a script has it.
func (s *script) describe(i *event.Incident) string {
	var b strings.Builder
	if i.Notified {
		fmt.Fprintf(&b, "notified %s %s\n", i.NotifiedAt.Format(clock), i.Severity)
	} else {
		fmt.Fprintf(&b, "kept\n")
	}
	say := func(what, joint string, all []string) {
		if len(all) > 0 {
			fmt.Fprintf(&b, "%s %s\n", what, strings.Join(all, joint))
		}
	}
	for part := event.Entry; part >= event.Scanned; part-- {
		var hosts []string
		for _, p := range i.Parts {
			if p.Part == part {
				hosts = append(hosts, p.Host)
			}
		}
		if slices.Sort(hosts); len(hosts) > 5 {
			hosts = []string{hosts[0], fmt.Sprintf("and %d more", len(hosts)-1)}
		}
		say(part.String(), " ", hosts)
	}
	var sources, path []string
	for _, a := range i.Sources {
		sources = append(sources, s.nameOf(a, ""))
	}
	for _, e := range i.Path {
		path = append(path, fmt.Sprintf("%s -> %s:%d", s.nameOf(e.Source, e.SourceHost), s.nameOf(e.Destination, e.DestinationHost), e.Port))
	}
	say("source", " ", sources)
	say("path", ", ", path)
	say("rules", " ", i.Rules)
	return b.String()
}

func (s *script) nameOf(a event.Address, host string) string {
	for _, m := range s.machines {
		if m.address == a {
			return m.name
		}
	}
	if host != "" {
		return host
	}
	return a.String()
}
