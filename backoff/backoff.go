// Package backoff computes how long to wait before a retry. It is pure.
package backoff

import "time"

// Exponential is a wait that doubles with each attempt.
type Exponential struct {
	Initial time.Duration // the wait after the first attempt
	Max     time.Duration // the longest wait
}

// Wait returns the wait after an attempt, counted from 0: Initial, doubled with
// each attempt, at most Max. A random part of up to a half is subtracted, so
// that clients that failed together don't retry together. random is in [0, 1).
func (e Exponential) Wait(attempt uint64, random float64) time.Duration {
	wait := e.Initial
	for n := uint64(0); n < attempt && wait < e.Max; n++ {
		wait *= 2
	}
	wait = min(wait, e.Max)
	return wait - time.Duration(random*float64(wait)/2)
}
