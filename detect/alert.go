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

// handle takes in a rule that held on a connection: an alert, or a match of a
// pattern.
func (c *Engine) handle(f *firing.Outcome, at time.Time) {
	switch {
	case f.Err != nil:
		c.out.Failures = append(c.out.Failures, Failure{f.Rule.ID, c.self.Name, f.Err})
		return
	case f.Suppressed != nil:
		c.suppress(f.Rule, f.Suppressed, at)
		return
	case f.Rule.IsPattern():
		if f.Rule.Path != nil && f.Connection.Kind == event.Opened && !f.Connection.Over() && len(c.host.openEdges) < maxOpenEdges {
			c.host.openEdges[f.Connection.ID] = true
		}
		c.raisePatterns(c.patterns.Feed(c.match(f, at)), at)
		return
	}
	conn := c.inStreamTime(&f.Connection)
	a := c.newAlert(f.Rule, event.AlertID(f.Rule.ID, conn.ID), at)
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
		a.Peer = c.peer(conn.Remote)
	}
	var edges []incident.Edge
	if betweenHosts(conn) {
		s := c.edgeOfConnection(conn, conn.OpenedBefore)
		edges = []incident.Edge{c.edge(&s, conn, nil)}
	}
	c.raise(a, f.Rule, edges)
}

func (c *Engine) newAlert(r *rule.Rule, id string, at time.Time) *event.Alert {
	return &event.Alert{
		ID: id, Rule: r.ID, Rules: c.set.Short(), Severity: r.Severity, Title: r.Title, Description: r.Description, Guide: r.Guide, Attack: r.Attack,
		At: at, Host: c.self.Name, Roles: c.self.Roles, Snapshot: c.changes.SnapshotID().String(),
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
func (c *Engine) inStreamTime(conn *event.Connection) *event.Connection {
	if c.changes.StreamTime(c.changes.ObservedAt).Equal(c.changes.ObservedAt) {
		return conn
	}
	moved := *conn
	for _, t := range []*time.Time{&moved.OpenedAfter, &moved.OpenedBefore, &moved.SeenUntil, &moved.ClosedAfter, &moved.ClosedBefore} {
		*t = c.changes.StreamTime(*t)
	}
	return &moved
}

// match is a finding as a pattern sees it.
func (c *Engine) match(f *firing.Outcome, at time.Time) pattern.Match {
	conn := c.inStreamTime(&f.Connection)
	s := c.edgeOfConnection(conn, conn.OpenedBefore)
	m := pattern.Match{
		Rule: f.Rule.ID, Part: f.Part, By: f.By, Of: f.Of, Sum: f.Sum, Baseline: f.Baseline,
		Connection: conn.ID, Host: c.self.Name, At: at, State: conn.State,
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

func (c *Engine) raisePatterns(fired []pattern.Fired, at time.Time) {
	for i := range fired {
		c.raisePattern(&fired[i], at)
	}
}

// raisePattern raises the alert of a pattern that is complete.
func (c *Engine) raisePattern(f *pattern.Fired, at time.Time) {
	r := c.set.Rule(f.Rule)
	if r == nil || len(f.Evidence) == 0 {
		return
	}
	a := c.newAlert(r, f.ID, at)
	a.Matched, a.Key = f.Matched, strings.ReplaceAll(f.Key, "\x00", " ")
	matches := f.Evidence
	if f.Path != nil {
		matches = f.Path
	}
	last := &matches[len(matches)-1]
	a.Host, a.Roles = last.Host, nil
	if h := c.table.Named(last.Host); h != nil {
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
	a.Peer = c.peer(remote)
	var edges []incident.Edge
	for i := range matches {
		m := &matches[i]
		a.Evidence = append(a.Evidence, event.Evidence{
			At: m.OpenedBefore, Source: m.Edge.Source, Destination: m.Edge.Destination, Port: m.Edge.Port, State: m.State,
		})
		edges = append(edges, c.edgeOf(m))
	}
	c.raise(a, r, edges)
}

// edgeOf is a match as the incidents see it.
func (c *Engine) edgeOf(m *pattern.Match) incident.Edge {
	return incident.Edge{
		Source: m.Edge.Source, Destination: m.Edge.Destination, SourceHost: m.Edge.SourceHost, DestinationHost: m.Edge.DestinationHost,
		SourceExternal: c.isExternal(m.Edge.Source), DestinationExternal: c.isExternal(m.Edge.Destination),
		Port: m.Edge.Port, At: m.OpenedBefore, Attempt: m.State == event.SynSent, ByResponder: m.Host != m.Edge.SourceHost,
	}
}

func (c *Engine) isExternal(a event.Address) bool {
	return c.table.At(a) == nil && !c.isInternal(a)
}

// explain says what the baseline knows of an edge.
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

// actor is the host whose doing an alert is about: whichever end reports it, the
// originator, if it is one of ours.
func actor(host string, edges []incident.Edge) string {
	if n := len(edges); n > 0 && !edges[n-1].SourceExternal {
		return edges[n-1].SourceHost
	}
	return host
}

// raise hands an alert out and to the incidents.
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
