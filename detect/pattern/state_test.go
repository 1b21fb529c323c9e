package pattern_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event/wire"
)

func save(t *testing.T, p *pattern.Patterns) []byte {
	t.Helper()
	saved, err := wire.Marshal(p.Save())
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func restore(t *testing.T, p *pattern.Patterns, saved []byte) {
	t.Helper()
	var s pattern.State
	if err := wire.Unmarshal(saved, &s); err != nil {
		t.Fatal(err)
	}
	if err := p.Restore(s); err != nil {
		t.Fatal(err)
	}
}

// tight are limits that the histories reach.
var tight = pattern.Limits{
	Lateness: lateness, Age: age, Keys: 2, Matches: 9, MatchesPerKey: 6, Edges: 14, EdgesPerHost: 4, Fired: 3,
}

// TestRestartAnywhereChangesNothing cuts histories: what is saved and restored
// continues exactly as what wasn't, down to what it saves afterwards.
func TestRestartAnywhereChangesNothing(t *testing.T) {
	dropped := pattern.Dropped{}
	for seed := range sample(1500) {
		random := rand.New(rand.NewPCG(seed, 2))
		r := someRule(random)
		history := someHistory(random, r)
		limits := pattern.Limits{Lateness: lateness, Age: age}
		if seed%2 == 0 {
			limits = tight
		}
		whole := pattern.New(limits)
		whole.SetRules([]pattern.Rule{r})
		cut := random.IntN(len(history))
		var restored *pattern.Patterns
		for i := range history {
			if i == cut {
				restored = pattern.New(limits)
				if seed%3 == 0 {
					restored.SetRules([]pattern.Rule{r})
				}
				saved := save(t, whole)
				restore(t, restored, saved)
				if !bytes.Equal(save(t, restored), saved) {
					t.Fatalf("seed %d: what was restored saves something else", seed)
				}
			}
			want := history[i].feed(whole)
			if restored == nil {
				continue
			}
			if got := history[i].feed(restored); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, cut at %d, at %d: %s\n%s got %+v\n want %+v", seed, cut, i, describeRule(r), describe(history), got, want)
			}
		}
		if restored == nil {
			continue
		}
		if !bytes.Equal(save(t, restored), save(t, whole)) || restored.Len() != whole.Len() || restored.Dropped() != whole.Dropped() {
			t.Fatalf("seed %d: %s: they have become different", seed, describeRule(r))
		}
		d := whole.Dropped()
		dropped.Keys += d.Keys
		dropped.Matches += d.Matches
		dropped.Edges += d.Edges
		dropped.Fired += d.Fired
	}
	if min(dropped.Keys, dropped.Matches, dropped.Edges) < 100*int(sample(1500))/1500 || dropped.Fired < 20*int(sample(1500))/1500 {
		t.Errorf("the limits were hardly reached: %+v", dropped)
	}
}

func TestRulesThatDoNotChangeKeepTheirWindows(t *testing.T) {
	count := func(least float64) pattern.Rule {
		return pattern.Rule{ID: "r", Count: &rule.Count{By: []string{}, Within: time.Hour, AtLeast: least}}
	}
	other := pattern.Rule{ID: "other", Path: &rule.Path{Hops: 2, Within: time.Hour}}
	matches := someMatches(3)
	for name, c := range map[string]struct {
		reload  func(t *testing.T, p *pattern.Patterns)
		matched bool
	}{
		"the same rules": {func(_ *testing.T, p *pattern.Patterns) { p.SetRules([]pattern.Rule{count(3)}) }, true},
		"another rule is added": {func(_ *testing.T, p *pattern.Patterns) {
			p.SetRules([]pattern.Rule{other, count(3)})
		}, true},
		"the rule changes": {func(_ *testing.T, p *pattern.Patterns) { p.SetRules([]pattern.Rule{count(2)}) }, false},
		"its conditions change": {func(_ *testing.T, p *pattern.Patterns) {
			for _, meaning := range []string{"one", "another"} {
				r := count(3)
				r.Meaning = meaning
				p.SetRules([]pattern.Rule{r})
			}
		}, false},
		"the rule goes and comes back": {func(_ *testing.T, p *pattern.Patterns) {
			p.SetRules([]pattern.Rule{other})
			p.SetRules([]pattern.Rule{count(3)})
		}, false},
		"restored under the same rules": {func(t *testing.T, p *pattern.Patterns) {
			saved := save(t, p)
			p.SetRules([]pattern.Rule{other})
			p.SetRules([]pattern.Rule{other, count(3)})
			restore(t, p, saved)
		}, true},
		"restored of a time when conditions were not saved": {func(t *testing.T, p *pattern.Patterns) {
			saved := save(t, p)
			r := count(3)
			r.Meaning = "one"
			p.SetRules([]pattern.Rule{r})
			restore(t, p, saved)
		}, true},
		"restored under a changed rule": {func(t *testing.T, p *pattern.Patterns) {
			saved := save(t, p)
			p.SetRules([]pattern.Rule{count(2)})
			restore(t, p, saved)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatterns(count(3))
			for _, m := range matches[:2] {
				if fired := p.Feed(m); fired != nil {
					t.Fatalf("fired %+v", fired)
				}
			}
			c.reload(t, p)
			if fired := p.Feed(matches[2]); (len(fired) == 1) != c.matched {
				t.Errorf("fired %+v", fired)
			}
		})
	}
}

