// Package system runs headstart's services in a test's process, around a real
// nats-server and a real HTTP receiver. It guarantees that everything it
// started has ended when the test has.
package system

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
	"headstart/services/notifier"
	"headstart/services/tracker"
)

// Storage is what a test's streams may take.
var Storage = bus.Storage{Bytes: 1 << 30, Replicas: 1}

// Log returns a logger for a test: silent unless HEADSTART_TEST_LOG is set.
func Log() *slog.Logger {
	var out io.Writer = io.Discard
	if os.Getenv("HEADSTART_TEST_LOG") != "" {
		out = os.Stderr
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Connect connects to a server until the test ends.
func Connect(t testing.TB, url, name string) *bus.Bus {
	t.Helper()
	b, err := bus.Connect(t.Context(), Log().With("part", name), bus.Options{Name: name, Server: url, Wait: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Errorf("close %s: %v", name, err)
		}
	})
	return b
}

// Go runs a service until the test ends, and fails the test if it fails.
func Go(t testing.TB, name string, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// Tracker runs a tracker.
func Tracker(t testing.TB, url string) {
	b := Connect(t, url, "tracker")
	Go(t, "tracker", func(ctx context.Context) error {
		return tracker.Run(ctx, tracker.Options{Bus: b, Log: Log(), Telemetry: daemon.NewTelemetry(), Storage: Storage, MaxTables: 1 << 20})
	})
}

// Correlator runs a correlator with the rules in a directory, or the default
// pack.
func Correlator(t testing.TB, url, dir string) {
	b := Connect(t, url, "correlator")
	Go(t, "correlator", func(ctx context.Context) error {
		return correlator.Run(ctx, correlator.Options{
			Bus: b, Log: Log(), Telemetry: daemon.NewTelemetry(), Storage: Storage, Rules: dir, Default: rules.Files, MaxHosts: 1 << 20,
		})
	})
}

// Notifier runs a notifier that sends to a receiver.
func Notifier(t testing.TB, url string, r *Receiver) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "notifier.yaml")
	text := "receivers:\n  - name: test\n    severity: info\n    webhook:\n      url: " + r.URL + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b := Connect(t, url, "notifier")
	Go(t, "notifier", func(ctx context.Context) error {
		return notifier.Run(ctx, notifier.Options{Bus: b, Log: Log(), Telemetry: daemon.NewTelemetry(), Storage: Storage, Config: config})
	})
}

// Receiver is an HTTP server that takes alerts and keeps ids, as the Standard
// Webhooks specification asks of one.
type Receiver struct {
	URL string

	mu       sync.Mutex
	alerts   []Received
	byID     map[string]int // requests
	arrived  chan struct{}
	requests int
}

// Received is an alert as it arrived.
type Received struct {
	event.Alert
	At time.Time
}

// NewReceiver starts a receiver on a loopback address.
func NewReceiver(t testing.TB) *Receiver {
	r := &Receiver{byID: map[string]int{}, arrived: make(chan struct{}, 1)}
	server := httptest.NewServer(r)
	r.URL = server.URL
	t.Cleanup(server.Close)
	return r
}

// ServeHTTP takes an alert.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	at := time.Now()
	var a event.Alert
	body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	id := req.Header.Get("webhook-id")
	if err != nil || id == "" {
		http.Error(w, "want an alert with a webhook-id", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.requests++
	r.byID[id]++
	if r.byID[id] == 1 {
		r.alerts = append(r.alerts, Received{a, at})
	}
	r.mu.Unlock()
	select {
	case r.arrived <- struct{}{}:
	default:
	}
}

// Alerts returns the alerts so far, each id once.
func (r *Receiver) Alerts() []Received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Received(nil), r.alerts...)
}

// Repeats returns how many requests came with an id that was there before.
func (r *Receiver) Repeats() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests - len(r.byID)
}

// Wait waits until the alerts are as wanted, and fails the test with what it
// has if that takes too long.
func (r *Receiver) Wait(t testing.TB, limit time.Duration, what string, enough func([]Received) bool) []Received {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		if all := r.Alerts(); enough(all) {
			return all
		}
		select {
		case <-r.arrived:
		case <-deadline.C:
			for _, a := range r.Alerts() {
				t.Logf("%s %s %s: %s → %s:%d", a.Alert.At.Format(time.TimeOnly), a.Host, a.Rule, a.Connection.Source, a.Connection.Destination, a.Connection.Port)
			}
			t.Fatalf("%s: not within %s", what, limit)
		}
	}
}
