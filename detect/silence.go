package detect

import (
	"time"

	"headstart/detect/heartbeat"
	"headstart/detect/incident"
	"headstart/detect/rule"
	"headstart/event"
)

// checkHeartbeats raises the alerts of silent hosts.
func (st *step) checkHeartbeats() {
	st.heartbeats.Observe(st.self.Name, st.at, st.changes.Interval)
	for _, silence := range st.heartbeats.Advance(st.now) {
		for _, r := range st.absent[rule.MissingPoller-1] {
			if silence.Duration == r.Absent.For {
				st.raiseSilent(r, &silence)
			}
		}
	}
}

func (st *step) raiseSilent(r *rule.Rule, silence *heartbeat.Silence) {
	host := st.table.Named(silence.Host)
	if host == nil {
		return
	}
	result, holds := st.evaluateAbsence(r, rule.Observation{At: silence.At, Host: host, Fired: st.lastFired})
	switch {
	case !holds || result.Wait > 0:
		return
	case result.Err != nil:
		st.out.Failures = append(st.out.Failures, Failure{r.ID, silence.Host, result.Err})
		return
	case result.Muted != nil:
		st.suppress(r, result.Muted, silence.At)
		return
	}
	a := &event.Alert{
		ID:   event.PatternID(r.ID, silence.Host, silence.Since.UTC().Format(time.RFC3339Nano)),
		Rule: r.ID, Rules: st.set.Short(), Severity: r.Severity, Title: r.Title, Description: r.Description, Guide: r.Guide, Attack: r.Attack,
		At: silence.At, Host: silence.Host, Roles: host.Roles, Key: silence.Host, Evidence: []event.Evidence{},
	}
	st.raise(a, r, []incident.Edge(nil))
}
