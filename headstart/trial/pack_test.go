package trial_test

import (
	"testing"

	"headstart/headstart/trial"
	rules "headstart/rules.expr"
	"headstart/services/correlator/rule"
)

func shippedPack(t testing.TB) *rule.Set {
	t.Helper()
	set, err := rule.Load(rules.Files, "rules.expr")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestPack plays the tests of the shipped rules. Each rule has a case that fires
// and one that nearly does.
func TestPack(t *testing.T) {
	set := shippedPack(t)
	for _, r := range set.Rules {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			if r.Tests == nil {
				t.Fatal("no tests")
			}
			tests, mistakes := trial.Read(set, r)
			if mistakes != nil {
				t.Fatal(mistakes)
			}
			lesson, err := tests.Learn(t.Context(), set)
			if err != nil {
				t.Fatal(err)
			}
			fires, silent := false, false
			for n, c := range tests.Cases {
				fires, silent = fires || c.Fires, silent || c.Silent
				t.Run(c.Name, func(t *testing.T) {
					scene, err := lesson.Scene(t.Context(), set, n)
					if err != nil {
						t.Fatal(err)
					}
					outcome, err := scene.Play(t.Context(), set)
					if err != nil {
						t.Fatal(err)
					}
					if v := outcome.Verdict(tests); !v.Passed() {
						t.Errorf("%s:%d\n%s", r.File, c.Line, v)
					}
				})
			}
			if !fires || !silent {
				t.Errorf("a case fires: %t, a case that nearly does: %t", fires, silent)
			}
		})
	}
}
