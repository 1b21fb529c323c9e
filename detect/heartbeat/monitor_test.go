package heartbeat_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/detect/heartbeat"
)

var noon = time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)

// TestAgainstTheDefinition compares a monitor, saved and restored now and then,
// with one that examines every host every time.
func TestAgainstTheDefinition(t *testing.T) {
	watched := []time.Duration{time.Minute, 2 * time.Minute, 15 * time.Minute, 30 * time.Minute}
	reported := map[time.Duration]int{}
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 1))
		p, plain := heartbeat.New(0), &plain{hosts: map[string]*plainHost{}, durations: watched}
		p.Watch(watched...)
		names := make([]string, 2+random.IntN(6))
		for i := range names {
			names[i] = fmt.Sprint("host-", i)
		}
		now := noon
		for step := range 300 {
			switch n := random.IntN(60); {
			case n == 0:
				now = now.Add(time.Duration(random.IntN(5)) * time.Hour)
			case n < 10:
				now = now.Add(time.Duration(random.IntN(200)) * time.Second)
			default:
				now = now.Add(time.Duration(random.IntN(30)) * time.Second)
			}
			for range random.IntN(3) {
				name := names[random.IntN(len(names))]
				// Some hosts report seldom, and some late.
				if name == names[0] && random.IntN(40) > 0 {
					continue
				}
				at := now
				if random.IntN(4) == 0 {
					at = at.Add(-time.Duration(random.IntN(300)) * time.Second)
				}
				interval := []time.Duration{10 * time.Second, 30 * time.Second, 2 * time.Minute}[random.IntN(3)]
				p.Observe(name, at, interval)
				plain.observe(name, at, interval)
			}
			got, want := p.Advance(now), plain.advance(now)
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, step %d, at %s:\n got:\n%s want:\n%s", seed, step, now, describe(got), describe(want))
			}
			for _, c := range got {
				reported[c.Duration]++
			}
			if random.IntN(50) == 0 {
				p = restored(t, p)
				p.Watch(watched...)
			}
		}
	}
	for _, duration := range watched {
		if reported[duration] < 200 {
			t.Errorf("only %d silences of %s", reported[duration], duration)
		}
	}
}

// plain implements the package comment without a queue.
type plain struct {
	hosts            map[string]*plainHost
	durations        []time.Duration
	now              time.Time
	moved            time.Duration
	jumpFrom, jumpTo time.Time
	interval         time.Duration
}

type plainHost struct {
	last     time.Time
	seen     time.Duration
	interval time.Duration
	reported time.Duration
}

func (p *plain) move(to time.Time) {
	if p.now.IsZero() {
		p.now = to
	}
	if by := to.Sub(p.now); by > max(2*time.Minute, 2*p.interval) {
		p.jumpFrom, p.jumpTo, p.now = p.now, to, to
	} else if by > 0 {
		p.moved += by
		p.now = to
	}
}

func (p *plain) observe(name string, at time.Time, interval time.Duration) {
	p.interval = interval
	p.move(at)
	h := p.hosts[name]
	if h != nil && at.Before(h.last) {
		return
	}
	if h == nil {
		h = &plainHost{seen: -1 << 62}
		p.hosts[name] = h
	}
	ago := p.now.Sub(at)
	if at.Before(p.jumpFrom) {
		ago -= p.jumpTo.Sub(p.jumpFrom)
	} else if at.Before(p.jumpTo) {
		ago = p.now.Sub(p.jumpTo)
	}
	h.last, h.seen, h.interval = at, max(h.seen, p.moved-ago), interval
	if p.moved-h.seen < h.late() {
		h.reported = 0
	}
}

func (h *plainHost) late() time.Duration { return max(3*h.interval, 2*time.Minute) }

func (p *plain) advance(now time.Time) (silences []heartbeat.Silence) {
	p.move(now)
	for _, duration := range p.durations {
		for name, h := range p.hosts {
			if h.reported < duration && p.moved-h.seen >= max(duration, h.late()) {
				h.reported = duration
				silences = append(silences, heartbeat.Silence{Host: name, Duration: duration, Since: h.last, At: p.now})
			}
		}
	}
	due := func(s heartbeat.Silence) time.Duration {
		h := p.hosts[s.Host]
		return h.seen + max(s.Duration, h.late())
	}
	slices.SortFunc(silences, func(a, b heartbeat.Silence) int {
		return cmp.Or(cmp.Compare(due(a), due(b)), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Duration, b.Duration))
	})
	return silences
}

// expiry is how long a silent host is remembered.
const expiry = 30 * 24 * time.Hour

func TestSilentHostIsForgotten(t *testing.T) {
	p := heartbeat.New(0)
	p.Observe("gone", noon, time.Minute)
	for at := noon; at.Before(noon.Add(expiry)); at = at.Add(time.Minute) {
		p.Observe("here", at, time.Minute)
		p.Advance(at)
	}
	if n, _ := p.Len(); n != 2 {
		t.Fatalf("%d hosts known", n)
	}
	p.Observe("here", noon.Add(expiry), time.Minute)
	if silences := p.Advance(noon.Add(expiry)); silences != nil {
		t.Errorf("reported\n%s", describe(silences))
	}
	if n, _ := p.Len(); n != 1 {
		t.Errorf("%d hosts known", n)
	}
}