// TestAnIDIsFiredOnce feeds enough for a rule again and again, while everything
// that can happen to it does.
func TestAnIDIsFiredOnce(t *testing.T) {
	count := func(least float64) []pattern.Rule {
		return []pattern.Rule{{ID: "r", Count: &rule.Count{Within: time.Minute, AtLeast: least}}}
	}
	p := pattern.New(pattern.Limits{Lateness: lateness, Age: age})
	p.SetRules(count(2))
	ids := map[string]int{}
	n := byte(0)
	feed := func(at time.Time) {
		for range 3 {
			n++
			m := someMatches(1)[0]
			m.At, m.OpenedBefore, m.OpenedAfter, m.SeenUntil = at, at, at.Add(-30*time.Second), at
			m.Edge.SourcePort, m.Connection[0] = uint16(n), n
			for _, f := range p.Feed(m) {
				ids[f.ID]++
			}
		}
	}
	at := start.Add(-20 * time.Hour)
	p.Expire(at)
	feed(at)
	p.SetRules(nil)
	p.SetRules(count(2))
	feed(at)
	p.SetRules(count(3))
	feed(at)
	restore(t, p, save(t, p))
	feed(at)
	at = at.Add(12 * time.Hour) // the window has expired
	p.Expire(at)
	if p.Len() != 0 {
		t.Errorf("%d matches after half a day", p.Len())
	}
	feed(at)
	if len(ids) != 1 {
		t.Fatalf("fired %v", ids)
	}
	feed(at.Add(dayLength)) // before the stream's time: a clock that is ahead
	p.Expire(at.Add(dayLength))
	feed(at.Add(dayLength))
	for id, times := range ids {
		if times != 1 {
			t.Errorf("%s was fired %d times", id, times)
		}
	}
	if len(ids) != 2 {
		t.Errorf("fired %v", ids)
	}
	p.Expire(at.Add(4 * dayLength))
	if s := p.Save(); len(s.Marks) != 0 {
		t.Errorf("remembers %+v", s.Marks)
	}
}

func TestDamagedStateIsRejected(t *testing.T) {
	r := pattern.Rule{ID: "r", Path: &rule.Path{Hops: 3, Within: time.Hour}}
	random := rand.New(rand.NewPCG(1, 3))
	p := newPatterns(r)
	for _, e := range someHistory(random, r) {
		e.feed(p)
	}
	if len(p.Save().Rules[0].Links) == 0 {
		t.Fatal("nothing to damage")
	}
	for name, damage := range map[string]func(s *pattern.State){
		"a chain that goes round":   func(s *pattern.State) { s.Rules[0].Links[0].Prev = 0 },
		"a chain of no edge":        func(s *pattern.State) { s.Rules[0].Links[0].Node = 1000 },
		"an edge without a chain":   func(s *pattern.State) { s.Rules[0].Nodes[0].Longest = -1 },
		"too few lengths":           func(s *pattern.State) { s.Rules[0].Nodes[0].Chains = nil },
		"a chain of another length": func(s *pattern.State) { s.Rules[0].Nodes[0].Chains[2] = []int32{s.Rules[0].Nodes[0].Chains[1][0]} },
		"an edge without a time": func(s *pattern.State) {
			s.Rules[0].Nodes[0].Match.At, s.Rules[0].Nodes[0].Match.OpenedBefore = time.Time{}, time.Time{}
		},
		"a rule twice":                 func(s *pattern.State) { s.Rules = append(s.Rules, s.Rules[0]) },
		"a rule that is no pattern":    func(s *pattern.State) { s.Rules[0].Rule.Path = nil },
		"an id without a time":         func(s *pattern.State) { s.Marks[0].Until = nil },
		"a chain's place out of range": func(s *pattern.State) { s.Rules[0].Nodes[0].Chains[1][0] = 1 << 30 },
	} {
		t.Run(name, func(t *testing.T) {
			s := p.Save()
			damage(&s)
			fresh := newPatterns(r)
			if err := fresh.Restore(s); err == nil {
				t.Fatal("restored")
			}
			if fresh.Len() != 0 || len(fresh.Save().Rules) != 1 {
				t.Errorf("%d matches remembered, rules %v", fresh.Len(), fresh.Save().Rules)
			}
		})
	}
}

const dayLength = 24 * time.Hour

// someMatches returns matches of different connections, a second apart.
func someMatches(n int) []pattern.Match {
	matches := make([]pattern.Match, n)
	for i := range matches {
		at := start.Add(time.Duration(i) * time.Second)
		matches[i] = pattern.Match{
			Rule: "r", By: "k", Edge: pattern.Edge{SourceHost: "a", DestinationHost: "b", SourcePort: uint16(i), Port: 22},
			Host: "a", At: at, OpenedAfter: at.Add(-30 * time.Second), OpenedBefore: at, SeenUntil: at,
		}
		matches[i].Connection[0], matches[i].Connection[1] = byte(i>>8), byte(i)
	}
	return matches
}

func TestTheOrderOfMapsDoesNotShow(t *testing.T) {
	p := newPatterns(pattern.Rule{ID: "r", Count: &rule.Count{Within: time.Hour, AtLeast: 3}})
	for i, m := range someMatches(200) {
		m.By = string(rune('a' + i%26))
		p.Feed(m)
	}
	saved := save(t, p)
	for range 5 {
		if !bytes.Equal(save(t, p), saved) {
			t.Fatal("saved twice, it differs")
		}
	}
}
