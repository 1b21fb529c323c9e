package correlation

import (
	"time"

	"headstart/event"
	"headstart/services/correlator/incident"
	"headstart/services/correlator/presence"
	"headstart/services/correlator/rule"
)

// missing raises the alerts of hosts that have fallen silent.
func (c *Correlation) missing(at time.Time) {
	c.presence.Observe(c.self.Name, at, c.changes.Interval)
	for _, change := range c.presence.Advance(c.now) {
		if change.Stage == presence.Present {
			continue
		}
		for _, r := range c.absent[rule.MissingPoller-1] {
			if tells(&change, r.Absent.For) {
				c.silent(r, &change)
			}
		}
	}
}

// tells reports whether a rule that asks for a silence of a length is to fire
// with a stage: with the first that is long enough.
func tells(change *presence.Change, length time.Duration) bool {
	early := max(3*change.Interval, 2*time.Minute) // when a host is late
	if change.Stage == presence.Late {
		return length <= early
	}
	return length > early && change.At.Sub(change.Since) >= length
}

func (c *Correlation) silent(r *rule.Rule, change *presence.Change) {
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
