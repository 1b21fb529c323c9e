package ruletest

import (
	"context"
	"fmt"
	"strings"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	terms "headstart/detect/rule/explain"
	"headstart/event"
	"headstart/rulekit/explain"
)

// maxExplained bounds the missing alerts of a case that are explained: each
// plays the case once more.
const maxExplained = 5

// Explain plays a case once more for each missing alert and adds what came
// nearest to it. The rules are those of the verdict.
func (s *Scenario) Explain(ctx context.Context, set *rule.Set, v *Verdict) error {
	for i := range v.Missing[:min(len(v.Missing), maxExplained)] {
		m := &v.Missing[i]
		e := s.Case.expectedAt(m.Line)
		if e == nil || set.Rule(e.rule) == nil {
			continue
		}
		r := set.Rule(e.rule)
		trace := explain.New(set, r, explain.Subject{Host: e.host, Expected: e.at, Among: s.Case.has})
		c, err := s.begin(set)
		if err != nil {
			return err
		}
		trace.Begin(c)
		for _, m := range s.messages {
			if err := ctx.Err(); err != nil {
				return err
			}
			changes := m.changes
			trace.Applied(c.Apply(&changes, m.storedAt))
		}
		m.Nearest = s.fixture.suite.nearest(r, trace.Report(allCases))
	}
	return nil
}

// allCases is above the number of cases that a trace keeps.
const allCases = 1000

func (c *Case) expectedAt(line int) *expected {
	for i := range c.expected {
		if c.expected[i].line == line {
			return &c.expected[i]
		}
	}
	return nil
}

// has reports whether a connection is one of the case's.
func (c *Case) has(conn *event.Connection) bool {
	from, to := conn.Ends()
	port := conn.ServicePort()
	for i := range c.flows {
		if f := &c.flows[i]; f.port == port && f.to.address == to && f.from.address == from {
			return true
		}
	}
	for l := range c.begins {
		if l.port == port && conn.Direction == 0 {
			return true
		}
	}
	return false
}

// nearest describes what came nearest to an alert of a rule.
func (t *Suite) nearest(r *rule.Rule, report *explain.Report) (lines []string) {
	best := &explain.Case{Outcome: explain.NotFired, Because: "the rule was not evaluated: no connection could fire it"}
	if len(report.Cases) > 0 {
		best = report.Cases[0]
	}
	suppressed := 0
	for _, c := range report.Cases {
		if c.Outcome != explain.Suppressed {
			continue
		}
		if suppressed++; suppressed == 1 {
			lines = append(lines, c.Because)
		}
	}
	if suppressed > 1 {
		lines[0] += fmt.Sprintf(" (%d connections)", suppressed)
	}
	step := -1 // any
	switch w := best.Window(); {
	case best.Outcome == explain.Suppressed:
		return lines
	case best.Outcome == explain.Fired:
		e, _ := best.Best(step)
		return append(lines, fmt.Sprintf("the rule fired at %s: %s", t.timeOfDay(e.At), t.aboutCase(best, e)))
	case best.Outcome == explain.Matched && r.Sequence != nil && w != nil && len(w.Fired) == 0:
		var more []string
		if more, step = t.steps(len(r.Sequence.Steps), w); step < 0 {
			return append(append(lines, more...), best.Because)
		}
		lines = append(lines, more...)
	case best.Outcome == explain.Matched:
		return append(lines, best.Because+t.matches(r, w))
	case r.Count != nil:
		lines = append(lines, "no connection counted")
	case r.Sequence != nil:
		lines = append(lines, fmt.Sprintf("none of the %d steps matched", len(r.Sequence.Steps)))
	case r.Path != nil:
		lines = append(lines, "no connection was an edge of a path")
	}
	c, e, part := furthest(report.Cases, step)
	if e == nil {
		return append(lines, best.Because)
	}
	lines = append(lines, t.timeOfDay(e.At)+" "+t.aboutCase(c, e)+":")
	for _, reason := range explain.Reasons(c, part) {
		lines = append(lines, "  "+reason)
	}
	return lines
}

// furthest returns the first case on which a step was evaluated and did not hold.
func furthest(cases []*explain.Case, step int) (*explain.Case, *explain.Evaluation, *terms.Explanation) {
	for _, c := range cases {
		if e, part := c.Best(step); e != nil && part.Verdict != terms.Holds {
			return c, e, part
		}
	}
	return nil, nil, nil
}

// steps describes the matches of a sequence, and returns the first step without
// one; -1 if all have.
func (t *Suite) steps(n int, w *pattern.Contents) (lines []string, missing int) {
	last := make([]*pattern.Held, n)
	for i := range w.Matches {
		last[w.Matches[i].Step-1] = &w.Matches[i]
	}
	missing = -1
	for i, held := range last {
		if held != nil {
			lines = append(lines, fmt.Sprintf("step %d matched at %s: %s", i+1, t.timeOfDay(held.At), describe(held)))
			continue
		}
		if missing < 0 {
			missing = i
		}
		line := fmt.Sprintf("step %d never matched", i+1)
		if w.Key != "" {
			line += " for " + w.Key
		}
		lines = append(lines, line)
	}
	return lines, missing
}

// matches describes a path's edges, or when the last match of a count was.
func (t *Suite) matches(r *rule.Rule, w *pattern.Contents) string {
	switch {
	case w == nil || len(w.Matches) == 0:
		return ""
	case r.Path == nil:
		return ", last at " + t.timeOfDay(w.Matches[len(w.Matches)-1].At)
	}
	var edges []string
	for i := range w.Matches {
		edges = append(edges, describe(&w.Matches[i]))
	}
	return ": " + strings.Join(edges, ", ")
}

func describe(h *pattern.Held) string { return fmt.Sprintf("%s -> %s:%d", h.From, h.To, h.Port) }

func (t *Suite) aboutCase(c *explain.Case, e *explain.Evaluation) string {
	switch d := c.Connection; {
	case d == nil:
		return c.Host
	case d.Direction == 0:
		return fmt.Sprintf("port %d of %s", d.Port, c.Host)
	default:
		return fmt.Sprintf("%s -> %s:%d, %s, seen by %s", t.nameOf(d.Source), t.nameOf(d.Destination), d.Port, e.Event, c.Host)
	}
}
