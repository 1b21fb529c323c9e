package detect

import (
	"time"

	"headstart/detect/heartbeat"
	"headstart/detect/incident"
	"headstart/detect/rule"
	"headstart/event"
)

// missing raises the alerts of hosts that have fallen silent.
func (c *Correlation) missing(at time.Time) {
	c.presence.Observe(c.self.Name, at, c.changes.Interval)
	for _, change := range c.presence.Advance(c.now) {
		for _, r := range c.absent[rule.MissingPoller-1] {
			if change.Length == r.Absent.For {
				c.silent(r, &change)
			}
		}
	}
}

func (c *Correlation) silent(r *rule.Rule, change *heartbeat.Change) {
	host := c.directory.Named(change.Host)
	if host == nil {
		return
	}
	result, holds := c.absence(r, rule.Observation{At: change.At, Host: host, Fired: c.fired})
	switch {
	case !holds || result.Wait > 0:
		return
	case result.Err != nil:
		c.out.Failures = append(c.out.Failures, Failure{r.ID, change.Host, result.Err})
		return
	case result.Muted != nil:
		c.muted(r, result.Muted, change.At)
		return
	}
	a := &event.Alert{
		ID:   event.PatternID(r.ID, change.Host, change.Since.UTC().Format(time.RFC3339Nano)),
		Rule: r.ID, Rules: c.set.Short(), Severity: r.Severity, Title: r.Title, Description: r.Description, Guide: r.Guide, Attack: r.Attack,
		At: change.At, Host: change.Host, Roles: host.Roles, Key: change.Host, Evidence: []event.Evidence{},
	}
	c.raise(a, r, []incident.Edge(nil))
}
