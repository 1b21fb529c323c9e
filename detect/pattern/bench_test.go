package pattern_test

import (
	"fmt"
	"testing"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event/wire"
)

// feeder feeds matches of one key, 30 of them a second, each of another
// connection.
type feeder struct {
	patterns *pattern.Patterns
	match    pattern.Match
	n        int
	values   []string
}

func newFeeder(r pattern.Rule, values int) *feeder {
	f := &feeder{patterns: newPatterns(r), match: someMatches(1)[0]}
	for i := range values {
		f.values = append(f.values, fmt.Sprint("host-", i))
	}
	return f
}

func (f *feeder) feed(b *testing.B, late time.Duration) {
	f.n++
	m := f.match
	m.OpenedBefore = start.Add(time.Duration(f.n) * time.Second / 30).Add(-late)
	m.OpenedAfter, m.At, m.SeenUntil = m.OpenedBefore.Add(-30*time.Second), m.OpenedBefore, m.OpenedBefore
	m.Edge.SourcePort, m.Edge.Port = uint16(f.n), uint16(f.n>>16)
	m.Connection[0], m.Connection[1], m.Connection[2], m.Connection[3] = byte(f.n), byte(f.n>>8), byte(f.n>>16), byte(f.n>>24)
	m.Of = f.values[f.n%len(f.values)]
	if fired := f.patterns.Feed(m); fired != nil {
		b.Fatalf("fired %+v", fired)
	}
}

// BenchmarkCountFullWindow is a window of a thousand connections that is never
// enough, in order and with every other match a minute late.
func BenchmarkCountFullWindow(b *testing.B) {
	for _, c := range []struct {
		name string
		rule rule.Count
		late time.Duration
	}{
		{"connections", rule.Count{AtLeast: 1e6}, 0},
		{"connections, late", rule.Count{AtLeast: 1e6}, 10 * time.Second},
		{"sum", rule.Count{AtLeast: 1e6, Sum: "bytes"}, 0},
		{"distinct values", rule.Count{AtLeast: 1e6, Of: "value"}, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.rule.Within = 30 * time.Second
			p := pattern.New(pattern.Limits{Lateness: time.Second, Age: time.Second})
			f := newFeeder(pattern.Rule{ID: "r", Count: &c.rule}, 1000)
			f.patterns = p
			p.SetRules([]pattern.Rule{{ID: "r", Count: &c.rule}})
			f.match.Sum = 1
			for range 2000 {
				f.feed(b, 0)
			}
			b.ReportAllocs()
			for b.Loop() {
				f.feed(b, time.Duration(f.n%2)*c.late)
			}
			b.ReportMetric(float64(p.Len()), "matches")
		})
	}
}

// BenchmarkCountFired is a key that has fired for the day.
func BenchmarkCountFired(b *testing.B) {
	p := newPatterns(pattern.Rule{ID: "r", Count: &rule.Count{Within: time.Minute, AtLeast: 2}})
	m := someMatches(2)
	m[0].At, m[0].OpenedBefore = start.Add(-time.Hour), start.Add(-time.Hour)
	m[1].At, m[1].OpenedBefore = start.Add(-time.Hour), start.Add(-time.Hour)
	p.Feed(m[0])
	if len(p.Feed(m[1])) != 1 {
		b.Fatal("did not fire")
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Feed(m[1])
	}
}

// BenchmarkSequence is a key whose first step matches often and its second
// never in time.
func BenchmarkSequence(b *testing.B) {
	f := newFeeder(pattern.Rule{ID: "r", Sequence: &rule.Sequence{Within: 3 * time.Second, Steps: make([]rule.Step, 2)}}, 1)
	f.feed(b, 0)
	f.match.Part = 1
	f.n += 1000
	b.ReportAllocs()
	for b.Loop() {
		f.feed(b, 0)
	}
}

// BenchmarkPath is a company of 500 hosts, each of which begins something unusual
// once an hour.
func BenchmarkPath(b *testing.B) {
	p := newPatterns(pattern.Rule{ID: "r", Path: &rule.Path{Hops: 3, Within: 10 * time.Minute}})
	names := make([]string, 500)
	for i := range names {
		names[i] = fmt.Sprint("host-", i)
	}
	m := someMatches(1)[0]
	n := uint32(1)
	b.ReportAllocs()
	for b.Loop() {
		n++
		mixed := n * 2654435761
		m.At = start.Add(time.Duration(n) * 7200 * time.Millisecond)
		m.OpenedBefore, m.OpenedAfter, m.SeenUntil = m.At, m.At.Add(-30*time.Second), m.At
		m.Edge.SourceHost, m.Edge.DestinationHost = names[mixed>>8%500], names[mixed>>16%500]
		m.Edge.SourcePort = uint16(n)
		m.Connection[0], m.Connection[1], m.Connection[2], m.Connection[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
		p.Expire(m.At)
		p.Feed(m)
	}
	b.ReportMetric(float64(p.Len()), "edges")
}

// BenchmarkSeenUnknown is the word that a connection is open which is no edge of
// a path.
func BenchmarkSeenUnknown(b *testing.B) {
	p := newPatterns(pattern.Rule{ID: "r", Path: &rule.Path{Hops: 3, Within: time.Hour}})
	p.Feed(someMatches(1)[0])
	id := someMatches(2)[1].Connection
	b.ReportAllocs()
	for b.Loop() {
		p.Seen("a", id, start)
	}
}

// BenchmarkSave saves a thousand keys with ten matches each.
func BenchmarkSave(b *testing.B) {
	p := newPatterns(pattern.Rule{ID: "r", Count: &rule.Count{Within: time.Hour, AtLeast: 100}})
	for i, m := range someMatches(10_000) {
		m.By = fmt.Sprint("host-", i%1000)
		p.Feed(m)
	}
	var out []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if out, err = wire.Marshal(p.Save()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(out))/10_000, "B/match")
}
