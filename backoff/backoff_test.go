package backoff_test

import (
	"math"
	"testing"
	"time"

	"headstart/backoff"
)

func TestWait(t *testing.T) {
	e := backoff.Exponential{Initial: time.Second, Max: 10 * time.Second}
	for _, tt := range []struct {
		attempt uint64
		random  float64
		want    time.Duration
	}{
		{0, 0, time.Second},
		{1, 0, 2 * time.Second},
		{3, 0, 8 * time.Second},
		{4, 0, 10 * time.Second},
		{math.MaxUint64, 0, 10 * time.Second},
		{0, 0.5, 750 * time.Millisecond},
		{4, 0.999, 5005 * time.Millisecond},
	} {
		if got := e.Wait(tt.attempt, tt.random); got != tt.want {
			t.Errorf("attempt %d, random %v: got %v, want %v", tt.attempt, tt.random, got, tt.want)
		}
	}
}
