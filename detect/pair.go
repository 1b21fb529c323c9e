package detect

import (
	"time"

	"headstart/detect/incident"
	"headstart/detect/pairing"
	"headstart/detect/rule"
	"headstart/event"
)

// pair compares what this host reports of its connections to other hosts
// that report with what those say.
func (c *Engine) pair(at time.Time) {
	if c.changes.PreviousAt.IsZero() && c.changes.Part <= 1 {
		c.pairs.Reset(c.self.Name)
	}
	for i := range c.changes.Connections {
		conn := &c.changes.Connections[i]
		peer := c.table.At(conn.Remote)
		if !betweenHosts(conn) || conn.BeganBefore() || peer == nil || !peer.Reports {
			continue // the other end may have shown it before it, or this one, was known
		}
		c.raiseAllUnpaired(c.pairs.Report(&pairing.Report{Host: c.self.Name, Peer: peer.Name, Connection: *c.inStreamTime(conn), At: at}))
	}
	if c.changes.Part == c.changes.Parts {
		c.raiseAllUnpaired(c.pairs.Heartbeat(c.self.Name, at))
	}
}

// raiseAllUnpaired raises the alerts of connections that only one end shows.
func (c *Engine) raiseAllUnpaired(proved []pairing.Unpaired) {
	for i := range proved {
		for _, r := range c.absent[rule.MissingPeerReport-1] {
			c.raiseUnpaired(r, &proved[i])
		}
	}
}

func (c *Engine) raiseUnpaired(r *rule.Rule, o *pairing.Unpaired) {
	conn := &o.Connection
	if o.At.Sub(conn.OpenedBefore) < r.Absent.For {
		return
	}
	host := c.table.Named(o.Host)
	if host == nil {
		return
	}
	result, holds := c.evaluateAbsence(r, rule.Observation{
		Connection: conn, At: o.At, Host: host, Peer: c.table.Named(o.Peer), Fired: c.lastFired,
	})
	switch {
	case !holds || result.Wait > 0:
		return
	case result.Err != nil:
		c.out.Failures = append(c.out.Failures, Failure{r.ID, o.Host, result.Err})
		return
	case result.Muted != nil:
		c.suppress(r, result.Muted, o.At)
		return
	}
	a := c.newAlert(r, event.AlertID(r.ID, conn.ID), o.At)
	a.Host, a.Roles, a.Key = o.Host, host.Roles, o.Peer
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
		Source: seen.Source, Destination: seen.Destination, SourceHost: o.Host, DestinationHost: o.Peer,
		Port: seen.Port, At: seen.At, ByResponder: conn.Direction == event.Inbound,
	}
	if edge.ByResponder {
		edge.SourceHost, edge.DestinationHost = o.Peer, o.Host
	}
	c.raise(a, r, []incident.Edge{edge})
}
