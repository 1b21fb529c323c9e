package poller

import (
	"math/rand/v2"
	"testing"
	"time"

	"headstart/event"
)

var now = time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC)

func TestScheduleAdaptsWithinBounds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		control event.Control
		want    time.Duration // active a second after the message
		back    time.Duration // after the message, when the interval is normal again
	}{
		{"faster", event.Control{Interval: 10 * time.Second, ExpiresAt: now.Add(time.Hour)}, 10 * time.Second, time.Hour},
		{"faster than allowed", event.Control{Interval: time.Millisecond, ExpiresAt: now.Add(time.Hour)}, 5 * time.Second, time.Hour},
		{"slower than normal", event.Control{Interval: time.Hour, ExpiresAt: now.Add(time.Hour)}, 30 * time.Second, 0},
		{"expired", event.Control{Interval: 10 * time.Second, ExpiresAt: now.Add(-time.Second)}, 30 * time.Second, 0},
		{"expires at once", event.Control{Interval: 10 * time.Second, ExpiresAt: now}, 30 * time.Second, 0},
		{"for a month", event.Control{Interval: 10 * time.Second, ExpiresAt: now.AddDate(0, 1, 0)}, 10 * time.Second, 24 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := schedule{normal: 30 * time.Second, fastest: 5 * time.Second}
			p.adapt(tt.control, now)
			if got := p.interval(now.Add(time.Second)); got != tt.want {
				t.Errorf("a second later every %s, want every %s", got, tt.want)
			}
			if got := p.interval(now.Add(tt.back)); got != p.normal {
				t.Errorf("after %s every %s, want every %s again", tt.back, got, p.normal)
			}
			if last := now.Add(tt.back - time.Nanosecond); tt.back > 0 && p.interval(last) != tt.want {
				t.Errorf("just before %s every %s, want every %s still", tt.back, p.interval(last), tt.want)
			}
		})
	}
}

func TestScheduleAdaptsToTheLastMessage(t *testing.T) {
	p := schedule{normal: 30 * time.Second, fastest: 5 * time.Second}
	p.adapt(event.Control{Interval: 5 * time.Second, ExpiresAt: now.Add(time.Hour)}, now)
	p.adapt(event.Control{Interval: 10 * time.Second, ExpiresAt: now.Add(time.Minute)}, now)
	if got := p.interval(now); got != 10*time.Second {
		t.Errorf("every %s, want every 10s", got)
	}
	if got := p.interval(now.Add(time.Minute)); got != p.normal {
		t.Errorf("a minute later every %s, want every %s", got, p.normal)
	}
}

func TestJitterStaysWithinAFifth(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 100 * time.Millisecond, 30 * time.Second, 24 * time.Hour} {
		least, most := d, d
		for range 1000 {
			got := jitter(d)
			if got < d-d/5 || got > d+d/5 {
				t.Fatalf("%s becomes %s", d, got)
			}
			least, most = min(least, got), max(most, got)
		}
		// Of a thousand draws none is in one of the outer tenths: once in 10^45.
		if d >= time.Millisecond && (least > d-d*4/25 || most < d+d*4/25) {
			t.Errorf("%s becomes %s to %s, want a whole fifth to either side", d, least, most)
		}
	}
}

func TestRetriesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		failures    uint64
		least, most time.Duration
	}{
		{0, 500 * time.Millisecond, time.Second},
		{1, time.Second, 2 * time.Second},
		{4, 8 * time.Second, 16 * time.Second},
		{5, 15 * time.Second, 30 * time.Second},
		{1_000_000, 15 * time.Second, 30 * time.Second},
	} {
		for range 100 {
			if got := retries.Wait(tt.failures, rand.Float64()); got < tt.least || got > tt.most {
				t.Fatalf("after %d failures %s, want %s to %s", tt.failures, got, tt.least, tt.most)
			}
		}
	}
}
