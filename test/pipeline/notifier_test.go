package pipeline_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"headstart/bus"
	"headstart/bus/natstest"
	"headstart/event"
	"headstart/test/system"
)

// inbox is a receiver that answers as the test wants.
type inbox struct {
	URL string

	mu       sync.Mutex
	answer   answer
	requests []request
}

// answer returns the outcome of a request by its number, from 1.
type answer func(w http.ResponseWriter, request int)

type request struct {
	id     string
	header http.Header
	body   []byte
	at     time.Time
}

func status(code int) answer { return func(w http.ResponseWriter, _ int) { w.WriteHeader(code) } }

func newInbox(t *testing.T, a answer) *inbox {
	i := &inbox{answer: a}
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	i.mu.Lock()
	i.requests = append(i.requests, request{r.Header.Get("webhook-id"), r.Header.Clone(), body, at})
	a, n := i.answer, len(i.requests)
	i.mu.Unlock()
	a(w, n)
}

func (i *inbox) answers(a answer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = a
}

func (i *inbox) all() []request {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.requests)
}

// ids returns how often each notification came.
func (i *inbox) ids() map[string]int {
	ids := map[string]int{}
	for _, r := range i.all() {
		ids[r.id]++
	}
	return ids
}

// config is a configuration with a webhook for each inbox, by name.
func config(inboxes map[string]*inbox, more string) string {
	var b strings.Builder
	b.WriteString("receivers:\n")
	for name, i := range inboxes {
		fmt.Fprintf(&b, "  - name: %s\n    deliver: both\n    severity: info\n    webhook:\n      url: %s\n%s", name, i.URL, more)
	}
	return b.String()
}

