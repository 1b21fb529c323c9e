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

// TestAgainstTheDefinition holds presence, saved and restored now and then,
// against one that looks at every host every time.
func TestAgainstTheDefinition(t *testing.T) {
	stages := map[heartbeat.Stage]int{}
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 1))
		p, plain := heartbeat.New(0), &plain{hosts: map[string]*plainHost{}}
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
				stages[c.Stage]++
			}
			if got, want := p.Silent(), plain.silent(); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, step %d: silent are\n%s and not\n%s", seed, step, describe(got), describe(want))
			}
			if random.IntN(50) == 0 {
				p = restored(t, p)
			}
		}
	}
	for _, stage := range []heartbeat.Stage{heartbeat.Present, heartbeat.Late, heartbeat.Gone} {
		if stages[stage] < 200 {
			t.Errorf("only %d changes to %s", stages[stage], stage)
		}
	}
}

// plain does what the package comment says, the plain way.
type plain struct {
	hosts            map[string]*plainHost
	now              time.Time
	moved            time.Duration
	leapFrom, leapTo time.Time
	pace             time.Duration
	back             []heartbeat.Change
}

type plainHost struct {
	last     time.Time
	heard    time.Duration
	interval time.Duration
	stage    heartbeat.Stage
}

func (p *plain) move(to time.Time) {
	if p.now.IsZero() {
		p.now = to
	}
	if by := to.Sub(p.now); by > max(2*time.Minute, 2*p.pace) {
		p.leapFrom, p.leapTo, p.now = p.now, to, to
	} else if by > 0 {
		p.moved += by
		p.now = to
	}
}

func (p *plain) observe(name string, at time.Time, interval time.Duration) {
	p.pace = interval
	p.move(at)
	h := p.hosts[name]
	if h != nil && at.Before(h.last) {
		return
	}
	if h == nil {
		h = &plainHost{heard: -1 << 62}
		p.hosts[name] = h
	}
	ago := p.now.Sub(at)
	if at.Before(p.leapFrom) {
		ago -= p.leapTo.Sub(p.leapFrom)
	} else if at.Before(p.leapTo) {
		ago = p.now.Sub(p.leapTo)
	}
	h.last, h.heard, h.interval = at, max(h.heard, p.moved-ago), interval
	if h.stage != heartbeat.Present && p.moved-h.heard < h.after(heartbeat.Late) {
		h.stage = heartbeat.Present
		p.back = append(p.back, heartbeat.Change{Host: name, Since: at, At: p.now, Interval: interval})
	}
}

func (h *plainHost) after(stage heartbeat.Stage) time.Duration {
	if stage == heartbeat.Late {
		return max(3*h.interval, 2*time.Minute)
	}
	return max(20*h.interval, 15*time.Minute)
}

func (p *plain) advance(now time.Time) []heartbeat.Change {
	p.move(now)
	var changes []heartbeat.Change
	for _, stage := range []heartbeat.Stage{heartbeat.Late, heartbeat.Gone} {
		for name, h := range p.hosts {
			if h.stage == stage-1 && p.moved-h.heard >= h.after(stage) {
				h.stage = stage
				changes = append(changes, p.change(name, h))
			}
		}
	}
	due := func(c heartbeat.Change) time.Duration {
		h := p.hosts[c.Host]
		return h.heard + h.after(c.Stage)
	}
	slices.SortFunc(changes, func(a, b heartbeat.Change) int {
		return cmp.Or(cmp.Compare(due(a), due(b)), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Stage, b.Stage))
	})
	changes = append(p.back, changes...)
	p.back = nil
	return changes
}

func (p *plain) change(name string, h *plainHost) heartbeat.Change {
	return heartbeat.Change{Host: name, Stage: h.stage, Since: h.last, At: p.now, Interval: h.interval}
}

func (p *plain) silent() []heartbeat.Change {
	var all []heartbeat.Change
	for name, h := range p.hosts {
		if h.stage != heartbeat.Present {
			all = append(all, p.change(name, h))
		}
	}
	slices.SortFunc(all, func(a, b heartbeat.Change) int { return cmp.Compare(a.Host, b.Host) })
	return all
}

func TestASilentHostIsForgotten(t *testing.T) {
	p := heartbeat.New(0)
	p.Observe("gone", noon, time.Minute)
	for at := noon; at.Before(noon.Add(heartbeat.Expiry)); at = at.Add(time.Minute) {
		p.Observe("here", at, time.Minute)
		p.Advance(at)
	}
	if n, _ := p.Len(); n != 2 {
		t.Fatalf("%d hosts known", n)
	}
	p.Observe("here", noon.Add(heartbeat.Expiry), time.Minute)
	if changes := p.Advance(noon.Add(heartbeat.Expiry)); changes != nil || len(p.Silent()) != 0 {
		t.Errorf("said\n%s", describe(changes))
	}
	if n, _ := p.Len(); n != 1 {
		t.Errorf("%d hosts known", n)
	}
}

