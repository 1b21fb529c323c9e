package ruletest_test

import (
	"io/fs"
	"path"
	"slices"
	"sync/atomic"
	"testing"

	"headstart/detect/rule"
	"headstart/rulekit/ruletest"
	rules "headstart/rules.expr"
)

// TestMutants holds that the tests of each shipped rule notice a change of any of
// its numbers, comparisons and lists, and the loss of any of its conditions. With
// -short and under the race detector it takes every second one of every fourth
// rule.
func TestMutants(t *testing.T) {
	set := defaultRuleset(t)
	everyRule, oneOf := 1, 1
	if testing.Short() || underRace {
		everyRule, oneOf = 4, 2
	}
	for id := range equivalent {
		if set.Rule(id) == nil {
			t.Errorf("equivalent has %s, which is no rule", id)
		}
	}
	var killed, unlike atomic.Int64
	t.Run("of", func(t *testing.T) {
		for i, r := range set.Rules {
			if r.Tests == nil || i%everyRule > 0 {
				continue // TestDefaultRuleset reports rules without tests
			}
			t.Run(r.ID, func(t *testing.T) {
				t.Parallel()
				file, err := fs.ReadFile(rules.Files, path.Base(r.File))
				if err != nil {
					t.Fatal(err)
				}
				named := file
				if r.TestFile != "" {
					more, err := fs.ReadFile(rules.Files, path.Base(r.TestFile))
					if err != nil {
						t.Fatal(err)
					}
					named = slices.Concat(file, more)
				}
				scenarios := scenariosOf(t, set, r)
				ruleset := rulesetAround(t, set, named)
				excused := map[string]bool{}
				for n, m := range mutantsOf(t, file) {
					if n%oneOf > 0 {
						excused[m.what] = true
						continue
					}
					changed := m.load(ruleset)
					if changed == nil {
						unlike.Add(1)
						continue
					}
					caught := notices(t, scenarios, changed)
					why, excuse := equivalent[r.ID][m.what]
					excused[m.what] = excuse
					switch {
					case caught && excuse:
						t.Errorf("%s: it is noticed after all, though %s", m.what, why)
					case caught:
						killed.Add(1)
					case !excuse:
						t.Errorf("no case notices: %s", m.what)
					}
				}
				for what := range equivalent[r.ID] {
					if !excused[what] {
						t.Errorf("there is no mutant %q", what)
					}
				}
			})
		}
	})
	t.Logf("%d mutants were noticed; %d were no rules", killed.Load(), unlike.Load())
}

type scenarios struct {
	suite *ruletest.Suite
	all   []*ruletest.Scenario
}

// scenariosOf are the cases of a rule as they begin, learned with the default ruleset.
func scenariosOf(t *testing.T, set *rule.Set, r *rule.Rule) scenarios {
	t.Helper()
	tests, mistakes := ruletest.Read(set, r)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	fixture, err := tests.Learn(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	s := scenarios{suite: tests}
	for n := range tests.Cases {
		scenario, err := fixture.Scenario(t.Context(), set, n)
		if err != nil {
			t.Fatal(err)
		}
		s.all = append(s.all, scenario)
	}
	return s
}

// notices reports whether a case fails with a rule set.
func notices(t *testing.T, s scenarios, set *rule.Set) bool {
	t.Helper()
	for _, scenario := range s.all {
		outcome, err := scenario.Play(t.Context(), set)
		if err != nil {
			t.Fatal(err)
		}
		if !outcome.Verdict(s.suite).Passed() {
			return true
		}
	}
	return false
}
