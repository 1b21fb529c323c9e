// Package endpoint is the HTTP client of a receiver: it sends POST requests to one
// address and maps the responses to [delivery.Outcome].
//
// It guarantees:
//   - One call of [Endpoint.Post] sends at most one request. It doesn't follow
//     redirects or keep cookies.
//   - Time and memory of a request are bounded, whatever the server does.
//   - No request is sent while the server's Retry-After lasts.
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

// DefaultTimeout bounds an attempt from dialing to the end of the response.
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

	// Explain returns the error in the body of a response, in words that can
	// be logged. If nil, the body is ignored.
	Explain func(body []byte) string
}

// Endpoint posts to one address. It is safe for concurrent use.
type Endpoint struct {
	address   Address
	timeout   time.Duration
	userAgent string
	explain   func(body []byte) string
	transport *http.Transport

	mu          sync.Mutex
	pausedUntil time.Time // the end of the server's Retry-After
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

// Post sends one request and returns its outcome. It returns an error only if ctx
// ends before the outcome is known. It owns the header.
func (e *Endpoint) Post(ctx context.Context, header http.Header, body []byte) (delivery.Outcome, error) {
	if wait := e.pauseLeft(time.Now()); wait > 0 {
		return delivery.Heldf(wait, "the server requested a pause, %v left", wait.Round(time.Second)), nil
	}
	attempt, cancel := context.WithTimeoutCause(ctx, e.timeout, fmt.Errorf("no answer within %v", e.timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(attempt, http.MethodPost, e.address.reveal(), bytes.NewReader(body))
	if err != nil {
		return delivery.OfError(err), nil
	}
	header.Set("User-Agent", e.userAgent)
	request.Header = header

	// An http.Client would resolve the Location of every 3xx, and fail with
	// the server's text in the error if it can't.
	response, err := e.transport.RoundTrip(request)
	if err != nil {
		if ctx.Err() != nil {
			return delivery.Outcome{}, context.Cause(ctx)
		}
		return delivery.OfError(err), nil
	}
	defer response.Body.Close()

	answer := delivery.Answer{Status: response.StatusCode, RetryAfter: response.Header.Get("Retry-After")}
	// The status decides, even if the body is cut off.
	content, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if e.explain != nil {
		answer.Detail = e.explain(content)
	}
	now := time.Now()
	outcome := answer.Outcome(now)
	if outcome.After > 0 {
		e.pauseUntil(now.Add(outcome.After))
	}
	return outcome, nil
}

func (e *Endpoint) pauseLeft(now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pausedUntil.Sub(now)
}

func (e *Endpoint) pauseUntil(until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if until.After(e.pausedUntil) {
		e.pausedUntil = until
	}
}
