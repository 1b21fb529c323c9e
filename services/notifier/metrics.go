package notifier

import (
	"fmt"

	"github.com/VictoriaMetrics/metrics"

	"headstart/daemon"
)

type receiverMetrics struct {
	sent, retried, dead, unwanted, superseded *metrics.Counter
	duration                                  *metrics.Histogram
}

func newMetrics(telemetry *daemon.Telemetry, receiver string) *receiverMetrics {
	telemetry.Help(map[string]string{
		"headstart_notifications_total":           "Attempts to deliver a notification, by receiver and outcome.",
		"headstart_notification_duration_seconds": "Time of an attempt that delivered a notification.",
	})
	set := telemetry.Metrics
	outcome := func(name string) *metrics.Counter {
		return set.GetOrCreateCounter(fmt.Sprintf("headstart_notifications_total{receiver=%q,outcome=%q}", receiver, name))
	}
	return &receiverMetrics{
		sent: outcome("delivered"), retried: outcome("retried"), dead: outcome("dead"), unwanted: outcome("unwanted"),
		superseded: outcome("superseded"),
		duration:   set.GetOrCreateHistogram(fmt.Sprintf("headstart_notification_duration_seconds{receiver=%q}", receiver)),
	}
}