// raise publishes alerts with the numbers from first on.
func raise(t *testing.T, b *bus.Bus, severity event.Severity, first, count int) {
	t.Helper()
	for n := first; n < first+count; n++ {
		id := fmt.Sprintf("%024x", n)
		data, err := event.EncodeAlert(&event.Alert{
			ID: id, Rule: "smb", Severity: severity, Title: "T", Host: "web-01", At: time.Now(),
			Connection: event.AlertConnection{State: event.Established, OpenedBefore: time.Now()},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Publish(t.Context(), bus.Output{Subject: event.AlertSubject(severity, "smb"), ID: id, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
}

// outcome is a metric of the notifier.
func outcome(receiver, name string) string {
	return fmt.Sprintf("headstart_notifications_total{receiver=%q,outcome=%q}", receiver, name)
}

func TestFailedNotificationIsSentAgainUnderItsID(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	soc := newInbox(t, func(w http.ResponseWriter, n int) {
		if n < 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	notifier := system.ConfiguredNotifier(t, server.URL, config(map[string]*inbox{"soc": soc}, ""))
	raise(t, b, event.High, 1, 1)
	system.Await(t, "the delivery", func() bool { return notifier.Metric(outcome("soc", "delivered")) == 1 })
	if want := "000000000000000000000001_soc"; len(soc.all()) != 3 || soc.ids()[want] != 3 {
		t.Errorf("requests: %v, want three of %s", soc.ids(), want)
	}
	if n := notifier.Metric(outcome("soc", "retried")); n != 2 {
		t.Errorf("retried %v times", n)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	const pause = 2 * time.Second
	soc := newInbox(t, func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.Header().Set("Retry-After", fmt.Sprint(pause.Seconds()))
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	notifier := system.ConfiguredNotifier(t, server.URL, config(map[string]*inbox{"soc": soc}, ""))
	raise(t, b, event.High, 1, 1)
	system.Await(t, "the first answer", func() bool { return notifier.Metric(outcome("soc", "retried")) == 1 })
	raise(t, b, event.High, 2, 3) // for these it counts too
	system.Await(t, "all notifications", func() bool { return len(soc.ids()) == 4 && len(soc.all()) == 5 })
	all := soc.all()
	for _, r := range all[1:] {
		if early := pause - r.at.Sub(all[0].at); early > 0 {
			t.Errorf("%s came %s before the receiver wanted requests again", r.id, early)
		}
	}
}

func TestRejectedNotificationIsADeadLetter(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	soc, tickets := newInbox(t, status(http.StatusBadRequest)), newInbox(t, status(http.StatusOK))
	notifier := system.ConfiguredNotifier(t, server.URL, config(map[string]*inbox{"soc": soc, "tickets": tickets}, ""))
	raise(t, b, event.High, 1, 1)
	if err := b.Publish(t.Context(), bus.Output{Subject: "alert.high.smb", ID: "garbage", Data: []byte("garbage")}); err != nil {
		t.Fatal(err)
	}
	system.Await(t, "dead letters", func() bool { return system.Stored(t, server.URL, event.StreamDeadLetters) == 3 })
	notifier.Stop()
	if len(soc.all()) != 1 || len(tickets.all()) != 1 {
		t.Errorf("%d and %d requests, want one each", len(soc.all()), len(tickets.all()))
	}
	var got []string
	for _, d := range system.DeadLetters(t, server.URL) {
		reason, _, _ := strings.Cut(d.Reason, ":")
		got = append(got, fmt.Sprintf("%s %s %s %d: %s", d.Service, d.Receiver, d.Stream, d.Sequence, reason))
	}
	slices.Sort(got)
	want := []string{
		"notifier soc ALERTS 1: 400 Bad Request",
		"notifier soc ALERTS 2: decode alert",
		"notifier tickets ALERTS 2: decode alert",
	}
	if !slices.Equal(got, want) {
		t.Errorf("dead letters:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReceiverThatIsDownHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	const alerts = 30
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	hung := make(chan struct{})
	defer close(hung)
	inboxes := map[string]*inbox{
		"soc":  newInbox(t, status(http.StatusOK)),
		"down": newInbox(t, status(http.StatusServiceUnavailable)),
		"slow": newInbox(t, func(http.ResponseWriter, int) { <-hung }),
	}
	notifier := system.ConfiguredNotifier(t, server.URL, config(inboxes, "      timeout: 1s\n"))
	raise(t, b, event.High, 1, alerts)
	system.Await(t, "the receiver that is up", func() bool { return notifier.Metric(outcome("soc", "delivered")) == alerts })
	if n := len(inboxes["soc"].all()); n != alerts {
		t.Errorf("%d requests for %d alerts", n, alerts)
	}
	for _, name := range []string{"down", "slow"} {
		system.Await(t, "attempts at the receiver that is "+name, func() bool { return notifier.Metric(outcome(name, "retried")) > 0 })
		if n := notifier.Metric(outcome(name, "delivered")); n != 0 {
			t.Errorf("%v notifications delivered to the receiver that is %s", n, name)
		}
	}
}

func TestReceiverDownAcrossARestartLosesNothing(t *testing.T) {
	t.Parallel()
	const alerts = 20
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	soc := newInbox(t, status(http.StatusServiceUnavailable))
	text := config(map[string]*inbox{"soc": soc}, "")
	first := system.ConfiguredNotifier(t, server.URL, text)
	raise(t, b, event.High, 1, alerts/2)
	system.Await(t, "attempts", func() bool { return len(soc.all()) >= 3 })
	first.Stop()
	raise(t, b, event.High, 1+alerts/2, alerts/2) // while no notifier runs

	soc.answers(status(http.StatusOK))
	before := len(soc.all())
	second := system.ConfiguredNotifier(t, server.URL, text)
	system.Await(t, "all alerts", func() bool { return second.Metric(outcome("soc", "delivered")) == alerts })
	if n := len(soc.ids()); n != alerts {
		t.Errorf("%d different notifications of %d alerts", n, alerts)
	}
	if n := len(soc.all()) - before; n != alerts {
		t.Errorf("%d requests after the restart, want each alert once", n)
	}
	if dead := system.DeadLetters(t, server.URL); len(dead) != 0 {
		t.Errorf("dead letters: %+v", dead)
	}
}

func TestReceiverGetsItsSeverities(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	pager, standard := newInbox(t, status(http.StatusOK)), newInbox(t, status(http.StatusOK))
	notifier := system.ConfiguredNotifier(t, server.URL, "receivers:\n"+
		"  - {name: pager, deliver: alerts, severity: critical, webhook: {url: "+pager.URL+"}}\n"+
		"  - {name: standard, deliver: alerts, webhook: {url: "+standard.URL+"}}\n")
	for severity := event.Info; severity <= event.Critical; severity++ {
		raise(t, b, severity, 1+int(severity), 1)
	}
	system.Await(t, "all alerts", func() bool {
		return notifier.Metric(outcome("standard", "delivered")) == 4 && notifier.Metric(outcome("pager", "unwanted")) == 4 &&
			notifier.Metric(outcome("pager", "delivered")) == 1 && notifier.Metric(outcome("standard", "unwanted")) == 1
	})
	if ids := pager.ids(); len(ids) != 1 || ids["000000000000000000000005_pager"] != 1 {
		t.Errorf("to the pager: %v", ids)
	}
	if ids := standard.ids(); len(ids) != 4 || ids["000000000000000000000001_standard"] != 0 {
		t.Errorf("to one that doesn't say: %v", ids)
	}
}

func TestSignatureVerifies(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := natstest.Start(t)
	b := publisher(t, server.URL)
	soc := newInbox(t, func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	notifier := system.ConfiguredNotifier(t, server.URL, config(map[string]*inbox{"soc": soc}, "      secret_file: "+file+"\n"))
	raise(t, b, event.High, 1, 1)
	system.Await(t, "the delivery", func() bool { return notifier.Metric(outcome("soc", "delivered")) == 1 })
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range soc.all() {
		if err := verifier.Verify(r.body, r.header); err != nil {
			t.Errorf("attempt %d: %v", n+1, err)
		}
		if verifier.Verify(append(r.body, ' '), r.header) == nil {
			t.Errorf("attempt %d: another body verifies too", n+1)
		}
	}
}
