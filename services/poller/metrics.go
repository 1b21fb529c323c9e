package poller

import (
	"sync/atomic"
	"time"

	"headstart/event"
	"headstart/services/poller/spool"

	"github.com/VictoriaMetrics/metrics"
)

type pollerMetrics struct {
	snapshots, failed, rejected *metrics.Counter
	sent, sentBytes, sendFailed *metrics.Counter
	tooLarge                    *metrics.Counter
	control, badControl         *metrics.Counter
	seconds                     *metrics.Histogram
	sockets                     atomic.Int64
}

func newMetrics(set *metrics.Set, waiting *outbox) *pollerMetrics {
	m := &pollerMetrics{
		snapshots:  set.GetOrCreateCounter("headstart_poller_snapshots_total"),
		failed:     set.GetOrCreateCounter("headstart_poller_failed_snapshots_total"),
		rejected:   set.GetOrCreateCounter("headstart_poller_rejected_rows_total"),
		sent:       set.GetOrCreateCounter("headstart_poller_sent_messages_total"),
		sentBytes:  set.GetOrCreateCounter("headstart_poller_sent_bytes_total"),
		sendFailed: set.GetOrCreateCounter("headstart_poller_send_failures_total"),
		tooLarge:   set.GetOrCreateCounter("headstart_poller_too_large_messages_total"),
		control:    set.GetOrCreateCounter("headstart_poller_control_messages_total"),
		badControl: set.GetOrCreateCounter("headstart_poller_bad_control_messages_total"),
		seconds:    set.GetOrCreateHistogram("headstart_poller_snapshot_seconds"),
	}
	set.GetOrCreateGauge("headstart_poller_sockets", func() float64 { return float64(m.sockets.Load()) })
	for name, value := range map[string]func(spool.Stats) float64{
		"waiting_messages":       func(s spool.Stats) float64 { return float64(s.Messages) },
		"waiting_bytes":          func(s spool.Stats) float64 { return float64(s.Bytes) },
		"memory_only_messages":   func(s spool.Stats) float64 { return float64(s.MemoryOnly) },
		"dropped_messages_total": func(s spool.Stats) float64 { return float64(s.DroppedMessages) },
		"dropped_bytes_total":    func(s spool.Stats) float64 { return float64(s.DroppedBytes) },
		"damaged_files_total":    func(s spool.Stats) float64 { return float64(s.DamagedFiles) },
	} {
		set.GetOrCreateGauge("headstart_poller_"+name, func() float64 { return value(waiting.stats()) })
	}
	return m
}

func (m *pollerMetrics) taken(s *event.Snapshot, took time.Duration) {
	m.snapshots.Inc()
	m.rejected.AddInt64(int64(s.Rejected))
	m.sockets.Store(int64(len(s.Sockets)))
	m.seconds.Update(took.Seconds())
}
