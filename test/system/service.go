package system

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"headstart/bus"
	"headstart/daemon"
)

// Service is a running service with a connection of its own. It ends with the
// test, or before.
type Service struct {
	telemetry *daemon.Telemetry
	stop      func()
}

// serve runs a service, and fails the test if it fails.
func serve(t testing.TB, url, name string, run func(context.Context, bus.Parts) error) *Service {
	t.Helper()
	s := &Service{telemetry: daemon.NewTelemetry()}
	log := Log().With("part", name)
	b, err := bus.Connect(t.Context(), log, bus.Options{Name: name, Server: url, Wait: 10 * time.Second, Telemetry: s.telemetry})
	if err != nil {
		t.Fatal(err)
	}
	stop := background(t, name, func(ctx context.Context) error {
		return run(ctx, bus.Parts{Bus: b, Log: log, Telemetry: s.telemetry})
	})
	s.stop = sync.OnceFunc(func() {
		stop()
		closeBus(t, b, name)
	})
	t.Cleanup(s.stop)
	return s
}

func closeBus(t testing.TB, b *bus.Bus, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("close %s: %v", name, err)
	}
}

// Stop asks the service to end, as SIGTERM does, and returns when it has.
func (s *Service) Stop() { s.stop() }

// Metric returns the value of a metric, zero if there is none of that name.
func (s *Service) Metric(name string) float64 {
	var shown bytes.Buffer
	s.telemetry.Metrics.WritePrometheus(&shown)
	for line := range strings.Lines(shown.String()) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			value, _ := strconv.ParseFloat(strings.TrimSpace(text), 64)
			return value
		}
	}
	return 0
}

// Read waits until a stage has read its input up to a message. What follows
// from that need not be published or saved yet.
func (s *Service) Read(t testing.TB, stage string, sequence uint64) {
	t.Helper()
	Await(t, stage+" reads message "+strconv.FormatUint(sequence, 10), func() bool {
		return s.Metric("headstart_stage_position{stage="+strconv.Quote(stage)+"}") >= float64(sequence)
	})
}

// Await waits until something holds, and fails the test if that takes too long.
func Await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	const limit = 30 * time.Second
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %s", what, limit)
		}
	}
}