func TestHostsAreCapped(t *testing.T) {
	p := heartbeat.New(100)
	p.Watch(2 * time.Minute)
	at := noon
	for i := range 100 {
		p.Observe(fmt.Sprint("old-", i), at.Add(time.Duration(i)*time.Second), time.Minute)
	}
	p.Observe("rejected", at, time.Minute)
	if n, rejected := p.Len(); n != 100 || rejected != 1 {
		t.Fatalf("%d hosts, %d rejected", n, rejected)
	}
	silent := map[string]int{}
	for range 30 {
		at = at.Add(time.Minute)
		p.Observe("old-0", at, time.Minute)
		for _, s := range p.Advance(at) {
			silent[s.Host]++
		}
	}
	if len(silent) != 99 || silent["old-0"] != 0 {
		t.Errorf("%d silent hosts, want all but old-0", len(silent))
	}
	for i := range 6 {
		p.Observe(fmt.Sprint("new-", i), at, time.Minute)
	}
	if n, rejected := p.Len(); n > 100 || n < 93 || rejected != 1 {
		t.Fatalf("%d hosts, %d rejected", n, rejected)
	}
	// The hosts that are left can come back, and fall silent again, once each. The
	// hosts that were silent for longest are forgotten: they count as new.
	for i := 10; i < 80; i++ {
		p.Observe(fmt.Sprint("old-", i), at, time.Minute)
	}
	if n, rejected := p.Len(); n > 100 || rejected != 1 {
		t.Errorf("%d hosts, %d rejected", n, rejected)
	}
	again := map[string]int{}
	for end := at.Add(expiry + time.Hour); at.Before(end); at = at.Add(time.Minute) {
		p.Observe("old-0", at, time.Minute)
		for _, s := range p.Advance(at) {
			again[s.Host]++
		}
	}
	for host, times := range again {
		if times != 1 {
			t.Errorf("%d silences of %s", times, host)
		}
	}
	if again["old-1"] != 0 {
		t.Error("old-1 made room, and is silent again")
	}
	if n, _ := p.Len(); n != 1 || len(again) != 76 {
		t.Errorf("%d hosts are left, %d have fallen silent", n, len(again))
	}
}

func TestTimesOutOfRange(t *testing.T) {
	p := heartbeat.New(0)
	for _, year := range []int{1, 1969, 2025, 9999} {
		p.Observe("a", time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Duration(1<<62))
		p.Observe("b", time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), -1)
		p.Advance(time.Date(year, 1, 2, 0, 0, 0, 0, time.UTC))
	}
}

// BenchmarkMessage is the snapshot of one of 10,000 hosts.
func BenchmarkMessage(b *testing.B) {
	const hosts = 10_000
	p := heartbeat.New(0)
	names := make([]string, hosts)
	for i := range names {
		names[i] = fmt.Sprint("host-", i)
	}
	p.Watch(5*time.Minute, time.Hour)
	n, at := 0, noon
	b.ReportAllocs()
	for b.Loop() {
		if n++; n%100 != 0 { // one of a hundred is silent
			p.Observe(names[n%hosts], at, 30*time.Second)
		}
		at = at.Add(3 * time.Millisecond)
		p.Advance(at)
	}
}

// silencesOf returns the silences of a host that stops reporting at 15:00, by
// the minute. The monitor restarts after each minute.
func silencesOf(t *testing.T, watched []time.Duration, interval time.Duration, back int) string {
	t.Helper()
	begin := time.Date(2025, 6, 5, 15, 0, 0, 0, time.UTC)
	p := heartbeat.New(0)
	p.Watch(watched...)
	p.Observe("web-01", begin, interval)
	reported := ""
	for minute := range 60 {
		now := begin.Add(time.Duration(minute) * time.Minute)
		p.Observe("other", now, 30*time.Second)
		if minute == back {
			p.Observe("web-01", now, interval)
		}
		for _, c := range p.Advance(now) {
			reported += fmt.Sprintf("%d:%s ", minute, c.Duration)
		}
		p = restored(t, p)
		p.Watch(watched...)
	}
	return strings.TrimSpace(reported)
}

func TestSilenceIsReportedWhenItReachesADuration(t *testing.T) {
	for _, test := range []struct {
		name     string
		watched  []time.Duration
		interval time.Duration
		back     int
		want     string
	}{
		{"each once", []time.Duration{20 * time.Minute, 5 * time.Minute, 5 * time.Minute}, 30 * time.Second, -1, "5:5m0s 20:20m0s"},
		{"not before the host is late", []time.Duration{time.Second, 5 * time.Minute}, 10 * time.Minute, -1, "30:1s 30:5m0s"},
		{"again with the next silence", []time.Duration{5 * time.Minute}, 30 * time.Second, 10, "5:5m0s 15:5m0s"},
		{"nothing is watched", nil, 30 * time.Second, -1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := silencesOf(t, test.watched, test.interval, test.back); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestWatchDuringSilence(t *testing.T) {
	begin := time.Date(2025, 6, 5, 15, 0, 0, 0, time.UTC)
	p := heartbeat.New(0)
	p.Observe("web-01", begin, 30*time.Second)
	for minute := range 30 {
		p.Observe("other", begin.Add(time.Duration(minute)*time.Minute), 30*time.Second)
		p.Advance(begin.Add(time.Duration(minute) * time.Minute))
	}
	p.Watch(10*time.Minute, time.Hour)
	silences := p.Advance(begin.Add(29 * time.Minute))
	if len(silences) != 1 || silences[0].Host != "web-01" || silences[0].Duration != 10*time.Minute {
		t.Errorf("%+v, want the ten minutes that are over", silences)
	}
}
