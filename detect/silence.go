package detect

import (
	"time"

	"headstart/detect/heartbeat"
	"headstart/detect/incident"
	"headstart/detect/rule"
	"headstart/event"
)

// checkHeartbeats raises the alerts of hosts that have fallen silent.
func (c *Engine) checkHeartbeats(at time.Time) {
	c.heartbeats.Observe(c.self.Name, at, c.changes.Interval)
	for _, change := range c.heartbeats.Advance(c.now) {
		for _, r := range c.absent[rule.MissingPoller-1] {
			if change.Duration == r.Absent.For {
				c.raiseSilent(r, &change)
			}
		}
	}
}

func (c *Engine) raiseSilent(r *rule.Rule, change *heartbeat.Silence) {
	host := c.table.Named(change.Host)
	if host == nil {
		return
	}
	result, holds := c.evaluateAbsence(r, rule.Observation{At: change.At, Host: host, Fired: c.lastFired})
	switch {
	case !holds || result.Wait > 0:
		return
	case result.Err != nil:
		c.out.Failures = append(c.out.Failures, Failure{r.ID, change.Host, result.Err})
		return
	case result.Muted != nil:
		c.suppress(r, result.Muted, change.At)
		return
	}
	a := &event.Alert{
		ID:   event.PatternID(r.ID, change.Host, change.Since.UTC().Format(time.RFC3339Nano)),
		Rule: r.ID, Rules: c.set.Short(), Severity: r.Severity, Title: r.Title, Description: r.Description, Guide: r.Guide, Attack: r.Attack,
		At: change.At, Host: change.Host, Roles: host.Roles, Key: change.Host, Evidence: []event.Evidence{},
	}
	c.raise(a, r, []incident.Edge(nil))
}
