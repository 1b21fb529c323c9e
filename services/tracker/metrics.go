package tracker

import (
	"fmt"

	"headstart/conntable"
	"headstart/event"

	"github.com/VictoriaMetrics/metrics"
)

type trackerMetrics struct {
	results     map[conntable.Result]*metrics.Counter
	undecodable *metrics.Counter
	incomplete  *metrics.Counter
	lostTables  *metrics.Counter
	rows        *metrics.Counter
	missed      *metrics.Counter
	rejected    *metrics.Counter
	changes     map[event.Kind]*metrics.Counter
}

func newMetrics(set *metrics.Set) *trackerMetrics {
	snapshots := func(result string) *metrics.Counter {
		return set.GetOrCreateCounter(fmt.Sprintf("headstart_tracker_snapshots_total{result=%q}", result))
	}
	m := &trackerMetrics{
		results:     map[conntable.Result]*metrics.Counter{},
		undecodable: snapshots("undecodable"),
		incomplete:  snapshots("incomplete"),
		lostTables:  set.GetOrCreateCounter("headstart_tracker_lost_tables_total"),
		rows:        set.GetOrCreateCounter("headstart_tracker_sockets_total"),
		missed:      set.GetOrCreateCounter("headstart_tracker_missed_snapshots_total"),
		rejected:    set.GetOrCreateCounter("headstart_tracker_rejected_rows_total"),
		changes:     map[event.Kind]*metrics.Counter{},
	}
	for r := conntable.Compared; r <= conntable.Superseded; r++ {
		m.results[r] = snapshots(r.String())
	}
	for k := event.Listening; k <= event.Closed; k++ {
		m.changes[k] = set.GetOrCreateCounter(fmt.Sprintf("headstart_tracker_connections_total{change=%q}", k))
	}
	return m
}

func (m *trackerMetrics) count(c *event.Changes, rows int) {
	m.rows.Add(rows)
	m.missed.AddInt64(int64(c.Missed))
	m.rejected.AddInt64(int64(c.Rejected))
	for i := range c.Connections {
		m.changes[c.Connections[i].Kind].Inc()
	}
}

func (m *trackerMetrics) watchHosts(set *metrics.Set, t *tracker) {
	set.GetOrCreateGauge("headstart_tracker_hosts", func() float64 {
		var n int64
		for _, s := range t.shards {
			n += s.count.Load()
		}
		return float64(n)
	})
}
