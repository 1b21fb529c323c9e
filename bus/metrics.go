package bus

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// stageMetrics are named headstart_<what>{stage="<name>"}.
type stageMetrics struct {
	messages, outputs, retries, skipped *metrics.Counter
	batch                               *metrics.Histogram
	position                            sequenceGauge
	storedAt                            timeGauge
}

type sequenceGauge struct{ atomic.Uint64 }

func (g *sequenceGauge) Set(n uint64) { g.Store(n) }

type timeGauge struct{ atomic.Int64 }

func (g *timeGauge) Set(t time.Time) { g.Store(t.UnixNano()) }

func (b *Bus) stageMetrics(stage string) *stageMetrics {
	set := b.telemetry.Metrics
	name := func(metric string) string { return fmt.Sprintf("headstart_stage_%s{stage=%q}", metric, stage) }
	m := &stageMetrics{
		messages: set.GetOrCreateCounter(name("messages_total")),
		outputs:  set.GetOrCreateCounter(name("outputs_total")),
		retries:  set.GetOrCreateCounter(name("retries_total")),
		skipped:  set.GetOrCreateCounter(name("skipped_total")),
		batch:    set.GetOrCreateHistogram(name("batch_seconds")),
	}
	set.GetOrCreateGauge(name("position"), func() float64 { return float64(m.position.Load()) })
	set.GetOrCreateGauge(name("position_timestamp_seconds"), func() float64 { return float64(m.storedAt.Load()) / 1e9 })
	return m
}