func TestHostsAreCapped(t *testing.T) {
	p := heartbeat.New(100)
	at := noon
	for i := range 100 {
		p.Observe(fmt.Sprint("old-", i), at.Add(time.Duration(i)*time.Second), time.Minute)
	}
	p.Observe("refused", at, time.Minute)
	if n, refused := p.Len(); n != 100 || refused != 1 {
		t.Fatalf("%d hosts, %d refused", n, refused)
	}
	for range 30 {
		at = at.Add(time.Minute)
		p.Observe("old-0", at, time.Minute)
		p.Advance(at)
	}
	for i := range 6 {
		p.Observe(fmt.Sprint("new-", i), at, time.Minute)
	}
	if n, refused := p.Len(); n > 100 || refused != 1 {
		t.Fatalf("%d hosts, %d refused", n, refused)
	}
	silent := p.Silent()
	for _, c := range silent {
		if c.Host == "old-1" || c.Host == "old-0" {
			t.Errorf("%s is still known, or silent", c.Host)
		}
	}
	if len(silent) < 85 {
		t.Errorf("%d silent", len(silent))
	}
	// Those that are left can come back, and fall silent, once each.
	for _, c := range silent {
		p.Observe(c.Host, at, time.Minute)
	}
	if back := p.Advance(at); len(back) != len(silent) {
		t.Errorf("%d of %d are back", len(back), len(silent))
	}
	said := map[string]int{}
	for end := at.Add(heartbeat.Expiry + time.Hour); at.Before(end); at = at.Add(time.Minute) {
		p.Observe("old-0", at, time.Minute)
		for _, c := range p.Advance(at) {
			said[c.Host]++
		}
	}
	for host, times := range said {
		known := slices.ContainsFunc(silent, func(c heartbeat.Change) bool { return c.Host == host })
		if times != 2 || !known && !strings.HasPrefix(host, "new-") {
			t.Errorf("%d changes of %s", times, host)
		}
	}
	if n, _ := p.Len(); n != 1 || len(said) < 85 {
		t.Errorf("%d hosts are left, %d have fallen silent", n, len(said))
	}
}

func TestTimesOutOfThisWorld(t *testing.T) {
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

// lengthsTold plays hosts that fall silent at 15:00 and returns what is said of
// lengths, by the minute; a restart between any two minutes changes nothing.
func lengthsTold(t *testing.T, ask []time.Duration, interval time.Duration, back int) string {
	t.Helper()
	begin := time.Date(2025, 6, 5, 15, 0, 0, 0, time.UTC)
	p := heartbeat.New(0)
	p.Watch(ask...)
	p.Observe("web-01", begin, interval)
	said := ""
	for minute := range 60 {
		now := begin.Add(time.Duration(minute) * time.Minute)
		p.Observe("other", now, 30*time.Second)
		if minute == back {
			p.Observe("web-01", now, interval)
		}
		for _, c := range p.Advance(now) {
			if c.Silence > 0 {
				said += fmt.Sprintf("%d:%s ", minute, c.Silence)
			}
		}
		p = restored(t, p)
		p.Watch(ask...)
	}
	return strings.TrimSpace(said)
}

func TestSilenceOfALengthIsSaidWhenItIsReached(t *testing.T) {
	for _, test := range []struct {
		name     string
		ask      []time.Duration
		interval time.Duration
		back     int
		want     string
	}{
		{"each once", []time.Duration{20 * time.Minute, 5 * time.Minute, 5 * time.Minute}, 30 * time.Second, -1, "5:5m0s 20:20m0s"},
		{"not before the host is late", []time.Duration{time.Second, 5 * time.Minute}, 10 * time.Minute, -1, "30:1s 30:5m0s"},
		{"again with the next silence", []time.Duration{5 * time.Minute}, 30 * time.Second, 10, "5:5m0s 15:5m0s"},
		{"nobody asks", nil, 30 * time.Second, -1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := lengthsTold(t, test.ask, test.interval, test.back); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestAskedWhileSilent(t *testing.T) {
	begin := time.Date(2025, 6, 5, 15, 0, 0, 0, time.UTC)
	p := heartbeat.New(0)
	p.Observe("web-01", begin, 30*time.Second)
	for minute := range 30 {
		p.Observe("other", begin.Add(time.Duration(minute)*time.Minute), 30*time.Second)
		p.Advance(begin.Add(time.Duration(minute) * time.Minute))
	}
	p.Watch(10*time.Minute, time.Hour)
	changes := p.Advance(begin.Add(29 * time.Minute))
	if len(changes) != 1 || changes[0].Host != "web-01" || changes[0].Silence != 10*time.Minute {
		t.Errorf("%+v, want the ten minutes that are over", changes)
	}
}
