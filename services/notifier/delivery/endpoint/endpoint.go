// Package endpoint is the HTTP side of a receiver: one address that takes POST
// requests, and what its answers mean as [delivery.Outcome].
//
// It guarantees:
//   - One call of [Endpoint.Post] sends at most one request. Redirects are not
//     followed, cookies not kept.
//   - Time and memory for an answer are bounded, whatever the server does.
//   - While a server has asked for no requests (Retry-After), none is sent.
package endpoint

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"headstart/services/notifier/delivery"
)

// DefaultTimeout bounds an attempt from dialling to the end of the answer.
const DefaultTimeout = 10 * time.Second

const (
	maxAnswer       = 64 << 10 // bytes of an answer's body
	maxAnswerHeader = 64 << 10
	maxConnections  = 4
)

// Options are an endpoint's.
type Options struct {
	Address   Address
	Timeout   time.Duration  // of an attempt; zero: DefaultTimeout
	RootCAs   *x509.CertPool // trusted instead of the system's; nil: the system's
	UserAgent string

	// Explain finds in an answer's body what its protocol says went wrong,
	// in words that can be logged. Nil: nothing is taken from the body.
	Explain func(body []byte) string
}

// Endpoint posts to one address. It is safe for concurrent use.
type Endpoint struct {
	address   Address
	timeout   time.Duration
	userAgent string
	explain   func(body []byte) string
	transport *http.Transport

	mu    sync.Mutex
	quiet time.Time // until then the server wants no requests
}

// New returns an endpoint. It opens no connection yet.
func New(o Options) *Endpoint {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return &Endpoint{
		address: o.Address, timeout: o.Timeout, userAgent: o.UserAgent, explain: o.Explain,
		transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: o.Timeout}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxConnsPerHost:        maxConnections,
			MaxIdleConnsPerHost:    maxConnections,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: maxAnswerHeader,
		},
	}
}

// Post sends one request and says what became of it. The error is not nil
// when ctx ended before that was known, and only then. It takes the header
// over.
func (e *Endpoint) Post(ctx context.Context, header http.Header, body []byte) (delivery.Outcome, error) {
	if wait := e.mustWait(time.Now()); wait > 0 {
		return delivery.Heldf(wait, "the server asked for no requests for another %v", wait.Round(time.Second)), nil
	}
	attempt, cancel := context.WithTimeoutCause(ctx, e.timeout, fmt.Errorf("no answer within %v", e.timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(attempt, http.MethodPost, e.address.reveal(), bytes.NewReader(body))
	if err != nil {
		return delivery.OfError(err), nil
	}
	header.Set("User-Agent", e.userAgent)
	request.Header = header

	// Not through an http.Client: it resolves the Location of every 3xx, and
	// fails with the server's text in the error when it can't.
	response, err := e.transport.RoundTrip(request)
	if err != nil {
		if ctx.Err() != nil {
			return delivery.Outcome{}, context.Cause(ctx)
		}
		return delivery.OfError(err), nil
	}
	defer response.Body.Close()

	answer := delivery.Answer{Status: response.StatusCode, RetryAfter: response.Header.Get("Retry-After")}
	// The status decides, also over a body that breaks off.
	content, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if e.explain != nil {
		answer.Detail = e.explain(content)
	}
	now := time.Now()
	outcome := answer.Outcome(now)
	if outcome.After > 0 {
		e.keepQuiet(now.Add(outcome.After))
	}
	return outcome, nil
}

func (e *Endpoint) mustWait(now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.quiet.Sub(now)
}

func (e *Endpoint) keepQuiet(until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if until.After(e.quiet) {
		e.quiet = until
	}
}
