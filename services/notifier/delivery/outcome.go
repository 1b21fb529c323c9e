// Package delivery is the vocabulary that receivers share: what a notification
// is, what can become of an attempt to send it, and when to try again.
//
// It guarantees:
//   - One table decides for every receiver what an answer or a network error
//     means: done, try again, or never ([Answer.Outcome], [OfError]).
//   - What time or a person can mend is tried again: every network error, a
//     bad certificate included, until [Backoff].GiveUpAfter has passed.
//   - A reason can be logged and stored: it is one short printable line and
//     holds neither the request's URL nor the body of an answer.
//
// It is pure: times and random numbers are arguments.
package delivery

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Verdict is what to do with a notification after an attempt to send it.
type Verdict uint8

// The verdicts. The zero Verdict is none.
const (
	Done  Verdict = iota + 1 // the receiver has it
	Retry                    // try again later
	Dead                     // it can't be delivered: keep it as a dead letter
)

var verdictNames = [...]string{"none", "done", "retry", "dead"}

// String returns the name in lower case.
func (v Verdict) String() string {
	if int(v) >= len(verdictNames) {
		return fmt.Sprintf("verdict(%d)", uint8(v))
	}
	return verdictNames[v]
}

// Outcome is what became of one attempt.
type Outcome struct {
	Verdict Verdict

	// After is how long to wait before the next attempt, for Retry only. As
	// a receiver returns it, it is what the other side asked for, at most
	// [MaxRetryAfter], or zero; [Backoff.Next] settles it.
	After time.Duration

	// Held says that this was no attempt: nothing was sent, because the
	// other side wants a pause. Its verdict is Retry.
	Held bool

	// Reason says why it is Retry or Dead.
	Reason string
}

// Retryf returns a Retry with a reason.
func Retryf(after time.Duration, format string, args ...any) Outcome {
	return Outcome{Verdict: Retry, After: after, Reason: printable(fmt.Sprintf(format, args...))}
}

// Heldf returns a Retry for what was not attempted.
func Heldf(after time.Duration, format string, args ...any) Outcome {
	o := Retryf(after, format, args...)
	o.Held = true
	return o
}

// Deadf returns a Dead with a reason.
func Deadf(format string, args ...any) Outcome {
	return Outcome{Verdict: Dead, Reason: printable(fmt.Sprintf(format, args...))}
}

const maxReason = 400 // bytes

// printable makes one line of at most maxReason bytes. Errors quote what the
// other side sent: a certificate's names, a header it got wrong.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	if len(s) <= maxReason {
		return s
	}
	cut := maxReason - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
