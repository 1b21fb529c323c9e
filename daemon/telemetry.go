package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Telemetry is the state that a process exposes: metrics in the Prometheus text
// format, and which of its parts are ready. All services of a process share it.
type Telemetry struct {
	Metrics *metrics.Set

	mu    sync.Mutex
	parts map[string]error
	notes map[string]string
	help  map[string]string // by metric
}

// NewTelemetry returns one without metrics or parts.
func NewTelemetry() *Telemetry {
	return &Telemetry{Metrics: metrics.NewSet(), parts: map[string]error{}, notes: map[string]string{}, help: map[string]string{}}
}

// Ready sets a part ready, or not ready because of err.
func (t *Telemetry) Ready(part string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts[part] = err
}

// Note sets a text that /readyz shows beside the parts, such as the version of
// the rules. It doesn't affect readiness.
func (t *Telemetry) Note(name, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes[name] = text
}

// Help sets the HELP texts of metrics by their names without labels.
func (t *Telemetry) Help(texts map[string]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.Copy(t.help, texts)
}

// writeMetrics writes the metrics, each family after its HELP text.
func (t *Telemetry) writeMetrics(w io.Writer) {
	var out bytes.Buffer
	t.Metrics.WritePrometheus(&out)
	metrics.WriteProcessMetrics(&out)
	t.mu.Lock()
	help := maps.Clone(t.help)
	t.mu.Unlock()
	for line := range bytes.Lines(out.Bytes()) {
		name := string(line[:max(0, bytes.IndexAny(line, "{ "))])
		for _, part := range []string{"", "_bucket", "_sum", "_count"} { // of a histogram
			family, ok := strings.CutSuffix(name, part)
			if text := help[family]; ok && text != "" {
				fmt.Fprintf(w, "# HELP %s %s\n", family, text)
				delete(help, family)
			}
		}
		w.Write(line)
	}
}

// Status returns "ok" or an error for each part, and whether all are ready.
func (t *Telemetry) Status() (parts map[string]string, ready bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	parts, ready = make(map[string]string, len(t.parts)), true
	for name, err := range t.parts {
		parts[name] = "ok"
		if err != nil {
			parts[name], ready = err.Error(), false
		}
	}
	return parts, ready
}

// Handler serves /metrics, /healthz (200 while the process runs) and /readyz (503
// while a part isn't ready; parts and notes as JSON).
func (t *Telemetry) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		t.writeMetrics(w)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		parts, ready := t.Status()
		t.mu.Lock()
		maps.Copy(parts, t.notes)
		t.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if !ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		json.NewEncoder(w).Encode(parts)
	})
	return mux
}

// Listen serves the handler on an address until the context ends. The empty
// address serves nothing. Once the listener is open, it returns its address.
func (t *Telemetry) Listen(ctx context.Context, address string, log *slog.Logger) (string, error) {
	if address == "" {
		return "", nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("listen for metrics and health: %w: choose another --listen, or --listen '' for none", err)
	}
	server := &http.Server{
		Handler:           t.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	go func() {
		if err := server.Serve(listener); err != nil && err != http.ErrServerClosed {
			log.Error("metrics listener failed", "error", err)
		}
	}()
	context.AfterFunc(ctx, func() { server.Close() })
	return listener.Addr().String(), nil
}
