package detect

import (
	"net/netip"
	"time"

	"headstart/detect/baseline"
	"headstart/detect/incident"
	"headstart/detect/rule"
	"headstart/event"
)

// Apply takes in what changed with one snapshot. storedAt is the stream's time.
func (c *Engine) Apply(changes *event.Changes, storedAt time.Time) *Output {
	c.out.Alerts, c.out.Incidents, c.out.Controls, c.out.Failures = c.out.Alerts[:0], c.out.Incidents[:0], c.out.Controls[:0], c.out.Failures[:0]
	c.out.Fed, c.out.Rejected = c.out.Fed[:0], false
	h := c.hosts[changes.Host]
	if h == nil {
		if len(c.hosts) >= c.options.MaxHosts {
			c.out.Rejected = true
			return &c.out
		}
		h = &host{openEdges: map[event.ConnectionID]bool{}}
		c.hosts[changes.Host] = h
	}
	if h.Repeated(changes) {
		return &c.out
	}
	h.seen = storedAt
	c.host = h
	at := changes.StreamTime(changes.ObservedAt)
	if at.After(storedAt.Add(ahead)) {
		// Nobody sees what is still to come: the clock is wrong, whatever the
		// host says of it. It must not make others forget.
		changes.ClockOffset += storedAt.Sub(at)
		at = changes.StreamTime(changes.ObservedAt)
	}
	if at.After(c.now) {
		c.now = at
	}
	c.changes = changes
	c.self, _ = c.table.Update(changes)
	c.self.ClockOffset = changes.ClockOffset

	c.learn()
	findings, _, forgotten := c.rules.Evaluate(&h.Host, changes, c.self, c.table.At)
	c.fired = false
	for i := range findings {
		c.handle(&findings[i], at)
	}
	for range maxChain {
		if !c.fired {
			break
		}
		c.fired = false
		for _, f := range c.rules.Reevaluate(&h.Host, changes, c.self, c.table.At) {
			c.handle(&f, at)
		}
	}
	c.reportOpenEdges(at)
	h.remember(changes, c.self)
	c.counts.Events += len(changes.Connections)
	c.counts.Forgotten += forgotten
	c.learnDurations()
	c.checkHeartbeats(at)
	c.pair(at)
	c.expire()
	c.patterns.Expire(c.now)
	c.incidents.Advance(c.now)
	for _, i := range c.incidents.Revisions(c.now, c.knowledge()) {
		c.out.Incidents = append(c.out.Incidents, i)
		c.adaptPolling(i)
	}
	return &c.out
}

// maxChain is how many rules that ask about one another can fire with one
// message; what would follow then comes with the host's next.
const maxChain = 8

// remember keeps of a message what a checkpoint needs.
func (h *host) remember(changes *event.Changes, self *rule.Host) {
	h.last = *changes
	h.last.Connections, h.last.Addresses, h.last.Roles = nil, self.Addresses, self.Roles
}

// ahead is by how much a host's time can be beyond that at which the stream
// stored its message.
const ahead = time.Minute

// edgeOfConnection describes a connection as the baseline and the incidents see it.
func (c *Engine) edgeOfConnection(conn *event.Connection, at time.Time) baseline.Sighting {
	own := baseline.End{Host: c.self.Name, Address: conn.Local, Roles: c.self.Roles}
	other := baseline.End{Address: conn.Remote}
	reports := false
	if peer := c.table.At(conn.Remote); peer != nil {
		other.Host, other.Roles, reports = peer.Name, peer.Roles, peer.Reports
	} else {
		other.External = !c.isInternal(conn.Remote)
	}
	s := baseline.Sighting{Originator: own, Responder: other, Port: conn.ServicePort(), At: at}
	if conn.Direction == event.Inbound {
		s.Originator, s.Responder, s.Again = other, own, reports
	}
	return s
}

func (c *Engine) isInternal(a event.Address) bool { return c.set.Internal(a) }

// opened is when a connection was opened at the latest, on the stream's clock.
func (c *Engine) opened(conn *event.Connection) time.Time {
	return c.changes.StreamTime(conn.OpenedBefore)
}

// betweenHosts reports whether a change is of a connection that leaves the
// host.
func betweenHosts(conn *event.Connection) bool {
	return conn.Direction != 0 && conn.Local != conn.Remote && !conn.Remote.Netip().IsLoopback()
}

