package detect

import (
	"headstart/detect/incident"
	"headstart/detect/pairing"
	"headstart/detect/rule"
	"headstart/event"
)

// pair compares the host's connections to other monitored hosts with what those
// report.
func (st *step) pair() {
	if st.changes.PreviousAt.IsZero() && st.changes.Part <= 1 {
		st.pairs.Reset(st.self.Name)
	}
	for i := range st.changes.Connections {
		conn := &st.changes.Connections[i]
		peer := st.table.At(conn.Remote)
		if !betweenHosts(conn) || conn.BeganBefore() || peer == nil || !peer.Reports {
			continue // the other end may have shown it before it, or this one, was known
		}
		st.raiseAllUnpaired(st.pairs.Report(&pairing.Report{Host: st.self.Name, Peer: peer.Name, Connection: *st.inStreamTime(conn), At: st.at}))
	}
	if st.changes.Part == st.changes.Parts {
		st.raiseAllUnpaired(st.pairs.Heartbeat(st.self.Name, st.at))
	}
}

// raiseAllUnpaired raises the alerts of connections that only one end shows.
func (st *step) raiseAllUnpaired(proved []pairing.Unpaired) {
	for i := range proved {
		for _, r := range st.absent[rule.MissingPeerReport-1] {
			st.raiseUnpaired(r, &proved[i])
		}
	}
}

func (st *step) raiseUnpaired(r *rule.Rule, o *pairing.Unpaired) {
	conn := &o.Connection
	if o.At.Sub(conn.OpenedBefore) < r.Absent.For {
		return
	}
	host := st.table.Named(o.Host)
	if host == nil {
		return
	}
	result, holds := st.evaluateAbsence(r, rule.Observation{
		Connection: conn, At: o.At, Host: host, Peer: st.table.Named(o.Peer), Fired: st.lastFired,
	})
	switch {
	case !holds || result.Wait > 0:
		return
	case result.Err != nil:
		st.out.Failures = append(st.out.Failures, Failure{r.ID, o.Host, result.Err})
		return
	case result.Muted != nil:
		st.suppress(r, result.Muted, o.At)
		return
	}
	a := st.newAlert(r, event.AlertID(r.ID, conn.ID), o.At)
	a.Host, a.Roles, a.Key = o.Host, host.Roles, o.Peer
	a.Connection = event.DescribeConnection(conn, o.At)
	a.Peer = st.peer(conn.Remote)
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
	st.raise(a, r, []incident.Edge{edge})
}
