package detect

import (
	"strings"
	"time"

	"headstart/detect/baseline"
	"headstart/detect/firing"
	"headstart/detect/incident"
	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// handle turns a rule's outcome on a connection into an alert or into a match of
// a pattern.
func (st *step) handle(f *firing.Outcome) {
	at := st.at
	switch {
	case f.Err != nil:
		st.out.Failures = append(st.out.Failures, Failure{f.Rule.ID, st.self.Name, f.Err})
		return
	case f.Suppressed != nil:
		st.suppress(f.Rule, f.Suppressed, at)
		return
	case f.Rule.IsPattern():
		if f.Rule.Path != nil && f.Connection.Kind == event.Opened && !f.Connection.Over() && len(st.host.openEdges) < maxOpenEdges {
			st.host.openEdges[f.Connection.ID] = true
		}
		st.raisePatterns(st.patterns.Feed(st.match(f)))
		return
	}
	conn := st.inStreamTime(&f.Connection)
	a := st.newAlert(f.Rule, event.AlertID(f.Rule.ID, conn.ID), at)
	a.Connection = event.DescribeConnection(conn, at)
	first := event.Evidence{
		At: conn.OpenedBefore, Source: a.Connection.Source, Destination: a.Connection.Destination,
		Port: a.Connection.Port, State: conn.State, Row: event.DescribeRow(conn),
	}
	a.Evidence = []event.Evidence{first}
	if at.After(first.At) {
		again := first
		again.At = at
		a.Evidence = append(a.Evidence, again)
	}
	if conn.Direction != 0 {
		a.Peer = st.peer(conn.Remote)
	}
	var edges []incident.Edge
	if betweenHosts(conn) {
		s := st.edgeOf(f.Change, &f.Connection)
		edges = []incident.Edge{st.edge(&s, conn, nil)}
	}
	st.raise(a, f.Rule, edges)
}

func (st *step) newAlert(r *rule.Rule, id string, at time.Time) *event.Alert {
	return &event.Alert{
		ID: id, Rule: r.ID, Rules: st.set.Short(), Severity: r.Severity, Title: r.Title, Description: r.Description, Guide: r.Guide, Attack: r.Attack,
		At: at, Host: st.self.Name, Roles: st.self.Roles, Snapshot: st.changes.SnapshotID().String(),
	}
}

func (c *Engine) peer(a event.Address) *event.AlertPeer {
	p := &event.AlertPeer{Address: a, Internal: c.isInternal(a)}
	if h := c.table.At(a); h != nil {
		p.Host, p.Roles, p.Internal = h.Name, h.Roles, true
	}
	return p
}

// inStreamTime returns a connection with its times on the stream's clock.
func (st *step) inStreamTime(conn *event.Connection) *event.Connection {
	if st.changes.StreamTime(st.changes.ObservedAt).Equal(st.changes.ObservedAt) {
		return conn
	}
	moved := *conn
	for _, t := range []*time.Time{&moved.OpenedAfter, &moved.OpenedBefore, &moved.SeenUntil, &moved.ClosedAfter, &moved.ClosedBefore} {
		*t = st.changes.StreamTime(*t)
	}
	return &moved
}

// match returns an outcome as a match of a pattern.
func (st *step) match(f *firing.Outcome) pattern.Match {
	conn := st.inStreamTime(&f.Connection)
	s := st.edgeOf(f.Change, &f.Connection)
	m := pattern.Match{
		Rule: f.Rule.ID, Part: f.Part, By: f.By, Of: f.Of, Sum: f.Sum, Baseline: f.Baseline,
		Connection: conn.ID, Host: st.self.Name, At: st.at, State: conn.State,
		OpenedAfter: conn.OpenedAfter, OpenedBefore: conn.OpenedBefore, SeenUntil: conn.SeenUntil,
	}
	source, destination := conn.Ends()
	m.Edge = pattern.Edge{
		Source: source, Destination: destination, SourceHost: nameOr(&s.Originator), DestinationHost: nameOr(&s.Responder), Port: s.Port,
	}
	m.Edge.SourcePort = conn.LocalPort
	if conn.Direction == event.Inbound {
		m.Edge.SourcePort = conn.RemotePort
	}
	return m
}

func (st *step) raisePatterns(fired []pattern.Fired) {
	for i := range fired {
		st.raisePattern(&fired[i])
	}
}

// raisePattern raises the alert of a pattern that is complete.
func (st *step) raisePattern(f *pattern.Fired) {
	r := st.set.Rule(f.Rule)
	if r == nil || len(f.Evidence) == 0 {
		return
	}
	a := st.newAlert(r, f.ID, st.at)
	a.Matched, a.Key = f.Matched, strings.ReplaceAll(f.Key, "\x00", " ")
	matches := f.Evidence
	if f.Path != nil {
		matches = f.Path
	}
	last := &matches[len(matches)-1]
	a.Host, a.Roles = last.Host, nil
	if h := st.table.Named(last.Host); h != nil {
		a.Roles = h.Roles
	}
	direction := event.Inbound
	remote := last.Edge.Source
	if last.Host == last.Edge.SourceHost {
		direction, remote = event.Outbound, last.Edge.Destination
	}
	a.Connection = event.AlertConnection{
		ID: last.Connection, Direction: direction, Source: last.Edge.Source, Destination: last.Edge.Destination, Port: last.Edge.Port,
		State: last.State, OpenedAfter: last.OpenedAfter, OpenedBefore: last.OpenedBefore,
		AgeMin: event.Seconds(max(0, last.SeenUntil.Sub(last.OpenedBefore))),
	}
	a.Peer = st.peer(remote)
	var edges []incident.Edge
	for i := range matches {
		m := &matches[i]
		a.Evidence = append(a.Evidence, event.Evidence{
			At: m.OpenedBefore, Source: m.Edge.Source, Destination: m.Edge.Destination, Port: m.Edge.Port, State: m.State,
		})
		edges = append(edges, st.edgeOfMatch(m))
	}
	st.raise(a, r, edges)
}

// edgeOfMatch returns a match as an edge of an incident.
func (c *Engine) edgeOfMatch(m *pattern.Match) incident.Edge {
	return incident.Edge{
		Source: m.Edge.Source, Destination: m.Edge.Destination, SourceHost: m.Edge.SourceHost, DestinationHost: m.Edge.DestinationHost,
		SourceExternal: c.isExternal(m.Edge.Source), DestinationExternal: c.isExternal(m.Edge.Destination),
		Port: m.Edge.Port, At: m.OpenedBefore, Attempt: m.State == event.SynSent, ByResponder: m.Host != m.Edge.SourceHost,
	}
}

func (c *Engine) isExternal(a event.Address) bool {
	return c.table.At(a) == nil && !c.isInternal(a)
}

// explain returns what the baseline knows of an edge, as text.
func (c *Engine) explain(e *incident.Edge) string {
	end := func(host string, a event.Address, external bool) baseline.End {
		if h := c.table.Named(host); h != nil {
			return baseline.End{Host: h.Name, Address: a, Roles: h.Roles}
		}
		return baseline.End{Address: a, External: external}
	}
	return c.baseline.Explain(baseline.Sighting{
		Originator: end(e.SourceHost, e.Source, e.SourceExternal), Responder: end(e.DestinationHost, e.Destination, e.DestinationExternal),
		Port: e.Port, At: e.At,
	})
}

// actor returns the host that acts in an alert: the originator if it is internal,
// whichever end reports it.
func actor(host string, edges []incident.Edge) string {
	if n := len(edges); n > 0 && !edges[n-1].SourceExternal {
		return edges[n-1].SourceHost
	}
	return host
}

// raise adds an alert to the output and to the incidents.
func (c *Engine) raise(a *event.Alert, r *rule.Rule, edges []incident.Edge) {
	c.counts.Fired[r.ID]++
	c.tallies.count(tallyKey{Rule: r.ID}, a.At)
	c.recordFiring(r, a.Host, a.At)
	if !r.Alert {
		c.out.Fed = append(c.out.Fed, a)
		return
	}
	a.Learning = c.baseline.Learning(actor(a.Host, edges), a.At)
	if n := len(edges); n > 0 {
		a.Baseline = c.explain(&edges[n-1])
	}
	score := r.Score
	if a.Learning {
		score = r.ScoreLearning
	}
	a.Incident = c.incidents.Raise(incident.Signal{
		Alert: a.ID, Rule: a.Rule, Title: a.Title, Severity: a.Severity, Score: score, At: a.At, Host: a.Host,
		Edges: edges, Learning: a.Learning,
	})
	c.out.Alerts = append(c.out.Alerts, a)
}
