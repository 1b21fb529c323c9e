package bus

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// stageMetrics are named headstart_stage_<metric>{stage="<name>"}.
type stageMetrics struct {
	messages, outputs, retries, skipped *metrics.Counter
	batch                               *metrics.Histogram
	position                            sequenceGauge
	storedAt                            timeGauge
}

var stageHelp = map[string]string{
	"headstart_stage_messages_total":             "Input messages handled.",
	"headstart_stage_outputs_total":              "Output messages stored.",
	"headstart_stage_retries_total":              "Failed attempts to read, handle, publish or save.",
	"headstart_stage_skipped_messages_total":     "Input messages that the stream dropped before the stage read them.",
	"headstart_stage_batch_duration_seconds":     "Time from reading a batch to saving its position.",
	"headstart_stage_position":                   "Sequence of the last input message handled.",
	"headstart_stage_position_timestamp_seconds": "Unix time at which the last input message handled was stored.",
}

type sequenceGauge struct{ atomic.Uint64 }

func (g *sequenceGauge) Set(n uint64) { g.Store(n) }

type timeGauge struct{ atomic.Int64 }

func (g *timeGauge) Set(t time.Time) { g.Store(t.UnixNano()) }

func (b *Bus) stageMetrics(stage string) *stageMetrics {
	set := b.telemetry.Metrics
	b.telemetry.Help(stageHelp)
	name := func(metric string) string { return fmt.Sprintf("headstart_stage_%s{stage=%q}", metric, stage) }
	m := &stageMetrics{
		messages: set.GetOrCreateCounter(name("messages_total")),
		outputs:  set.GetOrCreateCounter(name("outputs_total")),
		retries:  set.GetOrCreateCounter(name("retries_total")),
		skipped:  set.GetOrCreateCounter(name("skipped_messages_total")),
		batch:    set.GetOrCreateHistogram(name("batch_duration_seconds")),
	}
	set.GetOrCreateGauge(name("position"), func() float64 { return float64(m.position.Load()) })
	set.GetOrCreateGauge(name("position_timestamp_seconds"), func() float64 { return float64(m.storedAt.Load()) / 1e9 })
	return m
}
