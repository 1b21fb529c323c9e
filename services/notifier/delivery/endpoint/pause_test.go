package endpoint

import (
	"testing"
	"time"
)

func TestPauseLastsAsLongAsTheLongestRetryAfter(t *testing.T) {
	at := time.Date(2025, 6, 5, 15, 16, 0, 0, time.UTC)
	e := New(Options{})
	if wait := e.pauseLeft(at); wait > 0 {
		t.Errorf("a new endpoint waits %v", wait)
	}
	e.pauseUntil(at.Add(30 * time.Second))
	e.pauseUntil(at.Add(10 * time.Second))
	for after, want := range map[time.Duration]time.Duration{0: 30 * time.Second, 20 * time.Second: 10 * time.Second, 30 * time.Second: 0} {
		if got := e.pauseLeft(at.Add(after)); got != want {
			t.Errorf("after %v: waits %v, want %v", after, got, want)
		}
	}
}
