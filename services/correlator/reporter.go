package correlator

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"headstart/detect"
	"headstart/detect/rule"
	"headstart/rulestore"
)

const (
	statusEvery = time.Minute
	bookEvery   = 20 * time.Minute
	countEvery  = time.Second // at most
)

// reporter publishes which rules are active and what has happened with them, for
// 'headstart rules status'.
type reporter struct {
	rules    *rules
	store    *rulestore.Store
	instance string
	expiries *expiries
	counted  atomic.Pointer[[]rulestore.RuleStatus]
	changed  chan struct{}
}

func newReporter(r *rules, store *rulestore.Store, instance string) *reporter {
	report := &reporter{
		rules: r, store: store, instance: instance,
		expiries: newExpiries(r.metrics.telemetry.Metrics, r.log), changed: make(chan struct{}, 1),
	}
	r.changed = report.wake
	return report
}

// wake has the status published at once.
func (r *reporter) wake() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// run publishes the status until the context ends.
func (r *reporter) run(ctx context.Context) {
	ticker := time.NewTicker(statusEvery)
	defer ticker.Stop()
	var reported time.Time
	var book *ruleset
	for {
		now := r.rules.now()
		set := r.rules.current()
		r.expiries.look(set.Set, now)
		if err := r.reportStatus(ctx); err != nil && ctx.Err() == nil {
			r.rules.log.Warn("status of the rules not published", "error", err)
		}
		if set != book || now.Sub(reported) >= bookEvery {
			if err := r.reportRules(ctx, set); err != nil && ctx.Err() == nil {
				r.rules.log.Warn("active rules not published", "error", err)
			} else {
				book, reported = set, now
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-r.changed:
		case <-ticker.C:
		}
	}
}

func (r *reporter) reportStatus(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, statusEvery/2)
	defer cancel()
	return r.store.PutStatus(ctx, r.status())
}

func (r *reporter) reportRules(ctx context.Context, set *ruleset) error {
	ctx, cancel := context.WithTimeout(ctx, statusEvery/2)
	defer cancel()
	return r.store.PutActive(ctx, r.instance, set.packed)
}

func (r *reporter) status() *rulestore.Status {
	s := &rulestore.Status{
		Type: "rules", Instance: r.instance, At: r.rules.now().UTC(),
		Active: activeOf(r.rules.names, r.rules.current()), Rejected: r.rules.rejected.Load(), Each: []rulestore.RuleStatus{},
	}
	if counted := r.counted.Load(); counted != nil {
		s.Each = slices.Clone(*counted)
	}
	return s
}

// count collects what has happened with the rules so far.
func (c *correlator) count() {
	now := time.Now()
	if now.Sub(c.countedAt) < countEvery && c.countedOf == c.set {
		return
	}
	c.countedAt, c.countedOf = now, c.set
	costs := c.engine.Costs()
	each := []rulestore.RuleStatus{}
	for _, r := range c.set.Rules {
		s := c.ruleStatus(r, costs[r], now)
		if s.Fired > 0 || s.Failures > 0 || s.Measured > 0 || s.Cut || s.Unless != nil {
			each = append(each, s)
		}
	}
	c.metrics.rules(each)
	c.reporter.counted.Store(&each)
	c.cutSlow(costs)
}

func (c *correlator) ruleStatus(r *rule.Rule, cost *rule.Cost, now time.Time) rulestore.RuleStatus {
	fired := c.engine.Fired(r.ID)
	s := rulestore.RuleStatus{
		Rule: r.ID, Fired: fired.Count, FiredLast: utc(fired.Last), Failures: c.failures[r.ID], Cut: slices.Contains(c.set.cut, r.ID),
	}
	if cost != nil {
		s.Measured, s.Cost = cost.Samples, float64(cost.Average().Nanoseconds())/1000
	}
	for _, e := range r.Unless {
		muted := c.engine.Suppressed(r.ID, e)
		s.Unless = append(s.Unless, rulestore.ExceptionStatus{
			Owner: e.Owner, Reason: e.Reason, Expires: e.Expires, State: exceptionState(e, now),
			Suppressed: muted.Count, Since: utc(muted.First), Last: utc(muted.Last),
		})
	}
	return s
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// enoughSamples is the number of measured evaluations from which a rule can be
// disabled. About one evaluation in 64 is measured.
const enoughSamples = 30

// cutSlow disables the rules that are too slow.
func (c *correlator) cutSlow(costs map[*rule.Rule]*rule.Cost) {
	if c.budget <= 0 {
		return
	}
	var slow []string
	for r, cost := range costs {
		if average := cost.Average(); cost.Samples >= enoughSamples && average > c.budget {
			slow = append(slow, r.ID)
			c.log.Error("rule disabled until the rules change: it is too slow", "rule", r.ID, "average", average.String(), "budget", c.budget.String(), "measured", cost.Samples)
		}
	}
	if len(slow) > 0 {
		slices.Sort(slow)
		c.rules.cutOff(c.set, slow)
	}
}

// failed counts evaluations that failed.
func (c *correlator) failed(out *detect.Output) {
	for _, f := range out.Failures {
		c.failures[f.Rule]++
	}
}

func activeOf(names []string, set *ruleset) rulestore.ActiveRules {
	b := &set.book.Origin
	return rulestore.ActiveRules{
		Sources: names, Source: b.Source, Hash: set.Hash, Count: len(set.Rules), Since: set.since.UTC(),
		Revision: b.Revision, Author: b.Author, Reason: b.Reason, PushedAt: b.At,
	}
}
