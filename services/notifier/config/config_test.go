package config

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/event"
	"headstart/services/notifier/delivery"
	"headstart/services/notifier/slack"
	"headstart/services/notifier/webhook"
)

const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// world is an environment with these files and variables and nothing else.
type world struct{ files, variables map[string]string }

func (w world) environment() Environment {
	return Environment{
		ReadFile: func(name string) ([]byte, error) {
			if content, ok := w.files[name]; ok {
				return []byte(content), nil
			}
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		},
		LookupEnv: func(name string) (string, bool) {
			value, ok := w.variables[name]
			return value, ok
		},
		Version: "1.2.3",
	}
}

func load(yaml string, w world) ([]Receiver, error) {
	if w.files == nil {
		w.files = map[string]string{}
	}
	w.files["/etc/headstart/notifier.yaml"] = yaml
	return Load("/etc/headstart/notifier.yaml", w.environment())
}

func TestExample(t *testing.T) {
	example, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "notifier.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	receivers, err := load(string(example), world{
		files: map[string]string{
			"/run/secrets/tickets-webhook":       key + "\n",
			"/run/secrets/tickets-authorization": "Bearer abc\n",
			"/run/secrets/slack-webhook-url":     "https://hooks.slack.com/services/T0/B0/X\n",
			"/etc/headstart/internal-ca.pem":     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		},
		variables: map[string]string{"PAGER_URL": "https://pager.example.com/v2/s3cr3t"},
	})
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		name     string
		deliver  delivery.Kinds
		severity event.Severity
		giveUp   time.Duration
		sender   string
	}
	incidents := delivery.Kinds{Incidents: true}
	var got []row
	for _, r := range receivers {
		got = append(got, row{r.Name, r.Deliver, r.MinSeverity, r.Backoff.GiveUpAfter, fmt.Sprintf("%T", r.Sender)})
	}
	want := []row{
		{"tickets", incidents, event.Medium, 24 * time.Hour, fmt.Sprintf("%T", &webhook.Webhook{})},
		{"pager", incidents, event.Critical, time.Hour, fmt.Sprintf("%T", &webhook.Webhook{})},
		{"people", incidents, event.High, 24 * time.Hour, fmt.Sprintf("%T", &slack.Slack{})},
		{"archive", delivery.Kinds{Alerts: true}, event.Info, 24 * time.Hour, fmt.Sprintf("%T", &webhook.Webhook{})},
	}
	if !slices.Equal(got, want) {
		t.Errorf("receivers %v, want %v", got, want)
	}
}

func TestReceiverSends(t *testing.T) {
	requests := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { requests <- r }))
	defer server.Close()
	receivers, err := load(`
receivers:
  - name: soc
    deliver: both
    webhook:
      url_env: HOOK
      secret_env: KEYS
      headers: {X-Team: soc, Content-Type: text/plain}
      header_env: {Authorization: TOKEN}
      body: "{{.Title}}"
`, world{variables: map[string]string{"HOOK": server.URL + "/hook", "KEYS": key + " " + key, "TOKEN": "Bearer abc"}})
	if err != nil {
		t.Fatal(err)
	}
	r := receivers[0]
	outcome, err := r.Send(t.Context(), delivery.ForAlert(&event.Alert{ID: "a1", Title: "t"}, r.Name))
	if err != nil || outcome.Verdict != delivery.Done {
		t.Fatalf("%+v, %v; want done", outcome, err)
	}
	got := <-requests
	for name, want := range map[string]string{
		"User-Agent": "headstart/1.2.3", "Webhook-Id": "a1_soc", "X-Team": "soc", "Authorization": "Bearer abc", "Content-Type": "text/plain",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if n := len(strings.Fields(got.Header.Get("Webhook-Signature"))); n != 2 {
		t.Errorf("%d signatures, want 2", n)
	}
	if retry := r.Backoff.Next(delivery.Retryf(0, "503"), 1, 0); retry.Verdict != delivery.Retry || retry.After <= 0 {
		t.Errorf("the receiver's backoff gives %+v", retry)
	}
}

func TestReceiverWantsItsSeverityAndAbove(t *testing.T) {
	receivers, err := load(`
receivers:
  - {name: default, webhook: {url: "https://a.example"}}
  - {name: all, severity: info, webhook: {url: "https://a.example"}}
  - {name: worst, severity: critical, webhook: {url: "https://a.example"}}
`, world{})
	if err != nil {
		t.Fatal(err)
	}
	for i, least := range []event.Severity{event.Low, event.Info, event.Critical} {
		for severity := event.Info; severity <= event.Critical; severity++ {
			if got := receivers[i].Wants(severity); got != (severity >= least) {
				t.Errorf("%s wants %v: %v", receivers[i].Name, severity, got)
			}
		}
	}
}

func TestDeliverDefaultsToIncidents(t *testing.T) {
	receivers, err := load(`
receivers:
  - {name: a, webhook: {url: "https://a.example"}}
  - {name: b, deliver: incidents, webhook: {url: "https://a.example"}}
  - {name: c, deliver: alerts, webhook: {url: "https://a.example", body: "{{json .Rule}}"}}
  - {name: d, webhook: {url: "https://a.example", body: "{{json .Action}}"}, deliver: incidents}
  - {name: e, slack: {url_env: URL}, deliver: both}
`, world{variables: map[string]string{"URL": "https://hooks.example/x"}})
	if err != nil {
		t.Fatal(err)
	}
	incidents, alerts := delivery.Kinds{Incidents: true}, delivery.Kinds{Alerts: true}
	for i, want := range []delivery.Kinds{incidents, incidents, alerts, incidents, {Incidents: true, Alerts: true}} {
		if receivers[i].Deliver != want {
			t.Errorf("%s gets %+v, want %+v", receivers[i].Name, receivers[i].Deliver, want)
		}
	}
}

func TestAnchorsAndNoReceivers(t *testing.T) {
	receivers, err := load(`
receivers:
  - name: a
    webhook: &hook {url: "https://a.example", timeout: 5s}
  - {name: b, webhook: *hook}
`, world{})
	if err != nil || len(receivers) != 2 {
		t.Errorf("%d receivers, %v; want 2", len(receivers), err)
	}
	if receivers, err := load("receivers: []", world{}); err != nil || len(receivers) != 0 {
		t.Errorf("%d receivers, %v; want none", len(receivers), err)
	}
}

func TestReceiversDoNotPrintSecrets(t *testing.T) {
	receivers, err := load(`
receivers:
  - {name: a, webhook: {url_env: URL, secret_env: KEY, header_env: {X-A: TOKEN}}}
  - {name: b, slack: {url_env: URL}}
`, world{variables: map[string]string{"URL": "https://hooks.example/s3cr3t", "KEY": key, "TOKEN": "s3cr3t"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{receivers, receivers[0], receivers[0].Sender, receivers[1].Sender} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "s3cr3t") {
				t.Errorf("%s of a %T prints %s", verb, v, got)
			}
		}
	}
}
