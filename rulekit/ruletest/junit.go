package ruletest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// junitSuites, junitSuite and junitCase add each case's file and line to the
// library's types, whose fields of the same names they replace.
type (
	junitSuites struct {
		junit.Testsuites
		Suites []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		junit.Testsuite
		Testcases []junitCase `xml:"testcase"`
	}
	junitCase struct {
		junit.Testcase
		File string `xml:"file,attr"`
		Line int    `xml:"line,attr"`
	}
)

// WriteJUnit writes the report as JUnit XML, one suite per rule. With require, a
// rule that lacks a case counts as a failed case.
func (r *Report) WriteJUnit(w io.Writer, require bool) error {
	all := junitSuites{Testsuites: junit.Testsuites{Name: "headstart rules test"}}
	total := 0.0
	for i := range r.Rules {
		one := &r.Rules[i]
		s := junitSuite{Testsuite: junit.Testsuite{Name: one.Rule, File: one.File, ID: len(all.Suites)}}
		add := func(file string, line int, c junit.Testcase) {
			c.Classname = one.Rule
			s.AddTestcase(c)
			s.Testcases = append(s.Testcases, junitCase{c, file, line})
		}
		seconds := 0.0
		for k := range one.Cases {
			c := &one.Cases[k]
			seconds += c.Seconds
			played := junit.Testcase{Name: c.Name, Time: junitTime(c.Seconds)}
			switch {
			case c.Changed:
				played.Skipped = c.junitResult("changed by a later directory")
			case !c.Passed:
				played.Failure = c.junitResult("")
			}
			add(c.File, c.Line, played)
		}
		if lack := one.Lacks(); require && lack != "" {
			add(one.File, 1, junit.Testcase{Name: "cases", Time: junitTime(0), Failure: &junit.Result{Message: lack}})
		}
		if s.Time = junitTime(seconds); s.Tests > 0 {
			total += seconds
			all.AddSuite(s.Testsuite)
			all.Suites = append(all.Suites, s)
		}
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

func junitTime(seconds float64) string { return fmt.Sprintf("%.3f", seconds) }

// junitResult describes a case that failed; without a message it takes the first
// line of the description.
func (c *CaseReport) junitResult(message string) *junit.Result {
	text := xmlText(strings.TrimRight(c.String(), "\n"))
	if message == "" {
		message, _, _ = strings.Cut(text, "\n")
	}
	return &junit.Result{Message: message, Data: text}
}

// xmlText replaces what XML can't carry: the library writes the text as CDATA,
// which encoding/xml doesn't check.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
