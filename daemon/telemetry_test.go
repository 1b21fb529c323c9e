package daemon_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"headstart/daemon"
)

// get returns the status and the body that the handler serves at a path.
func get(h http.Handler, path string) (int, string) {
	r := httptest.NewRecorder()
	h.ServeHTTP(r, httptest.NewRequest("GET", path, nil))
	return r.Code, r.Body.String()
}

func TestReadiness(t *testing.T) {
	telemetry := daemon.NewTelemetry()
	telemetry.Ready("nats", nil)
	telemetry.Ready("tracker", errors.New("starting"))
	telemetry.Note("rules", "v3")
	for _, step := range []struct {
		err    error
		status int
		want   map[string]string
	}{
		{errors.New("replaying"), 503, map[string]string{"nats": "ok", "tracker": "replaying", "rules": "v3"}},
		{nil, 200, map[string]string{"nats": "ok", "tracker": "ok", "rules": "v3"}},
	} {
		telemetry.Ready("tracker", step.err)
		status, body := get(telemetry.Handler(), "/readyz")
		got := map[string]string{}
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != step.status || !maps.Equal(got, step.want) {
			t.Errorf("got %d %v (%v), want %d %v", status, got, err, step.status, step.want)
		}
		if status, body := get(telemetry.Handler(), "/healthz"); status != 200 || body != "ok\n" {
			t.Errorf("/healthz: got %d %q", status, body)
		}
	}
}

func TestMetrics(t *testing.T) {
	telemetry := daemon.NewTelemetry()
	telemetry.Metrics.NewCounter(`headstart_probes_total{kind="tcp"}`).Set(3)
	telemetry.Metrics.NewCounter(`headstart_probes_total{kind="udp"}`).Set(4)
	telemetry.Metrics.NewHistogram("headstart_probe_duration_seconds").Update(1)
	telemetry.Help(map[string]string{"headstart_probes_total": "Probes by kind.", "headstart_probe_duration_seconds": "Duration of a probe."})
	status, body := get(telemetry.Handler(), "/metrics")
	for _, want := range []string{
		"# HELP headstart_probes_total Probes by kind.\nheadstart_probes_total{kind=\"tcp\"} 3\nheadstart_probes_total{kind=\"udp\"} 4\n",
		"# HELP headstart_probe_duration_seconds Duration of a probe.\nheadstart_probe_duration_seconds_bucket{", "process_resident_memory_bytes ",
	} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("got %d, no %q in\n%s", status, want, body)
		}
	}
	if status, _ := get(telemetry.Handler(), "/debug/pprof/"); status != 404 {
		t.Errorf("another path: got %d, want 404", status)
	}
}

func TestListenUntilTheContextEnds(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	telemetry := daemon.NewTelemetry()
	if address, err := telemetry.Listen(t.Context(), "", log); address != "" || err != nil {
		t.Errorf("the empty address: got %q, %v", address, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	address, err := telemetry.Listen(ctx, "127.0.0.1:0", log)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if string(body) != "ok\n" {
		t.Errorf("/healthz: got %q", body)
	}
	if _, err := telemetry.Listen(t.Context(), address, log); err == nil || !strings.Contains(err.Error(), "choose another --listen") {
		t.Errorf("an address in use: got %v", err)
	}
	cancel()
	for { // the listener closes in a goroutine of the context
		again, err := telemetry.Listen(t.Context(), address, log)
		if err == nil {
			if again != address {
				t.Errorf("got %s, want %s", again, address)
			}
			return
		}
	}
}
