package pattern_test

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// The notation of the scripts in testdata. A section
//
//	-- rule count within=10m at_least=3 of sum above_usual=2 --
//	-- rule sequence within=1m steps=2 --
//	-- rule path within=1h hops=3 --
//
// sets a rule, r unless it says id=; a rule of the same id is replaced. Limits
// are set at first by
//
//	-- limits keys=2 matches_per_key=10 … --
//
// A snapshot of a host is
//
//	-- snapshot web-01 15:00:30 --
//	#1 web-01:40001 > fs-01:445 key=web-01 value=fs-01 step=2 sum=5 usual=3 opened=15:00:00..15:00:10
//	#2 seen
//
// with one match, or one connection that is still open, a line, in order of
// arrival. A number is a connection as that host saw it; the same number from
// another host is another report. A connection was opened in the 30 s before the
// snapshot unless it says opened=, whose first time is missing when it is not
// known; it was last seen open at the snapshot. With ended= it is first seen in
// TIME_WAIT, which tells when it ended. What fires is
//
//	-- fires --
//	r web-01 on 2025-06-05: 3 by web-01#1 web-01#2 web-01#4
//
// with what was reached and the evidence; of a path, its edges. Without that
// section nothing fires. All of it is on 5 June 2025 unless a time has a date.
const scriptDay = "2025-06-05"

// script is a pattern machine that reads a script line by line.
type script struct {
	patterns *pattern.Patterns
	limits   pattern.Limits
	rules    []pattern.Rule
	names    map[event.ConnectionID]string
	hosts    map[string]event.Address
	now      time.Time
}

func newScript() *script {
	return &script{patterns: pattern.New(pattern.Limits{}), names: map[event.ConnectionID]string{}, hosts: map[string]event.Address{}}
}

// section does what a section says, and returns what fires.
func (s *script) section(name, text string) (fired []pattern.Fired, err error) {
	fields := strings.Fields(name)
	if len(fields) == 0 {
		return nil, fmt.Errorf("want rule, limits, snapshot or fires")
	}
	switch fields[0] {
	case "rule":
		return nil, s.rule(fields[1:])
	case "limits":
		return nil, s.setLimits(fields[1:])
	case "snapshot":
		if len(fields) != 3 {
			return nil, fmt.Errorf("want: snapshot HOST TIME")
		}
		if s.now, err = parseMoment(fields[2]); err != nil {
			return nil, err
		}
		s.patterns.Expire(s.now)
		for line := range strings.Lines(text) {
			more, err := s.line(fields[1], line)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", line, err)
			}
			fired = append(fired, more...)
		}
		return fired, nil
	}
	return nil, fmt.Errorf("want rule, limits, snapshot or fires")
}

func (s *script) rule(fields []string) (err error) {
	if len(fields) == 0 {
		return fmt.Errorf("want a kind")
	}
	r := pattern.Rule{ID: "r"}
	var count rule.Count
	var sequence rule.Sequence
	var path rule.Path
	var within time.Duration
	for _, field := range fields[1:] {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "id":
			r.ID = value
		case "within":
			within, err = time.ParseDuration(value)
		case "at_least":
			count.AtLeast, err = strconv.ParseFloat(value, 64)
		case "above_usual":
			count.AboveUsual, err = strconv.ParseFloat(value, 64)
		case "regular":
			count.Beaconing, err = strconv.ParseFloat(value, 64)
		case "of":
			count.Of = "value"
		case "sum":
			count.Sum = "sum"
		case "steps":
			var n int
			if n, err = strconv.Atoi(value); n < 0 || n > 8 {
				err = fmt.Errorf("%d steps", n)
			} else {
				sequence.Steps = make([]rule.Step, n)
			}
		case "hops":
			path.Hops, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("no such field")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	count.Within, sequence.Within, path.Within = within, within, within
	switch fields[0] {
	case "count":
		r.Count = &count
	case "sequence":
		r.Sequence = &sequence
	case "path":
		r.Path = &path
	case "none":
	default:
		return fmt.Errorf("no such kind")
	}
	rules := []pattern.Rule{}
	for _, other := range s.rules {
		if other.ID != r.ID {
			rules = append(rules, other)
		}
	}
	s.rules = append(rules, r)
	s.patterns.SetRules(s.rules)
	return nil
}

func (s *script) setLimits(fields []string) error {
	for _, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		n, err := strconv.Atoi(value)
		if err != nil {
			return err
		}
		to := map[string]*int{
			"keys": &s.limits.Keys, "matches": &s.limits.Matches, "matches_per_key": &s.limits.MatchesPerKey,
			"edges": &s.limits.Edges, "edges_per_host": &s.limits.EdgesPerHost, "fired": &s.limits.Fired,
		}[name]
		if to == nil {
			return fmt.Errorf("no limit %q", name)
		}
		*to = n
	}
	s.patterns = pattern.New(s.limits)
	s.patterns.SetRules(s.rules)
	return nil
}

