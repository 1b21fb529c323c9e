package pattern_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// regularRule asks for twenty calls within half a day.
func regularRule() pattern.Rule {
	return pattern.Rule{ID: "r", Count: &rule.Count{By: []string{"host.name"}, Within: 12 * time.Hour, AtLeast: 20, Beaconing: 0.85}}
}

// calls are the matches of a host's calls that it ends itself at these times,
// and how they are seen by polls every 30 s.
func calls(host string, seenOpen bool, at []time.Time) []told {
	var all []told
	for n, when := range at {
		poll := when.Truncate(30 * time.Second).Add(30 * time.Second)
		m := pattern.Match{
			Rule: "r", By: host, Host: host, At: poll, OpenedAfter: poll.Add(-30 * time.Second), OpenedBefore: when, SeenUntil: when, State: event.TimeWait,
			Edge: pattern.Edge{Source: event.AddressFrom4(1), Destination: event.AddressFrom4(2), SourceHost: host, SourcePort: uint16(n), Port: 443},
		}
		if seenOpen {
			m.OpenedBefore, m.SeenUntil, m.State = poll, poll, event.Established
		}
		m.Connection = connectionID(fmt.Sprint(host, n))
		all = append(all, told{match: m, arrives: poll})
	}
	return all
}

func fires(t *testing.T, history []told) bool {
	t.Helper()
	p := newPatterns(regularRule())
	n := 0
	for i := range history {
		n += len(history[i].feed(p))
	}
	return n > 0
}

// rhythm returns times of so many calls, each so long after the one before.
func rhythm(n int, wait func() time.Duration) []time.Time {
	at, all := start, make([]time.Time, 0, n)
	for range n {
		at = at.Add(wait())
		all = append(all, at)
	}
	return all
}

func TestRegularFindsARhythm(t *testing.T) {
	const rounds = 1000
	for _, test := range []struct {
		name        string
		every       time.Duration
		jitter      float64 // to either side, as a part of it
		random      bool    // at any time, that often on average
		seenOpen    bool
		least, most int // of a hundred
	}{
		{name: "exactly", every: time.Minute, least: 100, most: 100},
		{name: "a tenth to either side", every: 5 * time.Minute, jitter: 0.1, least: 100, most: 100},
		{name: "a quarter to either side", every: 5 * time.Minute, jitter: 0.25, least: 99, most: 100},
		{name: "half to either side", every: 5 * time.Minute, jitter: 0.5, least: 65, most: 90},
		{name: "at any time", every: 5 * time.Minute, random: true, least: 0, most: 1},
		{name: "every five minutes, seen open", every: 5 * time.Minute, jitter: 0.05, seenOpen: true, least: 90, most: 100},
		{name: "every minute, seen open", every: time.Minute, seenOpen: true, least: 0, most: 0},
		{name: "every second, seen open", every: time.Second, jitter: 0.5, seenOpen: true, least: 0, most: 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, 1))
			n := 0
			for range rounds {
				history := calls("web-01", test.seenOpen, rhythm(20, func() time.Duration {
					if test.random {
						return time.Second + time.Duration(float64(test.every)*random.ExpFloat64())
					}
					return time.Duration(float64(test.every) * (1 + test.jitter*(2*random.Float64()-1)))
				}))
				if fires(t, history) {
					n++
				}
			}
			if got := n * 100 / rounds; got < test.least || got > test.most {
				t.Errorf("%d of 100 fire, want %d to %d", got, test.least, test.most)
			}
		})
	}
}

// TestRegularOrderOfHosts holds that what fires depends on what each host
// reports, in its order, and not on when the others are heard.
func TestRegularOrderOfHosts(t *testing.T) {
	total := 0
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 2))
		var hosts [][]told
		for n := range 3 + random.IntN(4) {
			jitter := random.Float64()
			hosts = append(hosts, calls(fmt.Sprint("host-", n), random.IntN(3) == 0, rhythm(30, func() time.Duration {
				return time.Duration(float64(4*time.Minute) * (1 + jitter*(2*random.Float64()-1)))
			})))
		}
		var want []string
		for order := range 4 {
			p := newPatterns(regularRule())
			var fired []pattern.Fired
			for _, e := range interleaved(random, hosts) {
				fired = append(fired, e.feed(p)...)
			}
			got := names(fired)
			if order == 0 {
				want = got
				total += len(got)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, order %d: %q, want %q", seed, order, got, want)
			}
		}
	}
	if total < 100 || total > 400 {
		t.Errorf("%d of 450 fired", total)
	}
}

// interleaved puts histories together: each in its order, late by up to what is
// allowed.
func interleaved(random *rand.Rand, hosts [][]told) []told {
	var all []told
	for _, history := range hosts {
		var last time.Time
		for _, e := range history {
			if e.arrives = e.at().Add(time.Duration(random.Int64N(int64(lateness)))); e.arrives.Before(last) {
				e.arrives = last
			}
			last = e.arrives
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b told) int { return a.arrives.Compare(b.arrives) })
	return all
}

// TestBeaconingContinuesAfterRestore holds that what was saved in the middle goes on
// as what wasn't.
func TestBeaconingContinuesAfterRestore(t *testing.T) {
	history := calls("web-01", false, rhythm(20, func() time.Duration { return 5 * time.Minute }))
	p := newPatterns(regularRule())
	for i := range history[:12] {
		history[i].feed(p)
	}
	saved := p.Save()
	p = newPatterns(regularRule())
	if err := p.Restore(saved); err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range history[12:] {
		n += len(history[12+i].feed(p))
	}
	if n != 1 {
		t.Errorf("fired %d times", n)
	}
}

// BenchmarkRegular is one more call of a host that makes as many as are kept.
func BenchmarkRegular(b *testing.B) {
	random := rand.New(rand.NewPCG(7, 3))
	p := newPatterns(regularRule())
	at := start
	m := calls("web-01", false, []time.Time{at})[0].match
	n := uint64(0)
	for b.Loop() {
		n++
		at = at.Add(time.Duration(random.ExpFloat64() * float64(2*time.Second)))
		binary.BigEndian.PutUint64(m.Connection[:], n)
		m.Edge.SourcePort = uint16(n)
		m.At, m.OpenedAfter, m.OpenedBefore, m.SeenUntil = at, at.Add(-time.Second), at, at
		p.Expire(at)
		p.Feed(m)
	}
}
