// Package delivery is what all receivers share: notifications, the outcomes of an
// attempt to send one, and the time of the next attempt.
//
// It guarantees:
//   - One table maps the responses and network errors of every receiver to done,
//     retry or dead ([Answer.Outcome], [OfError]).
//   - Every failure that can be repaired is retried until [Backoff].GiveUpAfter:
//     every network error, including an invalid certificate.
//   - A reason can be logged and stored: it is one short printable line without
//     the request's URL and without the body of the response.
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
	Done  Verdict = iota + 1 // delivered
	Retry                    // send again later
	Dead                     // not deliverable: dead-letter it
)

var verdictNames = [...]string{"none", "done", "retry", "dead"}

// String returns the name in lower case.
func (v Verdict) String() string {
	if int(v) >= len(verdictNames) {
		return fmt.Sprintf("verdict(%d)", uint8(v))
	}
	return verdictNames[v]
}

// Outcome is the result of one attempt.
type Outcome struct {
	Verdict Verdict

	// After is the wait before the next attempt, for Retry only. A receiver
	// sets it to what its server requested, at most [MaxRetryAfter], or zero;
	// [Backoff.Next] sets it otherwise.
	After time.Duration

	// Held is set if nothing was sent because the server requested a pause.
	// The verdict is Retry.
	Held bool

	// Reason is the reason for Retry or Dead.
	Reason string
}

// Retryf returns a Retry with a reason.
func Retryf(after time.Duration, format string, args ...any) Outcome {
	return Outcome{Verdict: Retry, After: after, Reason: printable(fmt.Sprintf(format, args...))}
}

// Heldf returns a Retry without an attempt.
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

// printable returns one line of at most maxReason bytes. Errors quote data of the
// other side: the names of a certificate, an invalid header.
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
