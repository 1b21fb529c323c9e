// Package system runs headstart's services in a test's process, around a real
// nats-server and a real HTTP receiver. It guarantees that everything it
// started has ended when the test has.
package system

import (
	"context"
	"encoding/json"
	"errors"
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
	t.Cleanup(func() { closeBus(t, b, name) })
	return b
}

// Go runs something until the test ends, and fails the test if it fails.
func Go(t testing.TB, name string, run func(context.Context) error) {
	t.Helper()
	t.Cleanup(background(t, name, run))
}

// background runs something until the function that it returns is called, which
// waits for its end.
func background(t testing.TB, name string, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := run(ctx)
		if stopped := ctx.Err() != nil && errors.Is(err, context.Canceled); err != nil && !stopped {
			t.Errorf("%s: %v", name, err)
		}
	}()
	return func() { cancel(); <-done }
}

// Tracker runs a tracker.
func Tracker(t testing.TB, url string, change ...func(*tracker.Options)) *Service {
	t.Helper()
	return serve(t, url, "tracker", func(ctx context.Context, p bus.Parts) error {
		o := tracker.Options{Bus: p.Bus, Log: p.Log, Telemetry: p.Telemetry, Storage: Storage, MaxTables: 1 << 20}
		for _, f := range change {
			f(&o)
		}
		return tracker.Run(ctx, o)
	})
}

// Correlator runs a correlator with the rules in a directory, or the default
// pack.
func Correlator(t testing.TB, url, dir string) *Service {
	t.Helper()
	var names []string
	if dir != "" {
		names = []string{dir}
	}
	return serve(t, url, "correlator", func(ctx context.Context, p bus.Parts) error {
		return correlator.Run(ctx, correlator.Options{
			Bus: p.Bus, Log: p.Log, Telemetry: p.Telemetry, Storage: Storage, Rules: names, Default: rules.Files, MaxHosts: 1 << 20,
		})
	})
}

// Notifier runs a notifier that sends every alert to a receiver.
func Notifier(t testing.TB, url string, r *Receiver) *Service {
	t.Helper()
	return ConfiguredNotifier(t, url, "receivers:\n  - name: test\n    deliver: alerts\n    severity: info\n    webhook:\n      url: "+r.URL+"\n")
}

// ConfiguredNotifier runs a notifier with the text of a configuration file.
func ConfiguredNotifier(t testing.TB, url, config string) *Service {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notifier.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return serve(t, url, "notifier", func(ctx context.Context, p bus.Parts) error {
		return notifier.Run(ctx, notifier.Options{Bus: p.Bus, Log: p.Log, Telemetry: p.Telemetry, Storage: Storage, Config: file})
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
