package correlator

import (
	"fmt"
	"sync/atomic"

	"headstart/services/correlator/rule"

	"github.com/VictoriaMetrics/metrics"
)

type correlatorMetrics struct {
	set                                       *metrics.Set
	events, undecodable, forgotten, lostHosts *metrics.Counter
	hosts, contested                          atomic.Int64
}

func newMetrics(set *metrics.Set) *correlatorMetrics {
	m := &correlatorMetrics{
		set:         set,
		events:      set.GetOrCreateCounter("headstart_correlator_events_total"),
		undecodable: set.GetOrCreateCounter("headstart_correlator_undecodable_total"),
		forgotten:   set.GetOrCreateCounter("headstart_correlator_forgotten_connections_total"),
		lostHosts:   set.GetOrCreateCounter("headstart_correlator_lost_hosts_total"),
	}
	set.GetOrCreateGauge("headstart_correlator_hosts", func() float64 { return float64(m.hosts.Load()) })
	set.GetOrCreateGauge("headstart_correlator_contested_addresses", func() float64 { return float64(m.contested.Load()) })
	return m
}

func (m *correlatorMetrics) alerts(r *rule.Rule) *metrics.Counter {
	return m.set.GetOrCreateCounter(fmt.Sprintf("headstart_alerts_total{rule=%q,severity=%q}", r.ID, r.Severity))
}

func (m *correlatorMetrics) muted(id string) *metrics.Counter {
	return m.set.GetOrCreateCounter(fmt.Sprintf("headstart_rule_muted_total{rule=%q}", id))
}

func (m *correlatorMetrics) failed(id string) *metrics.Counter {
	return m.set.GetOrCreateCounter(fmt.Sprintf("headstart_rule_failures_total{rule=%q}", id))
}

type ruleMetrics struct {
	failures              *metrics.Counter
	count, loaded, broken atomic.Int64
}

func newRuleMetrics(set *metrics.Set) *ruleMetrics {
	m := &ruleMetrics{failures: set.GetOrCreateCounter("headstart_rules_load_failures_total")}
	set.GetOrCreateGauge("headstart_rules", func() float64 { return float64(m.count.Load()) })
	set.GetOrCreateGauge("headstart_rules_broken", func() float64 { return float64(m.broken.Load()) })
	set.GetOrCreateGauge("headstart_rules_loaded_timestamp_seconds", func() float64 { return float64(m.loaded.Load()) })
	return m
}
