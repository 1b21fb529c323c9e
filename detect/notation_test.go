package detect_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"headstart/event"

	"golang.org/x/tools/txtar"
)

// The notation of the scripts in testdata/pack, which say what incidents come of
// what happens. (What single rules say is tested with them: see docs/rule-tests.md.)
// A script has hosts, some days from which the normal is learnt, and scenes on
// the day after them, each of which begins with what was learnt.
//
//	-- hosts --
//	web-01..web-03  10.1.1.11  reports  web
//	db-01           10.1.5.10  reports  database
//	dc-01           10.1.7.10  listed   domain-controller
//	stranger        203.0.113.7
//
// A host that reports has a poller, one that is listed is only in the
// inventory, and what is neither is a name for an address. A range of names has
// addresses that follow each other.
//
//	-- learn 4 days --
//	web-01..web-03 -> db-01:5432 every 10m for 2s
//	dc-01 -> db-01:22 at 09:30 for 20m
//
// The first day is 2025-06-01, and a host learns for a day less than there are.
// What is learnt goes on in the scenes.
//
//	-- scene a query that doesn't end --
//	14:30:00 web-01 -> db-01:5432 for 5m
//	14:31:00 web-02 -> 10.1.6.1..10.1.6.20:445,139 unanswered every 2s
//	until 15:00:00
//
// What has several targets or times happens one after the other, a second apart
// unless said otherwise. A connection lasts a second, or "for" so long, and is
// ended by who began it; an unanswered attempt lasts two minutes. A scene ends
// five minutes after the last thing in it has begun, or at "until". It says what
// must follow:
//
//	-- alerts --
//	14:31:00 database-session-long web-01
//	never ssh-session-long
//	-- incidents --
//	notified 14:31:30 high
//	entry web-01
//	target db-01
//	path web-01 -> db-01:5432
//
// Of each rule that is named the alerts are these and no others; "never *" is
// no alert of any rule. The notified incidents are these and no others;
// one that is "kept" must be there. What lines say of an
// incident (entry, pivot, target, scanned, source, path, rules) is all there is
// of that; what no line speaks of may be as it is. Alerts and notifications come
// within a poll of the time that is given.
const (
	firstDay = "2025-06-01"
	clock    = "15:04:05"
)

// script is a parsed script.
type script struct {
	machines []*machine
	named    map[string]*machine
	days     int
	habits   []habit
	scenes   []*scene
}

func dayStart(day int) time.Time {
	first, _ := time.Parse(time.DateOnly, firstDay)
	return first.AddDate(0, 0, day-1)
}

func parseScript(archive *txtar.Archive) (*script, error) {
	s := &script{named: map[string]*machine{}}
	for i := range archive.Files {
		section := &archive.Files[i]
		if err := s.section(section); err != nil {
			return nil, fmt.Errorf("section %q: %w", section.Name, err)
		}
	}
	return s, nil
}

func linesOf(data []byte) (lines []string) {
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func (s *script) section(section *txtar.File) error {
	kind, rest, _ := strings.Cut(section.Name, " ")
	lines := linesOf(section.Data)
	each := func(do func([]string) error) error {
		for _, line := range lines {
			if err := do(strings.Fields(line)); err != nil {
				return fmt.Errorf("%q: %w", line, err)
			}
		}
		return nil
	}
	switch kind {
	case "hosts":
		return each(s.host)
	case "learn":
		if _, err := fmt.Sscanf(rest, "%d days", &s.days); err != nil {
			return err
		}
		return each(s.habit)
	case "scene":
		s.scenes = append(s.scenes, &scene{name: rest, lines: lines})
		return nil
	case "alerts", "incidents":
		if len(s.scenes) == 0 {
			return fmt.Errorf("before the first scene")
		}
		last := s.scenes[len(s.scenes)-1]
		if kind == "alerts" {
			last.alerts = section
		} else {
			last.incidents = section
		}
		return nil
	}
	return fmt.Errorf("want hosts, learn N days, scene NAME, alerts or incidents")
}

func (s *script) host(fields []string) error {
	if len(fields) < 2 {
		return fmt.Errorf("want a name, an address, and what it is")
	}
	first, err := netip.ParseAddr(fields[1])
	if err != nil {
		return err
	}
	for _, name := range namesBetween(fields[0]) {
		m := &machine{name: name, address: event.AddressFrom(first), phase: time.Duration(len(s.machines)*7%30) * time.Second}
		for _, field := range fields[2:] {
			m.is(field)
		}
		first = first.Next()
		s.machines, s.named[name] = append(s.machines, m), m
	}
	return nil
}

func (m *machine) is(word string) {
	switch word {
	case "reports":
		m.reports = true
	case "listed":
		m.listed = true
	default:
		m.roles = append(m.roles, word)
	}
}

// namesBetween returns the names of "web-01..web-03", or the one that there is.
func namesBetween(text string) []string {
	first, last, ok := strings.Cut(text, "..")
	if !ok {
		return []string{text}
	}
	stem := strings.TrimRight(first, "0123456789")
	digits := len(first) - len(stem)
	from, _ := strconv.Atoi(first[len(stem):])
	to, _ := strconv.Atoi(strings.TrimPrefix(last, stem))
	var names []string
	for n := from; n <= to; n++ {
		names = append(names, fmt.Sprintf("%s%0*d", stem, digits, n))
	}
	return names
}

// find returns the machines of a list of names, addresses, and ranges of both.
// An address that no machine has is a machine without a name.
func (s *script) find(text string) (all []*machine, err error) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "..")
		if address, err := netip.ParseAddr(from); err == nil {
			last := address
			if isRange {
				if last, err = netip.ParseAddr(to); err != nil {
					return nil, err
				}
			}
			for ; address.Compare(last) <= 0; address = address.Next() {
				all = append(all, s.at(address))
			}
			continue
		}
		for _, name := range namesBetween(part) {
			m := s.named[name]
			if m == nil {
				return nil, fmt.Errorf("no host %q", name)
			}
			all = append(all, m)
		}
	}
	return all, nil
}

func (s *script) at(address netip.Addr) *machine {
	a := event.AddressFrom(address)
	if i := slices.IndexFunc(s.machines, func(m *machine) bool { return m.address == a }); i >= 0 {
		return s.machines[i]
	}
	m := &machine{name: address.String(), address: a}
	s.machines = append(s.machines, m)
	return m
}

// connections reads "FROM -> TO:PORT[,PORT]".
func (s *script) connections(fields []string) (from, to []*machine, ports []uint16, err error) {
	if len(fields) < 3 || fields[1] != "->" {
		return nil, nil, nil, fmt.Errorf("want FROM -> TO:PORT")
	}
	colon := strings.LastIndex(fields[2], ":")
	if colon < 0 {
		return nil, nil, nil, fmt.Errorf("%s: want a port", fields[2])
	}
	if from, err = s.find(fields[0]); err != nil {
		return nil, nil, nil, err
	}
	if to, err = s.find(fields[2][:colon]); err != nil {
		return nil, nil, nil, err
	}
	for text := range strings.SplitSeq(fields[2][colon+1:], ",") {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, nil, nil, err
		}
		ports = append(ports, uint16(port))
	}
	return from, to, ports, nil
}

func timeOfDay(text string) (time.Duration, error) {
	if strings.Count(text, ":") == 1 {
		text += ":00"
	}
	at, err := time.Parse(clock, text)
	if err != nil {
		return 0, err
	}
	return at.Sub(at.Truncate(24 * time.Hour)), nil
}
