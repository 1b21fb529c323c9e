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
	set := shippedPack(t)
	everyRule, oneOf := 1, 1
	if testing.Short() || underRace {
		everyRule, oneOf = 4, 2
	}
	var killed, unlike atomic.Int64
	t.Run("of", func(t *testing.T) {
		for i, r := range set.Rules {
			if r.Tests == nil || i%everyRule > 0 {
				continue // TestPack reports rules without tests
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
				scenes := scenesOf(t, set, r)
				pack := packAround(t, set, named)
				excused := map[string]bool{}
				for n, m := range mutantsOf(t, file) {
					if n%oneOf > 0 {
						excused[m.what] = true
						continue
					}
					changed := m.load(pack)
					if changed == nil {
						unlike.Add(1)
						continue
					}
					caught := notices(t, scenes, changed)
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

type scenes struct {
	trial *ruletest.Trial
	all   []*ruletest.Scene
}

// scenesOf are the cases of a rule as they begin, learnt with the pack as it is.
func scenesOf(t *testing.T, set *rule.Set, r *rule.Rule) scenes {
	t.Helper()
	tests, mistakes := ruletest.Read(set, r)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	lesson, err := tests.Learn(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	s := scenes{trial: tests}
	for n := range tests.Cases {
		scene, err := lesson.Scene(t.Context(), set, n)
		if err != nil {
			t.Fatal(err)
		}
		s.all = append(s.all, scene)
	}
	return s
}

// notices reports whether a case fails with some rules.
func notices(t *testing.T, s scenes, set *rule.Set) bool {
	t.Helper()
	for _, scene := range s.all {
		outcome, err := scene.Play(t.Context(), set)
		if err != nil {
			t.Fatal(err)
		}
		if !outcome.Verdict(s.trial).Passed() {
			return true
		}
	}
	return false
}
