package ruletest_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"headstart/rulekit/ruletest"
)

func TestJUnitIsValidXML(t *testing.T) {
	failed := ruletest.CaseReport{Name: "a\x1b", File: "d/one.yaml", Line: 7, Verdict: ruletest.Verdict{Failures: []string{"]]>\x1b[2J\x00<b>"}}}
	changed := ruletest.CaseReport{Name: "b", File: "d/one.yaml", Line: 9, Changed: true, Verdict: ruletest.Verdict{Failures: []string{"other"}}}
	r := &ruletest.Report{Rules: []ruletest.RuleReport{
		{Rule: "one", File: "d/one.yaml", Cases: []ruletest.CaseReport{failed, changed, {Name: "c", File: "d/one.yaml", Line: 11, Passed: true}}, Fires: true, Silent: true},
		{Rule: "two", File: "d/two.yaml"},
	}}
	var b strings.Builder
	if err := r.WriteJUnit(&b, true); err != nil {
		t.Fatal(err)
	}
	type result struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	var all struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Suites   []struct {
			Cases []struct {
				File    string  `xml:"file,attr"`
				Line    int     `xml:"line,attr"`
				Failure *result `xml:"failure"`
				Skipped *result `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(b.String()), &all); err != nil || all.Tests != 4 || all.Failures != 2 || all.Skipped != 1 || len(all.Suites) != 2 || len(all.Suites[0].Cases) != 3 {
		t.Fatalf("%v: %+v\n%s", err, all, b.String())
	}
	if c := all.Suites[0].Cases[0]; c.File != "d/one.yaml" || c.Line != 7 || c.Failure == nil || c.Failure.Text != "]]>\ufffd[2J\ufffd<b>" {
		t.Errorf("failed case: %+v", c)
	}
	if c := all.Suites[0].Cases[1]; c.Failure != nil || c.Skipped == nil || c.Skipped.Text != "other" {
		t.Errorf("changed case: %+v", c)
	}
	if c := all.Suites[1].Cases; len(c) != 1 || c[0].Failure == nil || c[0].Failure.Message != "has no tests" {
		t.Errorf("rule without tests: %+v", c)
	}
}
