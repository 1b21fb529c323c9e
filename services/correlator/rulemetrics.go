package correlator

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"headstart/daemon"
	"headstart/rulestore"

	"github.com/VictoriaMetrics/metrics"
)

// ruleMetrics show which rules are active.
type ruleMetrics struct {
	telemetry             *daemon.Telemetry
	failures              *metrics.Counter
	count, loaded, broken atomic.Int64
	info                  string // the metric that names the set
	state                 string // of the set, for /readyz
}

func newRuleMetrics(t *daemon.Telemetry) *ruleMetrics {
	m := &ruleMetrics{telemetry: t, failures: t.Metrics.GetOrCreateCounter("headstart_rules_load_failures_total")}
	for name, value := range map[string]*atomic.Int64{
		"headstart_rules":                          &m.count,
		"headstart_rules_broken":                   &m.broken,
		"headstart_rules_loaded_timestamp_seconds": &m.loaded,
	} {
		t.Metrics.GetOrCreateGauge(name, func() float64 { return float64(value.Load()) })
	}
	return m
}

// activate notes an active set.
func (m *ruleMetrics) activate(set *ruleset) {
	m.count.Store(int64(len(set.Rules)))
	m.loaded.Store(set.since.Unix())
	m.broken.Store(0)
	b := set.book
	info := fmt.Sprintf("headstart_correlator_rules_info{hash=%q,source=%q,author=%q,revision=\"%d\"}", set.Short(), b.Source, b.Author, b.Revision)
	if info != m.info {
		m.telemetry.Metrics.UnregisterMetric(m.info)
		m.telemetry.Metrics.GetOrCreateGauge(info, func() float64 { return 1 })
		m.info = info
	}
	m.state = describe(set)
	m.telemetry.Note("rules", m.state)
}

// reject notes a rejected set.
func (m *ruleMetrics) reject(r *rulestore.RejectedRules) {
	m.failures.Inc()
	m.broken.Store(1)
	first, _, _ := strings.Cut(r.Error, "\n")
	m.telemetry.Note("rules", fmt.Sprintf("%s; rejected at %s%s: %s", m.state, r.At.Format(time.RFC3339), by(r.Revision, r.Author), first))
}

// describe names the active set in one line.
func describe(set *ruleset) string {
	return fmt.Sprintf("%s %s%s, active since %s", set.book.Source, set.Short(), by(set.book.Revision, set.book.Author), set.since.UTC().Format(time.RFC3339))
}

func by(revision uint64, author string) string {
	if revision == 0 {
		return ""
	}
	return fmt.Sprintf(", revision %d by %s", revision, author)
}
