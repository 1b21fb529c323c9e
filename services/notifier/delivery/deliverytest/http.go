package deliverytest

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"headstart/services/notifier/delivery"
)

// Target is the server that a receiver is to post to.
type Target struct {
	URL     string         // with Secret in its path
	Roots   *x509.CertPool // nil: the system's
	Timeout time.Duration  // zero: the receiver's own
}

// Secret is part of every [Target]'s URL and must not be seen elsewhere.
const Secret = "s3cr3t-p4th"

const path = "/services/" + Secret

// HTTP runs the tests with the receivers that build returns and a
// notification that they can send.
func HTTP(t *testing.T, build func(Target) delivery.Sender, n delivery.Notification) {
	s := suite{build, n}
	t.Run("every status", s.statuses)
	t.Run("retry after", s.retryAfter)
	t.Run("redirect", s.redirect)
	t.Run("network error", s.networkErrors)
	t.Run("TLS", s.tls)
	t.Run("unruly answer", s.unrulyAnswers)
	t.Run("ended context", s.endedContext)
	t.Run("at the same time", s.concurrently)
}

type suite struct {
	build func(Target) delivery.Sender
	n     delivery.Notification
}

// send makes one attempt with a new receiver.
func (s suite) send(t *testing.T, target Target) delivery.Outcome {
	t.Helper()
	outcome, err := s.build(target).Send(t.Context(), s.n)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	check(t, outcome)
	return outcome
}

// check holds for every outcome.
func check(t *testing.T, o delivery.Outcome) {
	t.Helper()
	if strings.Contains(o.Reason, Secret) {
		t.Errorf("the reason holds the URL's path: %s", o.Reason)
	}
	if (o.Verdict == delivery.Done) != (o.Reason == "") {
		t.Errorf("%v with the reason %q", o.Verdict, o.Reason)
	}
	if o.Verdict != delivery.Retry && (o.After != 0 || o.Held) {
		t.Errorf("%+v waits for a retry", o)
	}
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func (s suite) statuses(t *testing.T) {
	for status := 200; status <= 599; status++ {
		var requests atomic.Int32
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(status)
		})
		got := s.send(t, Target{URL: server.URL + path})
		if want := (delivery.Answer{Status: status}).Outcome(time.Time{}).Verdict; got.Verdict != want {
			t.Errorf("%d: %v, want %v", status, got.Verdict, want)
		}
		if n := requests.Load(); n != 1 {
			t.Errorf("%d: %d requests, want 1", status, n)
		}
		server.Close()
	}
}

func (s suite) retryAfter(t *testing.T) {
	var requests atomic.Int32
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.Header().Set("Retry-After", "1800")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	sender := s.build(Target{URL: server.URL + path})
	first, err := sender.Send(t.Context(), s.n)
	if err != nil || first.Verdict != delivery.Retry || first.After != 30*time.Minute || first.Held {
		t.Fatalf("first: %+v, %v; want a retry in 30m", first, err)
	}
	second, err := sender.Send(t.Context(), s.n)
	if err != nil || second.Verdict != delivery.Retry || !second.Held || second.After <= 0 || second.After > 30*time.Minute {
		t.Errorf("second: %+v, %v; want it held for what is left of 30m", second, err)
	}
	check(t, second)
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests within the pause, want none after the first", n-1)
	}
}

func (s suite) redirect(t *testing.T) {
	var followed atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	for name, location := range map[string]string{
		"elsewhere": other.URL + path,
		"malformed": "http://[::1" + path,
		"none":      "",
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if location != "" {
					w.Header().Set("Location", location)
				}
				w.WriteHeader(http.StatusPermanentRedirect)
			})
			if got := s.send(t, Target{URL: server.URL + path}); got.Verdict != delivery.Dead {
				t.Errorf("%+v, want dead", got)
			}
		})
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d redirects followed", n)
	}
}

func (s suite) endedContext(t *testing.T) {
	arrived, cause := make(chan struct{}), errors.New("the service stops")
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(cause)
	}()
	if got, err := s.build(Target{URL: server.URL + path}).Send(ctx, s.n); !errors.Is(err, cause) || got != (delivery.Outcome{}) {
		t.Errorf("ended while waiting: %+v, %v; want no outcome and the cause", got, err)
	}
	if got, err := s.build(Target{URL: server.URL + path}).Send(ctx, s.n); !errors.Is(err, cause) || got != (delivery.Outcome{}) {
		t.Errorf("ended before: %+v, %v; want no outcome and the cause", got, err)
	}
}

// concurrently sends what is below any receiver's own limit.
func (s suite) concurrently(t *testing.T) {
	const senders = 3
	var requests atomic.Int32
	server := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	sender := s.build(Target{URL: server.URL + path})
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			if got, err := sender.Send(t.Context(), s.n); err != nil || got.Verdict != delivery.Done {
				t.Errorf("%+v, %v; want done", got, err)
			}
		})
	}
	all.Wait()
	if n := requests.Load(); n != senders {
		t.Errorf("%d requests, want %d", n, senders)
	}
}
