package delivery

import (
	"math"
	"strings"
	"testing"
	"time"
)

func newBackoff(random float64) Backoff {
	return Backoff{
		Initial: DefaultInitial, Most: DefaultMost, GiveUpAfter: DefaultGiveUpAfter,
		Random: func() float64 { return random },
	}
}

func TestBackoffDoublesUpToMost(t *testing.T) {
	failed := Retryf(0, "503 Service Unavailable")
	for attempt, want := range map[uint64]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 9: 256 * time.Second,
		10: 5 * time.Minute, 100: 5 * time.Minute, math.MaxUint64: 5 * time.Minute,
	} {
		if got := newBackoff(0).Next(failed, attempt, 0); got.Verdict != Retry || got.After != want || got.Reason != failed.Reason {
			t.Errorf("attempt %d: %+v, want a wait of %v", attempt, got, want)
		}
		if got := newBackoff(0.5).Next(failed, attempt, 0).After; got != want*3/4 {
			t.Errorf("attempt %d: %v with half of the jitter, want %v", attempt, got, want*3/4)
		}
	}
}

func TestBackoffSubtractsAtMostHalf(t *testing.T) {
	for random := 0.0; random < 1; random += 0.01 {
		if got := newBackoff(random).Next(Retryf(0, ""), 1, 0).After; got > time.Second || got < time.Second/2 {
			t.Errorf("random %v: %v", random, got)
		}
	}
}

func TestBackoffFollowsRetryAfter(t *testing.T) {
	for requested, want := range map[time.Duration]time.Duration{
		time.Millisecond: time.Second,
		30 * time.Second: 30 * time.Second,
		time.Hour:        time.Hour,
	} {
		if got := newBackoff(0.9).Next(Retryf(requested, ""), 12, 0).After; got != want {
			t.Errorf("requested %v: %v, want %v", requested, got, want)
		}
	}
}

func TestBackoffGivesUpByAge(t *testing.T) {
	failed := Retryf(time.Minute, "connection refused")
	if got := newBackoff(0).Next(failed, 300, DefaultGiveUpAfter-1); got.Verdict != Retry {
		t.Errorf("just before: %+v", got)
	}
	got := newBackoff(0).Next(failed, 300, DefaultGiveUpAfter)
	if got.Verdict != Dead || got.After != 0 {
		t.Errorf("at the age: %+v, want dead", got)
	}
	for _, part := range []string{"24h0m0s", "attempt 300", "connection refused"} {
		if !strings.Contains(got.Reason, part) {
			t.Errorf("reason %q doesn't say %q", got.Reason, part)
		}
	}
}

func TestBackoffNeverGivesUpBeforeAnAttempt(t *testing.T) {
	held := Heldf(time.Millisecond, "the server requested a pause")
	if got := newBackoff(0).Next(held, 1, 48*time.Hour); got != held {
		t.Errorf("%+v, want %+v as it was", got, held)
	}
}

func TestBackoffKeepsOtherVerdicts(t *testing.T) {
	for _, o := range []Outcome{{Verdict: Done}, Deadf("404 Not Found")} {
		if got := newBackoff(0).Next(o, 1, 48*time.Hour); got != o {
			t.Errorf("%+v became %+v", o, got)
		}
	}
}
