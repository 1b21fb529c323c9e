package ruletest_test

import (
	"testing"

	"headstart/rulekit/ruletest"
)

// BenchmarkRule plays the tests of one rule: four days of six hosts that are
// learned, and some twenty cases.
func BenchmarkRule(b *testing.B) {
	set := defaultRuleset(b)
	only := func(rule, _ string) bool { return rule == "ssh-then-database" }
	for b.Loop() {
		report, err := ruletest.Run(b.Context(), set, ruletest.Options{Wanted: only})
		if err != nil || report.Failed > 0 {
			b.Fatal(report, err)
		}
		b.ReportMetric(float64(report.Passed), "cases")
	}
}

// BenchmarkCase plays one case after the learning period.
func BenchmarkCase(b *testing.B) {
	set := defaultRuleset(b)
	tests, mistakes := ruletest.Read(set, set.Rule("ssh-then-database"))
	if mistakes != nil {
		b.Fatal(mistakes)
	}
	fixture, err := tests.Learn(b.Context(), set)
	if err != nil {
		b.Fatal(err)
	}
	scenario, err := fixture.Scenario(b.Context(), set, 0)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := scenario.Play(b.Context(), set); err != nil {
			b.Fatal(err)
		}
	}
}
