package correlator

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"headstart/detect/rule"

	"github.com/VictoriaMetrics/metrics"
)

// soon is from how long before its end an exception is announced.
const soon = 7 * 24 * time.Hour

// The states of an exception.
const (
	exceptionInForce = "in force"
	exceptionExpires = "expires soon"
	exceptionExpired = "expired"
)

func exceptionState(e *rule.Exception, now time.Time) string {
	switch left := e.Expires.Sub(now); {
	case left <= 0:
		return exceptionExpired
	case left <= soon:
		return exceptionExpires
	}
	return exceptionInForce
}

// expiries announce that exceptions come to their end: in the log once a day, for
// a week and the day after it, and as metrics.
type expiries struct {
	log       *slog.Logger
	counts    map[string]*atomic.Int64 // by state
	announced map[string]string        // the day, by rule and condition
}

func newExpiries(set *metrics.Set, log *slog.Logger) *expiries {
	x := &expiries{log: log, counts: map[string]*atomic.Int64{}, announced: map[string]string{}}
	for _, state := range []string{exceptionInForce, exceptionExpires, exceptionExpired} {
		count := new(atomic.Int64)
		x.counts[state] = count
		set.GetOrCreateGauge(fmt.Sprintf("headstart_rule_exceptions{state=%q}", state), func() float64 { return float64(count.Load()) })
	}
	return x
}

func (x *expiries) look(set *rule.Set, now time.Time) {
	counts, today, announced := map[string]int64{}, now.UTC().Format(time.DateOnly), map[string]string{}
	for _, r := range set.Rules {
		if !r.Enabled {
			continue
		}
		for _, e := range r.Unless {
			state := exceptionState(e, now)
			counts[state]++
			if state == exceptionInForce || now.Sub(e.Expires) > 24*time.Hour {
				continue
			}
			key := r.ID + " " + e.When
			if announced[key] = today; x.announced[key] == today {
				continue
			}
			lastDay := e.Expires.AddDate(0, 0, -1).Format(time.DateOnly)
			if state == exceptionExpired {
				x.log.Warn("exception expired: the rule fires again", "rule", r.ID, "owner", e.Owner, "reason", e.Reason, "last_day", lastDay)
			} else {
				x.log.Warn("exception expires soon", "rule", r.ID, "owner", e.Owner, "reason", e.Reason, "last_day", lastDay)
			}
		}
	}
	x.announced = announced
	for state, count := range x.counts {
		count.Store(counts[state])
	}
}
