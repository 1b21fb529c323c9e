package correlator

import (
	"fmt"
	"sync/atomic"
	"time"

	"headstart/detect"
	"headstart/rulestore"

	"github.com/VictoriaMetrics/metrics"
)

type correlatorMetrics struct {
	set                                     *metrics.Set
	events, undecodable, forgotten          *metrics.Counter
	lostCheckpoints, controls               *metrics.Counter
	hosts, contested, edges, windows, pairs atomic.Int64
	firings, incidents                      atomic.Int64
	edgesRejected, windowsDropped           *metrics.Counter
	pairsRejected, heartbeatsRejected       *metrics.Counter
	firingsForgotten, incidentsDropped      *metrics.Counter
	checkpointBytes, checkpointMilliseconds atomic.Int64
	cutOff                                  atomic.Int64
	suppressed                              map[string]int  // as they were added to the counters
	measured                                map[string]bool // names of metrics of rules
	seen                                    detect.Counts
}

func newMetrics(set *metrics.Set) *correlatorMetrics {
	m := &correlatorMetrics{
		set:             set,
		events:          set.GetOrCreateCounter("headstart_correlator_events_total"),
		undecodable:     set.GetOrCreateCounter("headstart_correlator_undecodable_total"),
		forgotten:       set.GetOrCreateCounter("headstart_correlator_forgotten_connections_total"),
		lostCheckpoints: set.GetOrCreateCounter("headstart_correlator_lost_checkpoints_total"),
		controls:        set.GetOrCreateCounter("headstart_correlator_controls_total"),

		edgesRejected:      set.GetOrCreateCounter("headstart_correlator_rejected_edges_total"),
		windowsDropped:     set.GetOrCreateCounter("headstart_correlator_dropped_matches_total"),
		pairsRejected:      set.GetOrCreateCounter("headstart_correlator_rejected_peer_reports_total"),
		heartbeatsRejected: set.GetOrCreateCounter("headstart_correlator_rejected_heartbeats_total"),
		firingsForgotten:   set.GetOrCreateCounter("headstart_correlator_forgotten_firings_total"),
		incidentsDropped:   set.GetOrCreateCounter("headstart_correlator_dropped_incident_entries_total"),
		suppressed:         map[string]int{},
	}
	set.GetOrCreateGauge("headstart_correlator_checkpoint_seconds", func() float64 { return float64(m.checkpointMilliseconds.Load()) / 1000 })
	for name, value := range map[string]*atomic.Int64{
		"headstart_rules_cut_off":                  &m.cutOff,
		"headstart_correlator_hosts":               &m.hosts,
		"headstart_correlator_contested_addresses": &m.contested,
		"headstart_correlator_baseline_edges":      &m.edges,
		"headstart_correlator_pattern_windows":     &m.windows,
		"headstart_correlator_peer_reports":        &m.pairs,
		"headstart_correlator_firings":             &m.firings,
		"headstart_correlator_active_incidents":    &m.incidents,
		"headstart_correlator_checkpoint_bytes":    &m.checkpointBytes,
	} {
		set.GetOrCreateGauge(name, func() float64 { return float64(value.Load()) })
	}
	return m
}

// count counts what is published of a message.
func (m *correlatorMetrics) count(out *detect.Output) {
	for _, a := range out.Alerts {
		m.set.GetOrCreateCounter(fmt.Sprintf("headstart_alerts_total{rule=%q,severity=%q}", a.Rule, a.Severity)).Inc()
	}
	for _, i := range out.Incidents {
		m.set.GetOrCreateCounter(fmt.Sprintf("headstart_incident_revisions_total{state=%q}", i.State)).Inc()
		if i.Notified && i.NotifiedAt.Equal(i.At) {
			m.set.GetOrCreateCounter("headstart_incidents_notified_total").Inc()
		}
	}
	for _, f := range out.Failures {
		m.set.GetOrCreateCounter(fmt.Sprintf("headstart_rule_failures_total{rule=%q}", f.Rule)).Inc()
	}
	m.controls.Add(len(out.Controls))
}

// observe takes over what the correlation has counted.
func (m *correlatorMetrics) observe(c *detect.Engine) {
	counts := c.Counts()
	m.events.Add(counts.Events - m.seen.Events)
	m.forgotten.Add(counts.Forgotten - m.seen.Forgotten)
	for rule, n := range counts.Suppressed {
		m.set.GetOrCreateCounter(fmt.Sprintf("headstart_rule_suppressed_total{rule=%q}", rule)).Add(n - m.suppressed[rule])
		m.suppressed[rule] = n
	}
	m.seen = counts
	sizes := c.Sizes()
	m.hosts.Store(int64(sizes.Hosts))
	m.contested.Store(int64(sizes.Contested))
	m.edges.Store(int64(sizes.Edges))
	m.windows.Store(int64(sizes.Windows))
	m.pairs.Store(int64(sizes.Pairs))
	m.firings.Store(int64(sizes.Firings))
	m.incidents.Store(int64(sizes.Incidents))
	m.edgesRejected.Set(uint64(sizes.EdgesRejected))
	m.windowsDropped.Set(uint64(sizes.WindowsDropped))
	m.pairsRejected.Set(uint64(sizes.PairsRejected))
	m.heartbeatsRejected.Set(uint64(sizes.HeartbeatsRejected))
	m.firingsForgotten.Set(uint64(counts.FiringsForgotten))
	m.incidentsDropped.Set(uint64(sizes.IncidentsDropped))
}

func (m *correlatorMetrics) checkpoint(bytes int, took time.Duration) {
	m.checkpointBytes.Store(int64(bytes))
	m.checkpointMilliseconds.Store(took.Milliseconds())
}

// rules shows what evaluations of rules take, of those that are measured now.
func (m *correlatorMetrics) rules(each []rulestore.RuleStatus) {
	cut, measured := 0, map[string]bool{}
	for i := range each {
		if r := &each[i]; r.Measured > 0 {
			name := fmt.Sprintf("headstart_rule_evaluation_seconds{rule=%q}", r.Rule)
			m.set.GetOrCreateGauge(name, nil).Set(r.Cost / 1e6)
			measured[name] = true
			delete(m.measured, name)
		}
		if each[i].Cut {
			cut++
		}
	}
	for name := range m.measured {
		m.set.UnregisterMetric(name)
	}
	m.measured = measured
	m.cutOff.Store(int64(cut))
}