// line reads "#1 web-01:40001 > fs-01:445 key=web-01 …" or "#1 seen".
func (s *script) line(host, line string) ([]pattern.Fired, error) {
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "#") {
		return nil, fmt.Errorf("want #number and more")
	}
	name := host + fields[0]
	id := connectionID(name)
	s.names[id] = name
	if fields[1] == "seen" {
		return s.patterns.Seen(host, id, s.now), nil
	}
	if len(fields) < 4 || fields[2] != ">" {
		return nil, fmt.Errorf("want two ends")
	}
	m := pattern.Match{
		Rule: "r", Host: host, Connection: id, By: "k", At: s.now, SeenUntil: s.now, State: event.Established,
		OpenedAfter: s.now.Add(-30 * time.Second), OpenedBefore: s.now,
	}
	var err error
	e := &m.Edge
	if e.SourceHost, e.Source, e.SourcePort, err = s.end(fields[1]); err != nil {
		return nil, err
	}
	if e.DestinationHost, e.Destination, e.Port, err = s.end(fields[3]); err != nil {
		return nil, err
	}
	for _, field := range fields[4:] {
		if err := matchField(&m, field); err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
	}
	return s.patterns.Feed(m), nil
}

func connectionID(name string) (id event.ConnectionID) {
	h := fnv.New128a()
	h.Write([]byte(name))
	copy(id[:], h.Sum(nil))
	return id
}

// end reads "web-01:40001". A host has an address of its own.
func (s *script) end(text string) (host string, address event.Address, port uint16, err error) {
	host, number, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return "", event.Address{}, 0, err
	}
	if _, ok := s.hosts[host]; !ok {
		s.hosts[host] = event.AddressFrom4(0x0a000001 + uint32(len(s.hosts)))
	}
	return host, s.hosts[host], uint16(n), nil
}

func matchField(m *pattern.Match, field string) (err error) {
	name, value, _ := strings.Cut(field, "=")
	switch name {
	case "rule":
		m.Rule = value
	case "key":
		m.By = value
	case "value":
		m.Of = value
	case "step":
		m.Part, err = strconv.Atoi(value)
		m.Part--
	case "sum":
		m.Sum, err = strconv.ParseFloat(value, 64)
	case "usual":
		m.Baseline, err = strconv.ParseFloat(value, 64)
	case "opened":
		after, before, _ := strings.Cut(value, "..")
		if m.OpenedAfter = (time.Time{}); after != "" {
			m.OpenedAfter, err = parseMoment(after)
		}
		if err == nil {
			m.OpenedBefore, err = parseMoment(before)
		}
	case "ended":
		m.SeenUntil, err = parseMoment(value)
		m.State, m.OpenedBefore = event.TimeWait, m.SeenUntil
		m.OpenedAfter = m.SeenUntil.Add(-30 * time.Second)
	case "until":
		m.SeenUntil, err = parseMoment(value)
	default:
		err = fmt.Errorf("no such field")
	}
	return err
}

func parseMoment(text string) (time.Time, error) {
	if !strings.Contains(text, "T") {
		text = scriptDay + "T" + text
	}
	return time.Parse("2006-01-02T15:04:05", text)
}

// describe writes what fired as a script does.
func (s *script) describe(fired []pattern.Fired) (text string) {
	for _, f := range fired {
		reports := f.Evidence
		if f.Path != nil {
			reports = f.Path
		}
		text += fmt.Sprintf("%s %s on %s: %s by", f.Rule, cmp.Or(f.Key, "-"), dayOf(&f), strconv.FormatFloat(f.Reached, 'f', -1, 64))
		for _, m := range reports {
			text += " " + s.names[m.Connection]
		}
		text += "\n"
	}
	return text
}

// dayOf is the day of a fired pattern, which only its id tells.
func dayOf(f *pattern.Fired) string {
	for _, m := range f.Evidence {
		for days := range 3 {
			day := m.OpenedBefore.AddDate(0, 0, days).Format(time.DateOnly)
			if event.PatternID(f.Rule, f.Key, day) == f.ID {
				return day
			}
		}
	}
	return "?"
}
