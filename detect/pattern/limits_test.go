package pattern_test

import (
	"fmt"
	"testing"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// flood feeds matches of one host, each a second later than the one before, as
// change makes them.
func flood(p *pattern.Patterns, n int, change func(i int, m *pattern.Match)) (fired []pattern.Fired) {
	for i, m := range someMatches(n) {
		m.Host = "flooder"
		m.Edge.SourcePort = uint16(i)
		m.Connection[2] = byte(i >> 16)
		change(i, &m)
		fired = append(fired, p.Feed(m)...)
	}
	return fired
}

func TestAHostThatFloodsPushesOutItsOwn(t *testing.T) {
	limits := pattern.Limits{Keys: 100, Matches: 1000, MatchesPerKey: 50, Edges: 300, EdgesPerHost: 40}
	count := pattern.Rule{ID: "r", Count: &rule.Count{Within: time.Hour, AtLeast: 1000}}
	quiet := pattern.Rule{ID: "r", Count: &rule.Count{Within: time.Hour, AtLeast: 3}}
	sequence := pattern.Rule{ID: "r", Sequence: &rule.Sequence{Within: time.Hour, Steps: make([]rule.Step, 2)}}
	path := pattern.Rule{ID: "r", Path: &rule.Path{Hops: 2, Within: time.Hour}}
	own := func(m *pattern.Match) { m.Host, m.By = "victim", "victim" }
	for name, c := range map[string]struct {
		rule  pattern.Rule
		begin func(i int, m *pattern.Match) // the first matches of the other host
		flood func(i int, m *pattern.Match)
		end   func(m *pattern.Match) // the match that completes them
	}{
		"with keys": {
			quiet, func(_ int, m *pattern.Match) { own(m) },
			func(i int, m *pattern.Match) { m.By = fmt.Sprint(i) }, own,
		},
		"with matches of a key": {
			quiet, func(_ int, m *pattern.Match) { own(m) },
			func(_ int, m *pattern.Match) { m.By = "flood" }, own,
		},
		"with keys of a sequence": {
			sequence, func(_ int, m *pattern.Match) { own(m) },
			func(i int, m *pattern.Match) { m.By = fmt.Sprint(i) }, func(m *pattern.Match) { own(m); m.Part = 1 },
		},
		"with matches of many keys": {
			sequence, func(_ int, m *pattern.Match) { own(m) },
			func(i int, m *pattern.Match) { m.By = fmt.Sprint(i % 90) }, func(m *pattern.Match) { own(m); m.Part = 1 },
		},
		"with edges": {
			path, func(_ int, m *pattern.Match) {
				m.Host, m.Edge.SourceHost, m.Edge.DestinationHost = "victim", "entry", "victim"
			},
			func(i int, m *pattern.Match) { m.Edge.SourceHost, m.Edge.DestinationHost = "flooder", fmt.Sprint(i) },
			func(m *pattern.Match) {
				m.Host, m.Edge.SourceHost, m.Edge.DestinationHost = "victim", "victim", "target"
			},
		},
		"with edges to the host": {
			path, func(_ int, m *pattern.Match) {
				m.Host, m.Edge.SourceHost, m.Edge.DestinationHost = "victim", "entry", "victim"
			},
			func(_ int, m *pattern.Match) { m.Edge.SourceHost, m.Edge.DestinationHost = "flooder", "victim" },
			func(m *pattern.Match) {
				m.Host, m.Edge.SourceHost, m.Edge.DestinationHost = "victim", "victim", "target"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := pattern.New(limits)
			p.SetRules([]pattern.Rule{c.rule})
			flood(p, 2, c.begin)
			flood(p, 3000, c.flood)
			last := someMatches(3000)[2999]
			last.Edge.SourcePort = 60_000
			c.end(&last)
			if fired := p.Feed(last); len(fired) != 1 {
				t.Errorf("fired %+v", fired)
			}
			most := limits.Matches
			if c.rule.Path != nil {
				most = limits.EdgesPerHost + 3
			}
			if n := p.Len(); n > most {
				t.Errorf("%d matches remembered", n)
			}
			if d := p.Dropped(); d.Keys+d.Matches+d.Edges == 0 && c.rule.Count == nil {
				t.Errorf("nothing was dropped: %+v", d)
			}
		})
	}
	t.Run("a window that has no room for what it takes", func(t *testing.T) {
		p := pattern.New(limits)
		p.SetRules([]pattern.Rule{count})
		if fired := flood(p, 3000, func(int, *pattern.Match) {}); fired != nil {
			t.Errorf("fired %+v", fired)
		}
		if p.Len() > limits.MatchesPerKey || p.Dropped().Matches != 3000-limits.MatchesPerKey {
			t.Errorf("%d matches remembered, %+v", p.Len(), p.Dropped())
		}
	})
}

// TestAKeyThatHasFiredDoesNotGrow feeds a key for a whole day.
func TestAKeyThatHasFiredDoesNotGrow(t *testing.T) {
	for name, c := range map[string]struct {
		rule rule.Count
		most int
	}{
		"connections":     {rule.Count{AtLeast: 10}, 100},
		"distinct values": {rule.Count{AtLeast: 10, Of: "value"}, 100},
		"sum":             {rule.Count{AtLeast: 100, Sum: "bytes"}, 100},
		"above usual":     {rule.Count{AtLeast: 10, AboveUsual: 2, Of: "value"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			p := pattern.New(pattern.Limits{})
			c.rule.Within = 2 * time.Hour
			p.SetRules([]pattern.Rule{{ID: "r", Count: &c.rule}})
			days := map[string]int{}
			for i := range 30_000 {
				m := someMatches(1)[0]
				m.At = start.Add(-16 * time.Hour).Add(time.Duration(i) * 5 * time.Second)
				m.OpenedBefore, m.OpenedAfter = m.At, m.At.Add(-30*time.Second)
				m.Of, m.Sum, m.Baseline = fmt.Sprint(i%1000), 10, 3
				m.Connection[0], m.Connection[1], m.Edge.SourcePort = byte(i), byte(i>>8), uint16(i)
				for range p.Feed(m) {
					days[m.At.Format(time.DateOnly)]++
				}
				if n := p.Len(); n > c.most {
					t.Fatalf("%d matches remembered after %d, at %s", n, i, m.At)
				}
			}
			if len(days) != 3 {
				t.Errorf("fired %v", days)
			}
			for day, times := range days {
				if times != 1 {
					t.Errorf("fired %d times on %s", times, day)
				}
			}
			if d := p.Dropped(); d != (pattern.Dropped{}) {
				t.Errorf("dropped %+v", d)
			}
		})
	}
}

// TestRepeatedValueDoesNotGrow is what a server does all day.
func TestRepeatedValueDoesNotGrow(t *testing.T) {
	p := newPatterns(pattern.Rule{ID: "r", Count: &rule.Count{Within: time.Hour, AtLeast: 6, Of: "value"}})
	for i := range 20_000 {
		m := someMatches(1)[0]
		m.At = start.Add(time.Duration(i) * time.Second)
		m.OpenedBefore, m.OpenedAfter = m.At, m.At.Add(-30*time.Second)
		m.Of, m.Connection[0], m.Connection[1], m.Edge.SourcePort = fmt.Sprint(i%5), byte(i), byte(i>>8), uint16(i)
		if fired := p.Feed(m); fired != nil {
			t.Fatalf("fired %+v", fired)
		}
		if p.Len() > 40 {
			t.Fatalf("%d matches remembered after %d", p.Len(), i)
		}
	}
}

func TestEverythingExpires(t *testing.T) {
	for name, r := range map[string]pattern.Rule{
		"count":    {ID: "r", Count: &rule.Count{Within: time.Hour, AtLeast: 100}},
		"sequence": {ID: "r", Sequence: &rule.Sequence{Within: time.Hour, Steps: make([]rule.Step, 2)}},
		"path":     {ID: "r", Path: &rule.Path{Hops: 2, Within: time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatterns(r)
			p.Expire(start)
			flood(p, 50, func(int, *pattern.Match) {})
			if p.Len() != 50 {
				t.Fatalf("%d remembered", p.Len())
			}
			p.Expire(start.Add(time.Hour + lateness + age))
			if p.Len() != 50 {
				t.Errorf("%d remembered, as long as they can count", p.Len())
			}
			p.Expire(start.Add(time.Hour + lateness + age + 11*time.Minute))
			if p.Len() != 0 {
				t.Errorf("%d remembered", p.Len())
			}
			if d := p.Dropped(); d != (pattern.Dropped{}) {
				t.Errorf("dropped %+v", d)
			}
		})
	}
}

func TestWhatComesAfterASilenceIsKept(t *testing.T) {
	for name, r := range map[string]pattern.Rule{
		"count": {ID: "r", Count: &rule.Count{Within: time.Hour, AtLeast: 100}},
		"path":  {ID: "r", Path: &rule.Path{Hops: 2, Within: time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatterns(r)
			p.Expire(start.Add(-10 * time.Hour))
			m := someMatches(1)[0]
			p.Feed(m)
			p.Expire(m.At)
			if p.Len() != 1 {
				t.Error("it was forgotten at once")
			}
		})
		t.Run(name+" of a clock that is years ahead", func(t *testing.T) {
			p := newPatterns(r)
			p.Expire(start)
			m := someMatches(1)[0]
			m.At = start.AddDate(10, 0, 0)
			m.OpenedBefore, m.OpenedAfter = m.At, m.At
			p.Feed(m)
			for hours := range 6 {
				p.Expire(start.Add(time.Duration(hours) * time.Hour))
			}
			if p.Len() != 0 {
				t.Error("it is kept for years")
			}
		})
	}
}

func TestNonsenseIsNothing(t *testing.T) {
	good := someMatches(1)[0]
	for name, change := range map[string]func(m *pattern.Match){
		"a rule that there isn't":  func(m *pattern.Match) { m.Rule = "other" },
		"no time":                  func(m *pattern.Match) { m.At, m.OpenedBefore = time.Time{}, time.Time{} },
		"a step that there isn't":  func(m *pattern.Match) { m.Part = 2 },
		"a step before the first":  func(m *pattern.Match) { m.Part = -1 },
		"a connection to the host": func(m *pattern.Match) { m.Edge.DestinationHost = m.Edge.SourceHost },
	} {
		t.Run(name, func(t *testing.T) {
			r := pattern.Rule{ID: "r", Sequence: &rule.Sequence{Within: time.Hour, Steps: make([]rule.Step, 2)}}
			if name == "a connection to the host" {
				r = pattern.Rule{ID: "r", Path: &rule.Path{Hops: 2, Within: time.Hour}}
			}
			p := newPatterns(r)
			m := good
			change(&m)
			if fired := p.Feed(m); fired != nil || p.Len() != 0 {
				t.Errorf("fired %+v, %d remembered", fired, p.Len())
			}
			if p.Feed(good); p.Len() != 1 {
				t.Error("and what makes sense is nothing, too")
			}
		})
	}
	t.Run("a rule of no kind", func(t *testing.T) {
		p := newPatterns(pattern.Rule{ID: "r"})
		if fired := p.Feed(good); fired != nil || p.Len() != 0 {
			t.Errorf("fired %+v", fired)
		}
	})
	t.Run("times out of this world", func(t *testing.T) {
		p := newPatterns(pattern.Rule{ID: "r", Count: &rule.Count{Within: 1 << 62, AtLeast: 2}})
		for i, year := range []int{1, 9999, 1969, 2500} {
			m := someMatches(4)[i]
			m.At = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
			m.OpenedBefore, m.OpenedAfter = m.At, m.At
			p.Feed(m)
			p.Expire(m.At)
		}
	})
}

func TestLongKeysAndValuesAreCut(t *testing.T) {
	p := newPatterns(pattern.Rule{ID: "r", Count: &rule.Count{Within: time.Hour, AtLeast: 2, Of: "value"}})
	long := string(make([]byte, 100_000))
	var fired []pattern.Fired
	for i, m := range someMatches(2) {
		m.By, m.Of = long, long+fmt.Sprint(i) // they differ at the end only
		fired = append(fired, p.Feed(m)...)
	}
	if len(fired) != 1 || len(fired[0].Key) > 300 || len(fired[0].Evidence[1].Of) > 300 || fired[0].Matched != 2 {
		t.Errorf("fired %+v", fired)
	}
}

// TestAWindowOfWeeksDoesNotGrow has a key fire each day of a month.
func TestAWindowOfWeeksDoesNotGrow(t *testing.T) {
	p := pattern.New(pattern.Limits{})
	p.SetRules([]pattern.Rule{{ID: "r", Count: &rule.Count{Within: 20 * 24 * time.Hour, AtLeast: 10}}})
	days := map[string]int{}
	for i := range 30 * 24 * 60 {
		m := someMatches(1)[0]
		m.At = start.Add(time.Duration(i) * time.Minute)
		m.OpenedBefore, m.OpenedAfter = m.At, m.At.Add(-30*time.Second)
		m.Connection[0], m.Connection[1], m.Edge.SourcePort = byte(i), byte(i>>8), uint16(i)
		for range p.Feed(m) {
			days[m.At.Format(time.DateOnly)]++
		}
		if p.Len() > 22*10*2+64 {
			t.Fatalf("%d matches remembered after %d", p.Len(), i)
		}
	}
	if len(days) != 31 {
		t.Errorf("fired on %d days", len(days))
	}
	for day, times := range days {
		if times != 1 {
			t.Errorf("fired %d times on %s", times, day)
		}
	}
}

func TestALongPathIsFound(t *testing.T) {
	p := newPatterns(pattern.Rule{ID: "r", Path: &rule.Path{Hops: 4, Within: time.Hour}})
	var last pattern.Fired
	for i, m := range someMatches(100) {
		m.Edge.SourceHost, m.Edge.DestinationHost = fmt.Sprint(i), fmt.Sprint(i+1)
		m.Edge.Source = event.AddressFrom4(uint32(i))
		for _, f := range p.Feed(m) {
			last = f
		}
	}
	// The later half of 64 is kept, and goes on from there.
	if last.Matched != 36 || len(last.Path) != last.Matched || len(last.Evidence) != pattern.MaxEvidence {
		t.Errorf("a path of %d, %d in evidence", len(last.Path), len(last.Evidence))
	}
	for i := range last.Path[1:] {
		if last.Path[i].Edge.DestinationHost != last.Path[i+1].Edge.SourceHost {
			t.Fatalf("edge %d doesn't follow: %+v", i+1, last.Path)
		}
	}
}

// TestDenseEdgesAreBounded is a net in which each host reaches each other, which
// has more paths than can be followed.
func TestDenseEdgesAreBounded(t *testing.T) {
	p := newPatterns(pattern.Rule{ID: "r", Path: &rule.Path{Hops: 8, Within: time.Hour}})
	fired := 0
	for i, m := range someMatches(1500) {
		m.Edge.SourceHost, m.Edge.DestinationHost = fmt.Sprint(i%40), fmt.Sprint(i/40%40)
		m.OpenedAfter = start.Add(-time.Hour)
		fired += len(p.Feed(m))
	}
	if fired < 500 || p.Dropped().Chains == 0 {
		t.Errorf("%d fired, %+v", fired, p.Dropped())
	}
}
