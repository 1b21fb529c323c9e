package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"headstart/daemon"
	"headstart/services/notifier/delivery"
	"headstart/services/notifier/delivery/deliverytest"
	"headstart/services/notifier/delivery/endpoint"
)

func options(t testing.TB, url string) endpoint.Options {
	t.Helper()
	a, err := endpoint.ParseAddress(daemon.Secret(url))
	if err != nil {
		t.Fatal(err)
	}
	return endpoint.Options{Address: a, UserAgent: "headstart/test"}
}

func TestResponsesFollowTheTable(t *testing.T) {
	t.Parallel()
	deliverytest.HTTP(t, func(target deliverytest.Target) delivery.Sender {
		o := options(t, target.URL)
		o.RootCAs, o.Timeout = target.Roots, target.Timeout
		return New(o)
	}, delivery.ForAlert(alert(), "people"))
}

func TestSlackAcceptsTheMessage(t *testing.T) {
	s := newServer(t)
	got, err := New(options(t, s.URL+"/services/T0/B0/X")).Send(t.Context(), delivery.ForAlert(alert(), "people"))
	if err != nil || got != (delivery.Outcome{Verdict: delivery.Done}) {
		t.Errorf("%+v, %v; want done", got, err)
	}
	if len(s.posted) != 1 {
		t.Errorf("%d messages posted, want 1", len(s.posted))
	}
}

func TestReasonHasSlacksError(t *testing.T) {
	s := newServer(t)
	for word, status := range answers {
		t.Run(word, func(t *testing.T) {
			got, err := New(options(t, s.URL+"/services/T0/"+word)).Send(t.Context(), delivery.ForAlert(alert(), "people"))
			if err != nil {
				t.Fatal(err)
			}
			want := delivery.Dead
			if status >= 500 {
				want = delivery.Retry
			}
			if got.Verdict != want || !strings.HasPrefix(got.Reason, fmt.Sprint(status)) || !strings.HasSuffix(got.Reason, ": "+word) {
				t.Errorf("%+v, want %v for %d with the word", got, want, status)
			}
		})
	}
}

func TestErrorWord(t *testing.T) {
	for body, want := range map[string]string{
		"no_service":               "no_service",
		" channel_not_found\n":     "channel_not_found",
		"":                         "",
		"<html>Sign in</html>":     "",
		"two words":                "",
		"TOKEN":                    "",
		"x1":                       "",
		strings.Repeat("a", 65):    "",
		`{"ok":false,"error":"x"}`: "",
	} {
		if got := errorWord([]byte(body)); got != want {
			t.Errorf("errorWord(%q) = %q, want %q", body, got, want)
		}
	}
}

func TestBurstStaysBelowSlacksLimit(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.strict(burst + 1) // one more than is used, for the time that a request is in flight
	slack := New(options(t, s.URL+"/services/T0/B0/X"))
	const messages = burst + 2
	for range messages {
		if got, err := slack.Send(t.Context(), delivery.ForAlert(alert(), "people")); err != nil || got.Verdict != delivery.Done {
			t.Fatalf("%+v, %v; want done", got, err)
		}
	}
	if len(s.posted) != messages {
		t.Errorf("%d messages posted, want %d", len(s.posted), messages)
	}
}

func TestRateLimitEndsWithTheContext(t *testing.T) {
	s := newServer(t)
	slack := New(options(t, s.URL+"/services/T0/B0/X"))
	slack.limiter = rate.NewLimiter(rate.Every(time.Hour), 1)
	slack.limiter.Allow()

	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the service stops")
	cancel(cause)
	if got, err := slack.Send(ctx, delivery.ForAlert(alert(), "people")); !errors.Is(err, cause) || got != (delivery.Outcome{}) {
		t.Errorf("cancelled: %+v, %v; want no outcome and the cause", got, err)
	}

	soon, cancelSoon := context.WithTimeout(t.Context(), time.Minute)
	defer cancelSoon()
	if got, err := slack.Send(soon, delivery.ForAlert(alert(), "people")); err != nil || got.Verdict != delivery.Retry || !got.Held {
		t.Errorf("a deadline before the next message is allowed: %+v, %v; want it held", got, err)
	}
	if len(s.posted) != 0 {
		t.Errorf("%d messages posted", len(s.posted))
	}
}

func TestSlackDoesNotPrintItsAddress(t *testing.T) {
	slack := New(options(t, "https://hooks.slack.com/services/T0/B0/s3cr3t"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(verb, slack); strings.Contains(got, "s3cr3t") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
