package delivery

import (
	"time"

	"headstart/backoff"
)

// What a [Backoff] is unless configured otherwise.
const (
	DefaultInitial     = time.Second
	DefaultMost        = 5 * time.Minute
	DefaultGiveUpAfter = 24 * time.Hour
)

// Backoff decides when a notification is tried again, and when no more.
type Backoff struct {
	Initial     time.Duration  // the wait after the first attempt; it doubles with each
	Most        time.Duration  // the longest wait
	GiveUpAfter time.Duration  // the age at which a failure is the last
	Random      func() float64 // from [0, 1); safe for concurrent use where the Backoff is used so
}

// Next settles the outcome of the attempt with this number, counted from 1, to
// send a notification that is age old. Done and Dead stay as they are. A Retry
// comes back with the time to wait:
//   - what the receiver asked for, but not less than Initial;
//   - else Initial·2^(attempt-1), at most Most, of which a random part of up
//     to a half is taken off, so that notifications that failed together
//     don't come back together.
//
// Or it comes back as Dead, when the notification has reached GiveUpAfter. One
// that was held stays as it is, so each has had one attempt by then, however
// old it is.
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
