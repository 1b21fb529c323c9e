package rule

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
)

// Tests are those that a rule carries: hosts, their baseline traffic, and
// cases that begin with what was learned. What the lines of the tables mean is
// for who plays them to say.
type Tests struct {
	File      string // that hosts and cases are in: the rule's, an override's, or the one beside the rule
	Hosts     Table
	LearnDays int // of baseline learning; 0: none
	Usual     Table
	Cases     []Case
}

// Case is something that happens on the day after the learning, and what must
// follow.
type Case struct {
	Name        string
	File        string
	Line        int // of the file
	Connections Table
	Alerts      Table
}

// Table is text of a line each.
type Table []Line

// Line is a line of a table without the blanks around it, and where it is in
// the file. None is empty.
type Line struct {
	Text         string
	File         string
	Line, Column int // from 1
}

// The limits of a rule's tests.
const (
	MaxTestDays  = 31
	MaxTestCases = 100
	maxCaseName  = 100 // bytes
)

func (s *source) tests(n *yaml.Node) *Tests {
	fields := s.Mapping(n, schema.Tests, schema.Names(schema.Tests))
	if fields == nil {
		return nil
	}
	s.Require(n, fields, "tests", "hosts", "cases")
	t := &Tests{File: s.Name, Hosts: s.table(fields["hosts"], "hosts"), Usual: s.table(fields["usual"], "usual")}
	if n := fields["learn"]; n != nil {
		t.LearnDays = s.days(n)
	}
	if n := fields["cases"]; n != nil {
		t.Cases = s.cases(n, nil)
	}
	return t
}

// cases adds those of a list to others of the rule.
func (s *source) cases(n *yaml.Node, all []Case) []Case {
	entries, _ := s.List(n, "cases")
	for _, entry := range entries {
		if len(all) == MaxTestCases {
			s.Errorf(yamlsrc.PlaceOf(entry), "a rule has at most %d cases", MaxTestCases)
			break
		}
		c, ok := s.testCase(entry)
		if i := slices.IndexFunc(all, func(other Case) bool { return c.Name != "" && other.Name == c.Name }); i >= 0 {
			s.Errorf(yamlsrc.PlaceOf(entry), "there is a case %q already, at %s:%d", yamlsrc.Short(c.Name), all[i].File, all[i].Line)
		}
		if ok {
			all = append(all, c)
		}
	}
	return all
}

func (s *source) testCase(n *yaml.Node) (c Case, ok bool) {
	fields := s.Mapping(n, schema.Case, schema.Names(schema.Case))
	if fields == nil {
		return c, false
	}
	s.Require(n, fields, "a case", "name", "connections", "alerts")
	c.File, c.Line = s.Name, n.Line
	if n := fields["name"]; n != nil {
		c.Name, _ = s.OneLine(n, "name", maxCaseName)
	}
	c.Connections, c.Alerts = s.table(fields["connections"], "connections"), s.table(fields["alerts"], "alerts")
	return c, true
}

// days reads "4 days".
func (s *source) days(n *yaml.Node) int {
	text, ok := s.Text(n, "learn")
	if !ok {
		return 0
	}
	number, unit, _ := strings.Cut(text, " ")
	days, err := strconv.Atoi(number)
	if err != nil || unit != "days" && unit != "day" || days < 1 || days > MaxTestDays {
		s.Errorf(yamlsrc.PlaceOf(n), "learn is written as in \"4 days\", from 1 to %d, not %s", MaxTestDays, yamlsrc.Written(n))
		return 0
	}
	return days
}

// table reads a text of several lines; no line is a table too.
func (s *source) table(n *yaml.Node, field string) Table {
	if n == nil {
		return nil
	}
	text, ok := s.Text(n, field)
	if !ok {
		return nil
	}
	var t Table
	if n.Style&(yaml.LiteralStyle) == 0 {
		if strings.Contains(text, "\n") || n.Style&yaml.FoldedStyle != 0 {
			s.Errorf(yamlsrc.PlaceOf(n), "%s has several lines; write them below \"%s: |\"", field, field)
			return nil
		}
		return Table{{text, s.Name, n.Line, n.Column}}
	}
	for i := range strings.Count(strings.TrimRight(n.Value, "\n"), "\n") + 1 {
		line := s.Line(n.Line + 1 + i)
		trimmed := strings.TrimSpace(line)
		if trimmed != "" {
			t = append(t, Line{trimmed, s.Name, n.Line + 1 + i, 1 + len(line) - len(strings.TrimLeft(line, " "))})
		}
	}
	return t
}
