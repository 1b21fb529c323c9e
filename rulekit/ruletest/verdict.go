package ruletest

import (
	"fmt"
	"slices"
	"strings"

	"headstart/event"
)

// Verdict compares the alerts of a case with the expected ones. A case passes when
// its verdict is empty.
type Verdict struct {
	Missing    []Missing `json:"missing,omitempty"`    // expected, and not raised
	Unexpected []Raised  `json:"unexpected,omitempty"` // raised by rules that the case names, and not expected
	Failures   []string  `json:"failures,omitempty"`   // rules that could not be evaluated
}

// Missing is an expected alert that was not raised.
type Missing struct {
	Line     int      `json:"line"` // in the file, as the column from 1
	Column   int      `json:"column"`
	Expected string   `json:"expected"`          // the line
	Nearest  []string `json:"nearest,omitempty"` // what came nearest to it
}

// Raised is an alert that was raised.
type Raised struct {
	Line  int    `json:"line"` // that it contradicts
	At    string `json:"at"`   // time of day
	Rule  string `json:"rule"`
	Host  string `json:"host"`
	About string `json:"about"` // the connection or the key
}

// String formats an alert as in a table, and what it is about.
func (c *Raised) String() string {
	line := c.At + " " + c.Rule + " " + c.Host
	if c.About != "" {
		line += "  (" + c.About + ")"
	}
	return line
}

// Passed reports whether every expected alert was raised, and no other.
func (v *Verdict) Passed() bool { return len(v.Missing)+len(v.Unexpected)+len(v.Failures) == 0 }

// Verdict compares the alerts of each rule that the case names with those that it
// expects. An alert may be raised one interval earlier or later.
func (o *Outcome) Verdict(t *Suite) *Verdict {
	v := new(Verdict)
	rest := slices.Concat(o.Alerts, o.Fed)
	lines := map[string]int{}
	for i := range o.Case.expected {
		e := &o.Case.expected[i]
		if lines[e.rule] == 0 {
			lines[e.rule] = e.line
		}
		if e.never {
			continue
		}
		n := slices.IndexFunc(rest, e.is)
		if n < 0 {
			v.Missing = append(v.Missing, Missing{Line: e.line, Column: e.column, Expected: e.text})
			continue
		}
		rest = slices.Delete(rest, n, n+1)
	}
	for _, a := range rest {
		line := lines[a.Rule]
		if line == 0 && !slices.Contains(o.Fed, a) {
			line = lines[anyRule]
		}
		if line != 0 {
			v.Unexpected = append(v.Unexpected, t.raised(a, line))
		}
	}
	for _, err := range o.Failures {
		v.Failures = append(v.Failures, err.Error())
	}
	return v
}

func (e *expected) is(a *event.Alert) bool {
	return a.Rule == e.rule && a.Host == e.host && a.At.Sub(e.at).Abs() <= interval
}

func (t *Suite) raised(a *event.Alert, line int) Raised {
	return Raised{Line: line, At: t.timeOfDay(a.At), Rule: a.Rule, Host: a.Host, About: t.about(a)}
}

func (t *Suite) about(a *event.Alert) string {
	c := &a.Connection
	switch {
	case a.Matched > 1:
		return fmt.Sprintf("%d matches, key %s", a.Matched, a.Key)
	case c.Port != 0 && c.State == event.Listen:
		return fmt.Sprintf("listens on %d", c.Port)
	case c.Port != 0:
		return fmt.Sprintf("%s -> %s:%d, opened %s", t.nameOf(c.Source), t.nameOf(c.Destination), c.Port, t.timeOfDay(c.OpenedBefore))
	}
	return a.Key
}

func (t *Suite) nameOf(a event.Address) string {
	for _, m := range t.machines {
		if m.address == a {
			return m.name
		}
	}
	return a.String()
}

// String describes the differences, one or more lines each.
func (v *Verdict) String() string {
	var b strings.Builder
	for i := range v.Missing {
		fmt.Fprintf(&b, "expected %s\n", v.Missing[i].Expected)
		for _, nearest := range v.Missing[i].Nearest {
			fmt.Fprintf(&b, "  nearest %s\n", nearest)
		}
	}
	for i := range v.Unexpected {
		fmt.Fprintf(&b, "unexpected %s\n", v.Unexpected[i].String())
	}
	for _, f := range v.Failures {
		fmt.Fprintf(&b, "%s\n", f)
	}
	return b.String()
}
