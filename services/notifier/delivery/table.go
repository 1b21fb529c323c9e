package delivery

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Answer is what a receiver's HTTP server answered.
type Answer struct {
	Status     int
	RetryAfter string // the field of that name, as it came
	Detail     string // what the receiver's own protocol says of it, for people
}

// Outcome is the table for HTTP: RFC 9110, section 15, and RFC 6585 and 8470
// for 429 and 425.
//
//	2xx                 done
//	408, 425, 429       retry
//	5xx                 retry
//	501, 505            dead: the server lacks what a retry would ask of it again
//	3xx                 dead: where it points to wasn't configured
//	any other           dead
//
// Retry-After is honoured where the table says retry. at is when the answer
// arrived.
func (a Answer) Outcome(at time.Time) Outcome {
	switch s := a.Status; {
	case s >= 200 && s <= 299:
		return Outcome{Verdict: Done}
	case s >= 300 && s <= 399:
		return Deadf("%s: redirects are not followed; configure the URL that it moved to", a.describe())
	case s == http.StatusNotImplemented, s == http.StatusHTTPVersionNotSupported:
		return Deadf("%s", a.describe())
	case s == http.StatusRequestTimeout, s == http.StatusTooEarly, s == http.StatusTooManyRequests, s >= 500 && s <= 599:
		return Retryf(retryAfter(a.RetryAfter, at), "%s", a.describe())
	default:
		return Deadf("%s", a.describe())
	}
}

func (a Answer) describe() string {
	s := strconv.Itoa(a.Status)
	if text := http.StatusText(a.Status); text != "" {
		s += " " + text
	}
	if a.Detail != "" {
		s += ": " + a.Detail
	}
	return s
}

// OfError is the table for a request that got no answer. It is always Retry:
// names get resolved, servers come up, certificates get renewed, and until
// then nothing is lost. A URL that can never work is refused when the
// configuration is read.
func OfError(err error) Outcome {
	// A url.Error quotes the URL, which may be a secret. What wraps it has
	// its text.
	for wrapped := (*url.Error)(nil); errors.As(err, &wrapped); {
		err = wrapped.Err
	}
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		return Retryf(0, "TLS: %v; mend the server's certificate or name its authority in ca_file", err)
	case errors.As(err, &record):
		return Retryf(0, "TLS: the server doesn't speak it: %v", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Retryf(0, "the server closed the connection without an answer")
	default:
		return Retryf(0, "%v", err)
	}
}
