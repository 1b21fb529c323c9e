package notifier

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	"headstart/services/notifier/config"
	"headstart/services/notifier/delivery"
)

// answering is a receiver that always answers the same.
type answering struct {
	outcome delivery.Outcome
	err     error
	sent    []string // ids of notifications
}

func (a *answering) Send(_ context.Context, n delivery.Notification) (delivery.Outcome, error) {
	a.sent = append(a.sent, n.ID)
	return a.outcome, a.err
}

func TestOneAttempt(t *testing.T) {
	const second = time.Second
	for name, test := range map[string]struct {
		severity event.Severity
		answer   answering
		attempt  int
		want     bus.Retry
		counted  string
		unsent   bool
	}{
		"delivered":                {event.High, answering{outcome: delivery.Outcome{Verdict: delivery.Done}}, 1, bus.Retry{}, "delivered", false},
		"of the severity":          {event.Medium, answering{outcome: delivery.Outcome{Verdict: delivery.Done}}, 1, bus.Retry{}, "delivered", false},
		"of a lower severity":      {event.Low, answering{}, 1, bus.Retry{}, "unwanted", true},
		"failed":                   {event.High, answering{outcome: delivery.Retryf(0, "503")}, 1, bus.Retry{Wanted: true, After: second}, "retried", false},
		"failed again":             {event.High, answering{outcome: delivery.Retryf(0, "503")}, 4, bus.Retry{Wanted: true, After: 8 * second}, "retried", false},
		"requested a pause":        {event.High, answering{outcome: delivery.Retryf(90*second, "429")}, 1, bus.Retry{Wanted: true, After: 90 * second}, "retried", false},
		"held":                     {event.High, answering{outcome: delivery.Heldf(7*second, "quiet")}, 1, bus.Retry{Wanted: true, After: 7 * second}, "retried", false},
		"canceled by the shutdown": {event.High, answering{err: context.Canceled}, 1, bus.Retry{Wanted: true}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			telemetry := daemon.NewTelemetry()
			d := &dispatcher{
				Receiver: config.Receiver{
					Name: "soc", MinSeverity: event.Medium, Sender: &test.answer,
					Backoff: delivery.Backoff{Initial: second, Most: time.Minute, GiveUpAfter: time.Hour, Random: func() float64 { return 0 }},
				},
				log: slog.New(slog.DiscardHandler), metrics: newMetrics(telemetry, "soc"),
			}
			data, err := event.EncodeAlert(&event.Alert{
				ID: "9f86d081884c7d659a2feaa0", Rule: "smb-sweep", Severity: test.severity, Title: "T",
				Connection: event.AlertConnection{State: event.Established},
			})
			if err != nil {
				t.Fatal(err)
			}
			got := d.alert(t.Context(), bus.Message{Subject: "alert.high.smb-sweep", Data: data, Sequence: 7, StoredAt: time.Now(), Attempt: test.attempt})
			if got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			if sent := strings.Join(test.answer.sent, " "); sent != "9f86d081884c7d659a2feaa0_soc" && !test.unsent || sent != "" && test.unsent {
				t.Errorf("sent: %q", sent)
			}
			var shown bytes.Buffer
			telemetry.Metrics.WritePrometheus(&shown)
			for _, outcome := range []string{"delivered", "retried", "dead", "unwanted", "superseded"} {
				line := `headstart_notifications_total{receiver="soc",outcome="` + outcome + `"} `
				if outcome == test.counted {
					line += "1"
				} else {
					line += "0"
				}
				if !strings.Contains(shown.String(), line+"\n") {
					t.Errorf("metrics lack %q:\n%s", line, shown.String())
				}
			}
		})
	}
}

func TestInvalidConfigurationIsAUsageError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notifier.yaml")
	if err := os.WriteFile(file, []byte("receivers:\n  - name: soc\n    webhok: {url: https://example.com}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"no such file": {file + ".nowhere", []string{"--config", "no such file"}},
		"a mistake":    {file, []string{"--config", "notifier.yaml:3:5", "webhok"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := Run(t.Context(), Options{Config: test.file, Log: slog.New(slog.DiscardHandler), Telemetry: daemon.NewTelemetry()})
			var usage *daemon.UsageError
			if !errors.As(err, &usage) {
				t.Fatalf("%v is not a usage error", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v doesn't contain %q", err, part)
				}
			}
		})
	}
}
