package delivery

import (
	"time"

	"headstart/backoff"
)

// Defaults of [Backoff].
const (
	DefaultInitial     = time.Second
	DefaultMost        = 5 * time.Minute
	DefaultGiveUpAfter = 24 * time.Hour
)

// Backoff decides when a notification is sent again, and when it is given up.
type Backoff struct {
	Initial     time.Duration  // the wait after the first attempt; it doubles with each
	Most        time.Duration  // the longest wait
	GiveUpAfter time.Duration  // the age at which a failure is the last
	Random      func() float64 // from [0, 1); safe for concurrent use where the Backoff is used so
}

// Next returns the final outcome of an attempt, counted from 1, to send a
// notification of an age. Done and Dead are unchanged. Retry gets its wait:
//   - what the receiver requested, but at least Initial;
//   - otherwise Initial·2^(attempt-1), at most Most, less a random part of up
//     to a half ([backoff.Exponential]).
//
// A Retry becomes Dead when the notification has reached GiveUpAfter. A held one
// is unchanged, so every notification gets at least one attempt, however old.
func (b Backoff) Next(o Outcome, attempt uint64, age time.Duration) Outcome {
	if o.Verdict != Retry || o.Held {
		return o
	}
	if age >= b.GiveUpAfter {
		return Deadf("given up when %v old, at attempt %d: %s", age.Round(time.Second), attempt, o.Reason)
	}
	if o.After > 0 {
		o.After = max(o.After, b.Initial)
		return o
	}
	o.After = backoff.Exponential{Initial: b.Initial, Max: b.Most}.Wait(max(attempt, 1)-1, b.Random())
	return o
}
