package ruletest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The parts of JUnit's XML that CI systems read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		File     string      `xml:"file,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
		Skipped *junitFailure `xml:"skipped,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes a report as JUnit's XML: a suite for each rule. A rule that
// lacks a case is a failed one if require says so.
func (r *Report) WriteJUnit(w io.Writer, require bool) error {
	all := junitSuites{Name: "headstart rules test"}
	total := 0.0
	for i := range r.Rules {
		one := &r.Rules[i]
		s := junitSuite{Name: one.Rule, File: one.File}
		seconds := 0.0
		for k := range one.Cases {
			c := &one.Cases[k]
			seconds += c.Seconds
			played := junitCase{Name: c.Name, Class: one.Rule, File: one.File, Line: c.Line, Time: junitTime(c.Seconds), Failure: c.junit()}
			if c.Changed {
				played.Failure, played.Skipped = nil, &junitFailure{Message: "changed by a later directory", Text: played.Failure.Text}
			}
			s.add(played)
		}
		if lack := one.Lacks(); require && lack != "" {
			s.add(junitCase{Name: "cases", Class: one.Rule, File: one.File, Line: 1, Time: junitTime(0), Failure: &junitFailure{Message: lack}})
		}
		if s.Time = junitTime(seconds); s.Tests == 0 {
			continue
		}
		total += seconds
		all.Tests, all.Failures, all.Suites = all.Tests+s.Tests, all.Failures+s.Failures, append(all.Suites, s)
	}
	all.Time = junitTime(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(&all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func junitTime(seconds float64) string { return fmt.Sprintf("%.3f", seconds) }

func (c *CaseReport) junit() *junitFailure {
	if c.Passed {
		return nil
	}
	text := strings.TrimRight(c.String(), "\n")
	first, _, _ := strings.Cut(text, "\n")
	return &junitFailure{Message: first, Text: text}
}
