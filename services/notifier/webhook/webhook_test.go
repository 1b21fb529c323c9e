package webhook_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"headstart/daemon"
	"headstart/event"
	"headstart/services/notifier/delivery"
	"headstart/services/notifier/delivery/deliverytest"
	"headstart/services/notifier/delivery/endpoint"
	"headstart/services/notifier/webhook"
)

func options(t testing.TB, url string) endpoint.Options {
	t.Helper()
	a, err := endpoint.ParseAddress(daemon.Secret(url))
	if err != nil {
		t.Fatal(err)
	}
	return endpoint.Options{Address: a, UserAgent: "headstart/test"}
}

func notification() delivery.Notification {
	return delivery.ForAlert(&event.Alert{
		ID: "9f86d081884c7d659a2feaa0", Rule: "smb-from-web", Severity: event.High, Title: "SMB from a web server",
		At: time.Date(2025, 6, 5, 15, 16, 0, 0, time.UTC), Host: "web-01",
	}, "soc")
}

var secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a key of at least 24 bytes"))

func TestResponsesFollowTheTable(t *testing.T) {
	keys, err := webhook.ParseKeys(daemon.Secret(secret))
	if err != nil {
		t.Fatal(err)
	}
	deliverytest.HTTP(t, func(target deliverytest.Target) delivery.Sender {
		o := options(t, target.URL)
		o.RootCAs, o.Timeout = target.Roots, target.Timeout
		return webhook.New(webhook.Options{Endpoint: o, Keys: keys})
	}, notification())
}

// inbox is a server that verifies signatures and keeps the ids it has seen, as
// the documentation tells receivers to.
type inbox struct {
	*httptest.Server
	verifier *standardwebhooks.Webhook

	mu       sync.Mutex
	fail     int // requests to answer with 503 after taking them
	requests []*http.Request
	bodies   []string
	once     map[string]string // body by id
}

func newInbox(t testing.TB) *inbox {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	i := &inbox{verifier: verifier, once: map[string]string{}}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.requests, i.bodies = append(i.requests, r), append(i.bodies, string(body))
	if r.Header.Get("webhook-signature") != "" {
		if err := i.verifier.Verify(body, r.Header); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
	}
	i.once[r.Header.Get("webhook-id")] = string(body)
	if i.fail > 0 {
		i.fail--
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func send(t *testing.T, w *webhook.Webhook, n delivery.Notification) delivery.Outcome {
	t.Helper()
	outcome, err := w.Send(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func TestRequest(t *testing.T) {
	i := newInbox(t)
	header := webhook.Header{}
	if err := header.Add("x-team", "soc"); err != nil {
		t.Fatal(err)
	}
	if err := header.Add("Authorization", "Bearer abc"); err != nil {
		t.Fatal(err)
	}
	send(t, webhook.New(webhook.Options{Endpoint: options(t, i.URL+"/alerts"), Header: header}), notification())

	r := i.requests[0]
	for name, want := range map[string]string{
		"Content-Type":      "application/json",
		"User-Agent":        "headstart/test",
		"X-Team":            "soc",
		"Authorization":     "Bearer abc",
		"Webhook-Id":        "9f86d081884c7d659a2feaa0_soc",
		"Webhook-Signature": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if r.Header.Get("Webhook-Timestamp") == "" || r.Method != http.MethodPost || r.URL.Path != "/alerts" {
		t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	if want := `{"type":"alert","id":"9f86d081884c7d659a2feaa0","rule":"smb-from-web",`; !strings.HasPrefix(i.bodies[0], want) {
		t.Errorf("body %s, want it to begin %s", i.bodies[0], want)
	}
}

func TestRetriesHaveOneID(t *testing.T) {
	i := newInbox(t)
	i.fail = 2
	old := "whsec_" + base64.StdEncoding.EncodeToString([]byte("the key before this one was made"))
	keys, err := webhook.ParseKeys(daemon.Secret(old + "\n" + secret + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	w := webhook.New(webhook.Options{Endpoint: options(t, i.URL), Keys: keys})
	for attempt, want := range []delivery.Verdict{delivery.Retry, delivery.Retry, delivery.Done} {
		if got := send(t, w, notification()); got.Verdict != want {
			t.Errorf("attempt %d: %+v, want %v", attempt+1, got, want)
		}
	}
	if len(i.requests) != 3 || len(i.once) != 1 {
		t.Errorf("%d requests with %d ids, want 3 with 1", len(i.requests), len(i.once))
	}
}

func TestWrongKeyIsDead(t *testing.T) {
	i := newInbox(t)
	keys, err := webhook.ParseKeys(daemon.Secret("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	w := webhook.New(webhook.Options{Endpoint: options(t, i.URL), Keys: keys})
	if got := send(t, w, notification()); got.Verdict != delivery.Dead || got.Reason != "401 Unauthorized" {
		t.Errorf("%+v, want dead by 401", got)
	}
}

func TestFailingTemplateIsDead(t *testing.T) {
	i := newInbox(t)
	body, err := webhook.ParseBody(`{{if eq .Rule "smb-from-web"}}{{index .Attack 7}}{{end}}`, "text/plain", delivery.Kinds{Alerts: true})
	if err != nil {
		t.Fatal(err)
	}
	w := webhook.New(webhook.Options{Endpoint: options(t, i.URL), Body: body})
	n := notification()
	n.Alert.Attack = []string{"T1021"}
	if got := send(t, w, n); got.Verdict != delivery.Dead || !strings.Contains(got.Reason, "out of range") {
		t.Errorf("%+v, want dead by the template", got)
	}
	if len(i.requests) != 0 {
		t.Errorf("%d requests", len(i.requests))
	}
}

func TestHeaderRejects(t *testing.T) {
	for name, c := range map[string]struct{ field, value, want string }{
		"no name":         {"", "v", "isn't the name"},
		"space in a name": {"X Team", "v", "isn't the name"},
		"injected name":   {"X-A: b\r\nX-C", "v", "isn't the name"},
		"injected value":  {"X-A", "s3cr3t\r\nX-C: d", "control character"},
		"own field":       {"webhook-signature", "s3cr3t", "headstart sets it"},
		"framing":         {"content-length", "s3cr3t", "headstart sets it"},
		"repeated":        {"x-team", "s3cr3t", "there already"},
		"endless value":   {"X-A", strings.Repeat("s3cr3t", 10_000), "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			h := webhook.Header{"X-Team": "soc"}
			err := h.Add(c.field, daemon.Secret(c.value))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("error %v, want it to say %q and nothing of the value", err, c.want)
			}
			if len(h) != 1 {
				t.Errorf("the field was added: %v", h)
			}
		})
	}
}

func TestWebhookDoesNotPrintItsSecrets(t *testing.T) {
	o := webhook.Options{Endpoint: options(t, "https://hooks.example/s3cr3t"), Header: webhook.Header{"Authorization": "s3cr3t"}}
	for _, v := range []any{o, webhook.New(o), o.Header} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "s3cr3t") {
				t.Errorf("%s of a %T prints %s", verb, v, got)
			}
		}
	}
}
