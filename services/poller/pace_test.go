package poller

import (
	"strings"
	"testing"
	"time"

	"headstart/event"
)

func TestPaceObeysWithinBounds(t *testing.T) {
	now := time.Date(2025, 6, 5, 16, 22, 8, 0, time.UTC)
	const interval, fastest = 30 * time.Second, 5 * time.Second
	for _, tt := range []struct {
		name  string
		asked event.Control
		at    time.Duration // after the message
		want  time.Duration
	}{
		{"faster until it expires", event.Control{Interval: 10 * time.Second, ExpiresAt: now.Add(time.Minute)}, 59 * time.Second, 10 * time.Second},
		{"as before when it has expired", event.Control{Interval: 10 * time.Second, ExpiresAt: now.Add(time.Minute)}, time.Minute, interval},
		{"not faster than the fastest", event.Control{Interval: time.Millisecond, ExpiresAt: now.Add(time.Minute)}, 0, fastest},
		{"never slower", event.Control{Interval: time.Hour, ExpiresAt: now.Add(time.Minute)}, 0, interval},
		{"not for longer than a day", event.Control{Interval: 10 * time.Second, ExpiresAt: now.Add(1000 * time.Hour)}, 24 * time.Hour, interval},
		{"not at all when it has expired already", event.Control{Interval: 10 * time.Second, ExpiresAt: now.Add(-time.Second)}, 0, interval},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := pace{interval: interval, fastest: fastest}
			p.obey(tt.asked, now)
			if got := p.at(now.Add(tt.at)); got != tt.want {
				t.Errorf("interval %s, want %s", got, tt.want)
			}
		})
	}
}

func TestJitterIsWithinAFifthAndNotAlwaysTheSame(t *testing.T) {
	const d = 30 * time.Second
	seen := map[time.Duration]bool{}
	for range 1000 {
		j := jitter(d)
		if j < d-d/5 || j > d+d/5 {
			t.Fatalf("%s of %s", j, d)
		}
		seen[j] = true
	}
	if len(seen) < 900 {
		t.Errorf("%d different times of 1000: who knows the interval can step between two snapshots", len(seen))
	}
}

func TestCheckNamesEveryMistake(t *testing.T) {
	o := Options{
		Host: strings.Repeat("x", event.MaxName+1), Roles: []string{strings.Repeat("y", event.MaxName+1)},
		Interval: time.Millisecond, Fastest: -1, Buffer: 1,
	}
	err := o.Check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, flagName := range []string{"--host", "--roles", "--interval", "--fastest", "--buffer"} {
		if !strings.Contains(err.Error(), flagName) {
			t.Errorf("it doesn't name %s: %v", flagName, err)
		}
	}
}

func TestReaderReadsThisMachine(t *testing.T) {
	o := Options{Host: "here", Proc: "/proc"}
	r, err := OpenReader(o)
	if err != nil {
		t.Fatal(err)
	}
	var s event.Snapshot
	rejections, err := r.Read(&s)
	if err != nil {
		t.Fatal(err)
	}
	if len(rejections) != 0 || s.Rejected != 0 {
		t.Errorf("rejected %v", rejections)
	}
	if r.bootID == "" || s.Uptime <= 0 || s.TakenAt.IsZero() || s.EphemeralLow == 0 || s.EphemeralHigh <= s.EphemeralLow {
		t.Errorf("boot %q, uptime %s, taken at %s, ports %d to %d", r.bootID, s.Uptime, s.TakenAt, s.EphemeralLow, s.EphemeralHigh)
	}
	for i := 1; i < len(s.Sockets); i++ {
		if s.Sockets[i-1].CompareKey(&s.Sockets[i]) >= 0 {
			t.Fatalf("row %d is not sorted after the row above", i)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	r, err := OpenReader(Options{Host: "here", Proc: "/proc"})
	if err != nil {
		b.Fatal(err)
	}
	var s event.Snapshot
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Read(&s); err != nil {
			b.Fatal(err)
		}
	}
}