// learn teaches the baseline what began, unless it is an intruder's doing, and
// keeps what is unusual for the incidents.
func (c *Engine) learn() {
	c.learnPostponed()
	c.baseline.Report(c.self.Name, c.now)
	for i := range c.changes.Connections {
		conn := &c.changes.Connections[i]
		if !betweenHosts(conn) || conn.Kind != event.Opened && conn.Kind != event.Attempted {
			continue
		}
		s := c.edgeOfConnection(conn, c.opened(conn))
		c.baseline.Active(s)
		u := c.baseline.Lookup(s, conn.Direction == event.Outbound)
		if conn.Kind == event.Attempted || c.worthLearning(&s, conn) {
			c.learnLater(s, conn.Kind, u.Known)
		}
		if conn.Kind == event.Opened && !s.Responder.External && (c.set.HasPort("remote_administration", s.Port) || c.set.HasPort("database", s.Port)) {
			e := c.edge(&s, conn, nil)
			e.Rare, e.First = u.PerDay < rareADay, u.Days == 0 && !u.Known && !u.Host.Learning && !u.Peer.Learning
			c.incidents.Login(e)
		}
		if reasons := c.notable(&s, &u); reasons != nil {
			e := c.edge(&s, conn, reasons)
			e.Minor = s.Port >= handedOut
			c.incidents.Note(e)
		}
	}
}

// shortVisit is up to which length a connection from outside to a port where
// people log in is taken for one of the thousands that only try.
const shortVisit = 10 * time.Second

// worthLearning leaves out the internet's noise: who comes from outside and is
// gone again at once. It would fill the baseline with networks.
func (c *Engine) worthLearning(s *baseline.Sighting, conn *event.Connection) bool {
	if !s.Originator.External {
		return true
	}
	if !conn.Over() {
		return true
	}
	least, _ := conn.Age(c.changes.ObservedAt)
	return least > shortVisit
}

// handedOut is from where on ports are mostly handed out to programs that
// don't ask for one (ip_local_port_range in ip-sysctl): remote procedure calls,
// file transfers, clusters of computers among themselves.
const handedOut = 32768

// rareADay is below how many connections a day an edge is one that people use,
// not programs.
const rareADay = 4

// notable says why an edge may be a step of an intruder; nil when it isn't.
func (c *Engine) notable(s *baseline.Sighting, u *rule.Baseline) []string {
	if s.Originator.External && s.Responder.External || s.Responder.External {
		return nil
	}
	switch {
	case u.Unusual && !s.Originator.External:
		return []string{"unusual edge"}
	default:
		return nil
	}
}

func nameOr(e *baseline.End) string {
	if e.Host != "" {
		return e.Host
	}
	return e.Address.String()
}

// edge is a connection as the incidents see it.
func (c *Engine) edge(s *baseline.Sighting, conn *event.Connection, reasons []string) incident.Edge {
	source, destination := conn.Ends()
	return incident.Edge{
		Source: source, Destination: destination, SourceHost: nameOr(&s.Originator), DestinationHost: nameOr(&s.Responder),
		SourceExternal: s.Originator.External, DestinationExternal: s.Responder.External,
		Port: s.Port, At: s.At, Attempt: conn.Kind == event.Attempted, ByResponder: conn.Direction == event.Inbound, Reasons: reasons,
	}
}

// learnDurations teaches the baseline how long connections lived.
func (c *Engine) learnDurations() {
	for i := range c.changes.Connections {
		conn := &c.changes.Connections[i]
		if conn.Kind != event.Closed || !betweenHosts(conn) || c.incidents.Suspect(c.self.Name, c.opened(conn)) {
			continue
		}
		least, most := conn.Age(c.changes.ObservedAt)
		c.baseline.Closed(c.edgeOfConnection(conn, c.opened(conn)), least, most)
	}
}

// lookUp is what the rules see of the baseline.
func (c *Engine) lookUp(conn *event.Connection) rule.Baseline {
	if !betweenHosts(conn) {
		return rule.Baseline{}
	}
	return c.baseline.Lookup(c.edgeOfConnection(conn, c.opened(conn)), conn.Direction == event.Outbound)
}

const (
	// silence is after how long a host that says nothing is forgotten.
	silence = 30 * 24 * time.Hour
	sweep   = time.Hour
)

func (c *Engine) expire() {
	if c.now.Sub(c.swept) < sweep {
		return
	}
	c.swept = c.now
	for name, h := range c.hosts {
		if c.now.Sub(h.seen) > silence {
			delete(c.hosts, name)
		}
	}
	c.table.Expire(c.now.Add(-silence))
	c.baseline.Expire(c.now)
	c.firings.expire(c.now, c.set)
	c.tallies.expire(c.now)
}

// knowledge is what an incident's description needs.
func (c *Engine) knowledge() incident.Knowledge {
	return incident.Knowledge{
		Host: func(name string) ([]event.Address, []string, bool) {
			if h := c.table.Named(name); h != nil {
				return h.Addresses, h.Roles, h.Reports
			}
			if a, err := netip.ParseAddr(name); err == nil {
				return []event.Address{event.AddressFrom(a)}, nil, false
			}
			return nil, nil, false
		},
		Reached: func(name string, limit int) []event.NextHop {
			var hops []event.NextHop
			for _, r := range c.baseline.Reached(name, c.now, limit) {
				hops = append(hops, event.NextHop{From: name, Host: r.Host, Port: r.Port, Days: r.Days})
			}
			return hops
		},
		Database: func(port uint16) bool { return c.set.HasPort("database", port) },
	}
}
