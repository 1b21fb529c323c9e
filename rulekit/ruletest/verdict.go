package ruletest

import (
	"fmt"
	"slices"
	"strings"

	"headstart/event"
)

// Verdict is what is to be said of a case that was played. The case passed when
// it holds nothing.
type Verdict struct {
	Missing    []Missing `json:"missing,omitempty"`    // what was expected and did not come
	Unexpected []Came    `json:"unexpected,omitempty"` // what came of rules that the case names, and was not expected
	Failures   []string  `json:"failures,omitempty"`   // rules that could not be evaluated
}

// Missing is an alert that did not come.
type Missing struct {
	Line     int      `json:"line"` // of the file, and from 1 the column
	Column   int      `json:"column"`
	Expected string   `json:"expected"`          // the line
	Nearest  []string `json:"nearest,omitempty"` // what came closest to it, for people
}

// Came is an alert.
type Came struct {
	Line  int    `json:"line"` // that it contradicts
	At    string `json:"at"`   // of the day
	Rule  string `json:"rule"`
	Host  string `json:"host"`
	About string `json:"about"` // the connection or the key
}

// String is an alert as a table has it, and what it is about.
func (c *Came) String() string {
	line := c.At + " " + c.Rule + " " + c.Host
	if c.About != "" {
		line += "  (" + c.About + ")"
	}
	return line
}

// Passed reports whether all came that was expected, and nothing else.
func (v *Verdict) Passed() bool { return len(v.Missing)+len(v.Unexpected)+len(v.Failures) == 0 }

// Verdict holds the alerts of each rule that the case names against those that
// it expects. An alert may come a reading earlier or later.
func (o *Outcome) Verdict(t *Trial) *Verdict {
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
			v.Unexpected = append(v.Unexpected, t.came(a, line))
		}
	}
	for _, err := range o.Failures {
		v.Failures = append(v.Failures, err.Error())
	}
	return v
}

func (e *expected) is(a *event.Alert) bool {
	return a.Rule == e.rule && a.Host == e.host && a.At.Sub(e.at).Abs() <= Interval
}

func (t *Trial) came(a *event.Alert, line int) Came {
	return Came{Line: line, At: t.timeOfDay(a.At), Rule: a.Rule, Host: a.Host, About: t.about(a)}
}

func (t *Trial) about(a *event.Alert) string {
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

func (t *Trial) nameOf(a event.Address) string {
	for _, m := range t.machines {
		if m.address == a {
			return m.name
		}
	}
	return a.String()
}

// String is what is wrong, on some lines.
func (v *Verdict) String() string {
	var b strings.Builder
	for i := range v.Missing {
		fmt.Fprintf(&b, "expected %s\n", v.Missing[i].Expected)
		for _, nearest := range v.Missing[i].Nearest {
			fmt.Fprintf(&b, "  nearest %s\n", nearest)
		}
	}
	for i := range v.Unexpected {
		fmt.Fprintf(&b, "came %s\n", v.Unexpected[i].String())
	}
	for _, f := range v.Failures {
		fmt.Fprintf(&b, "%s\n", f)
	}
	return b.String()
}
