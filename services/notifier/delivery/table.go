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

// Answer is the response of a receiver's HTTP server.
type Answer struct {
	Status     int
	RetryAfter string // the header field, unchanged
	Detail     string // the error of the receiver's own protocol, readable
}

// Outcome is the table for HTTP responses: RFC 9110, section 15, and RFC 6585 and 8470
// for 429 and 425.
//
//	2xx                 done
//	408, 425, 429       retry
//	5xx                 retry
//	501, 505            dead: the server doesn't support the request
//	3xx                 dead: the target is not configured
//	any other           dead
//
// Retry-After applies to retries. at is the time of the response.
func (a Answer) Outcome(at time.Time) Outcome {
	switch s := a.Status; {
	case s >= 200 && s <= 299:
		return Outcome{Verdict: Done}
	case s >= 300 && s <= 399:
		return Deadf("%s: redirects are not followed: configure the new URL", a.describe())
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

// OfError is the table for requests without a response. It is always Retry: DNS,
// servers and certificates get repaired, and nothing is lost until then. Loading
// the configuration rejects a URL that can never work.
func OfError(err error) Outcome {
	// A url.Error, and every error that wraps it, has the URL in its text,
	// which may be a secret.
	for wrapped := (*url.Error)(nil); errors.As(err, &wrapped); {
		err = wrapped.Err
	}
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		return Retryf(0, "TLS: %v: repair the server's certificate or add its authority to ca_file", err)
	case errors.As(err, &record):
		return Retryf(0, "TLS: not supported by the server: %v", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Retryf(0, "the server closed the connection without an answer")
	default:
		return Retryf(0, "%v", err)
	}
}
