package ruletest_test

import (
	"testing"

	"headstart/detect/rule"
	"headstart/rulekit/ruletest"
	rules "headstart/rules.expr"
)

func defaultRuleset(t testing.TB) *rule.Set {
	t.Helper()
	set, err := rule.Load(rules.Files, "rules.expr")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestDefaultRuleset plays the tests of the shipped rules. Each rule has a case in which it
// fires, and one in which it nearly does.
func TestDefaultRuleset(t *testing.T) {
	report, err := ruletest.Run(t.Context(), defaultRuleset(t), ruletest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Passed == 0 {
		t.Error("no case was played")
	}
	for i := range report.Rules {
		r := &report.Rules[i]
		if lack := r.Lacks(); lack != "" {
			t.Errorf("%s %s", r.File, lack)
		}
		for k := range r.Cases {
			if c := &r.Cases[k]; !c.Passed {
				t.Errorf("%s:%d: %s: %s\n%s", c.File, c.Line, r.Rule, c.Name, c)
			}
		}
	}
}
