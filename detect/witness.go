package detect

import (
	"time"

	"headstart/detect/incident"
	"headstart/detect/pairing"
	"headstart/detect/rule"
	"headstart/event"
)

// attest compares what this host reports of its connections to other hosts
// that report with what those say.
func (c *Correlation) attest(at time.Time) {
	if c.changes.PreviousAt.IsZero() && c.changes.Part <= 1 {
		c.witness.Reset(c.self.Name)
	}
	for i := range c.changes.Connections {
		conn := &c.changes.Connections[i]
		peer := c.directory.At(conn.Remote)
		if !betweenHosts(conn) || conn.BeganBefore() || peer == nil || !peer.Reports {
			continue // the other end may have shown it before it, or this one, was known
		}
		c.oneSided(c.witness.Report(&pairing.Report{Host: c.self.Name, Peer: peer.Name, Connection: *c.inStreamTime(conn), At: at}))
	}
	if c.changes.Part == c.changes.Parts {
		c.oneSided(c.witness.Heartbeat(c.self.Name, at))
	}
}

// oneSided raises the alerts of connections that only one end shows.
func (c *Correlation) oneSided(proved []pairing.OneSided) {
	for i := range proved {
		for _, r := range c.absent[rule.MissingPeerReport-1] {
			c.unattested(r, &proved[i])
		}
	}
}

func (c *Correlation) unattested(r *rule.Rule, o *pairing.OneSided) {
	conn := &o.Connection
	if o.At.Sub(conn.OpenedBefore) < r.Absent.For {
		return
	}
	host := c.directory.Named(o.Host)
	if host == nil {
		return
	}
	result, holds := c.absence(r, rule.Observation{
		Connection: conn, At: o.At, Host: host, Peer: c.directory.Named(o.Silent), Fired: c.fired,
	})
	switch {
	case !holds || result.Wait > 0:
		return
	case result.Err != nil:
		c.out.Failures = append(c.out.Failures, Failure{r.ID, o.Host, result.Err})
		return
	case result.Muted != nil:
		c.muted(r, result.Muted, o.At)
		return
	}
	a := c.newAlert(r, event.AlertID(r.ID, conn.ID), o.At)
	a.Host, a.Roles, a.Key = o.Host, host.Roles, o.Silent
	a.Connection = event.DescribeConnection(conn, o.At)
	a.Peer = c.peer(conn.Remote)
	seen := event.Evidence{
		At: conn.OpenedBefore, Source: a.Connection.Source, Destination: a.Connection.Destination,
		Port: a.Connection.Port, State: conn.State, Row: event.DescribeRow(conn),
	}
	again := seen
	again.At = o.At
	a.Evidence = []event.Evidence{seen, again}
	edge := incident.Edge{
		Source: seen.Source, Destination: seen.Destination, SourceHost: o.Host, DestinationHost: o.Silent,
		Port: seen.Port, At: seen.At, ByResponder: conn.Direction == event.Inbound,
	}
	if edge.ByResponder {
		edge.SourceHost, edge.DestinationHost = o.Silent, o.Host
	}
	c.raise(a, r, []incident.Edge{edge})
}
