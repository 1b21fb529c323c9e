package poller

import (
	"sync/atomic"
	"time"

	"headstart/daemon"
	"headstart/event"
	"headstart/services/poller/spool"

	"github.com/VictoriaMetrics/metrics"
)

var help = map[string]string{
	"headstart_poller_snapshots_total":                "Snapshots taken.",
	"headstart_poller_snapshot_failures_total":        "Snapshots that failed.",
	"headstart_poller_snapshot_duration_seconds":      "Time to read, parse and encode a snapshot.",
	"headstart_poller_rejected_rows_total":            "Rows of the kernel's tables that could not be parsed.",
	"headstart_poller_sockets":                        "Sockets in the last snapshot.",
	"headstart_poller_sent_messages_total":            "Messages stored by the server.",
	"headstart_poller_sent_bytes_total":               "Bytes of messages stored by the server.",
	"headstart_poller_send_failures_total":            "Attempts to send that failed.",
	"headstart_poller_too_large_messages_total":       "Messages dropped because they exceed the server's limit.",
	"headstart_poller_control_messages_total":         "Control messages applied.",
	"headstart_poller_invalid_control_messages_total": "Control messages that could not be decoded.",
	"headstart_poller_waiting_messages":               "Messages in the spool.",
	"headstart_poller_waiting_bytes":                  "Bytes of the spool's limit in use.",
	"headstart_poller_memory_only_messages":           "Messages in memory that the spool's disk could not store.",
	"headstart_poller_dropped_messages_total":         "Messages dropped because the spool was full.",
	"headstart_poller_dropped_bytes_total":            "Bytes of messages dropped because the spool was full.",
	"headstart_poller_damaged_files_total":            "Damaged files in the spool's directory.",
}

type pollerMetrics struct {
	snapshots, failed, rejected *metrics.Counter
	sent, sentBytes, sendFailed *metrics.Counter
	tooLarge                    *metrics.Counter
	control, invalidControl     *metrics.Counter
	duration                    *metrics.Histogram
	sockets                     atomic.Int64
}

func newMetrics(telemetry *daemon.Telemetry, waiting *outbox) *pollerMetrics {
	telemetry.Help(help)
	set := telemetry.Metrics
	m := &pollerMetrics{
		snapshots:      set.GetOrCreateCounter("headstart_poller_snapshots_total"),
		failed:         set.GetOrCreateCounter("headstart_poller_snapshot_failures_total"),
		rejected:       set.GetOrCreateCounter("headstart_poller_rejected_rows_total"),
		sent:           set.GetOrCreateCounter("headstart_poller_sent_messages_total"),
		sentBytes:      set.GetOrCreateCounter("headstart_poller_sent_bytes_total"),
		sendFailed:     set.GetOrCreateCounter("headstart_poller_send_failures_total"),
		tooLarge:       set.GetOrCreateCounter("headstart_poller_too_large_messages_total"),
		control:        set.GetOrCreateCounter("headstart_poller_control_messages_total"),
		invalidControl: set.GetOrCreateCounter("headstart_poller_invalid_control_messages_total"),
		duration:       set.GetOrCreateHistogram("headstart_poller_snapshot_duration_seconds"),
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
	m.duration.Update(took.Seconds())
}
