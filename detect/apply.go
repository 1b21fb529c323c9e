package detect

import (
	"net/netip"
	"time"

	"headstart/detect/baseline"
	"headstart/detect/incident"
	"headstart/detect/rule"
	"headstart/event"
)

// Apply takes the changes of one snapshot and returns what follows from them.
// storedAt is when the stream stored the message.
//
// The order of the calls matters:
//   - The host table and the clock come first: all else looks up hosts, and
//     compares with the latest time.
//   - The baseline learns before rules are evaluated. Its answers rest on whole
//     days before a connection, so what it learns now changes none of them; and
//     the incidents know the unusual edges when the first alert is raised.
//   - Rules are evaluated on the changes, then again for as long as one fires
//     that another one asks for with fired(…), then patterns follow their edges
//     that are still open.
//   - Durations are learned after the rules: a connection that has just ended is
//     compared with those before it. Whether its host is under suspicion is known
//     now.
//   - What is missing (heartbeats, peer reports) is examined once all that the
//     message shows is taken in.
//   - Expiry and the incidents' revisions come last: a revision holds all that
//     follows from the message.
func (c *Engine) Apply(changes *event.Changes, storedAt time.Time) *Output {
	c.out.reset()
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
	at := changes.StreamTime(changes.ObservedAt)
	if at.After(storedAt.Add(ahead)) {
		// A snapshot can't be of the future: the clock is wrong, whatever offset the
		// host reports. It must not make the engine forget other hosts.
		changes.ClockOffset += storedAt.Sub(at)
		at = changes.StreamTime(changes.ObservedAt)
	}
	if at.After(c.now) {
		c.now = at
	}
	st := c.newStep(changes, h, at)
	st.learn()
	st.evaluateRules()
	st.reportOpenEdges()
	h.remember(changes, st.self)
	st.learnDurations()
	st.checkHeartbeats()
	st.pair()
	c.expire()
	c.patterns.Expire(c.now)
	c.incidents.Advance(c.now)
	for _, i := range c.incidents.Revisions(c.now, c.knowledge()) {
		c.out.Incidents = append(c.out.Incidents, i)
		c.adaptPolling(i)
	}
	return &c.out
}

// evaluateRules raises the alerts of the rules that hold on the changes, and of
// those that hold because another one has fired.
func (st *step) evaluateRules() {
	st.rules.Baseline = st.lookUp
	outcomes, _, forgotten := st.rules.Evaluate(&st.host.Host, st.changes, st.self, st.table.At)
	st.counts.Events += len(st.changes.Connections)
	st.counts.Forgotten += forgotten
	st.fired = false
	for i := range outcomes {
		st.handle(&outcomes[i])
	}
	for range maxChain {
		if !st.fired {
			return
		}
		st.fired = false
		for _, o := range st.rules.Reevaluate(&st.host.Host, st.changes, st.self, st.table.At) {
			st.handle(&o)
		}
	}
}

// reset empties the output, whose slices are used again.
func (o *Output) reset() {
	o.Alerts, o.Fed, o.Incidents = o.Alerts[:0], o.Fed[:0], o.Incidents[:0]
	o.Controls, o.Failures, o.Rejected = o.Controls[:0], o.Failures[:0], false
}

// maxChain is how many rules that depend on one another can fire with one
// message; the next ones fire with the host's next message.
const maxChain = 8

// remember keeps the part of a message that a checkpoint needs.
func (h *host) remember(changes *event.Changes, self *rule.Host) {
	h.last = *changes
	h.last.Connections, h.last.Addresses, h.last.Roles = nil, self.Addresses, self.Roles
}

// ahead is how far a host's time can be ahead of the time at which the stream
// stored its message.
const ahead = time.Minute

// edgeOfConnection returns the edge of a connection of the step's host.
func (st *step) edgeOfConnection(conn *event.Connection, at time.Time) baseline.Sighting {
	own := baseline.End{Host: st.self.Name, Address: conn.Local, Roles: st.self.Roles}
	other := baseline.End{Address: conn.Remote}
	reports := false
	if peer := st.table.At(conn.Remote); peer != nil {
		other.Host, other.Roles, reports = peer.Name, peer.Roles, peer.Reports
	} else {
		other.External = !st.isInternal(conn.Remote)
	}
	s := baseline.Sighting{Originator: own, Responder: other, Port: conn.ServicePort(), At: at}
	if conn.Direction == event.Inbound {
		s.Originator, s.Responder, s.Again = other, own, reports
	}
	return s
}

func (c *Engine) isInternal(a event.Address) bool { return c.set.Internal(a) }

// opened is when a connection was opened at the latest, on the stream's clock.
func (st *step) opened(conn *event.Connection) time.Time {
	return st.changes.StreamTime(conn.OpenedBefore)
}

// betweenHosts reports whether a change is of a connection that leaves the
// host.
func betweenHosts(conn *event.Connection) bool {
	return conn.Direction != 0 && conn.Local != conn.Remote && !conn.Remote.Netip().IsLoopback()
}

// learn adds the connections that began to the baseline, unless they are the
// attacker's, and gives the unusual ones to the incidents.
func (st *step) learn() {
	st.learnPostponed()
	st.baseline.Report(st.self.Name, st.now)
	for i := range st.changes.Connections {
		conn := &st.changes.Connections[i]
		if !betweenHosts(conn) || conn.Kind != event.Opened && conn.Kind != event.Attempted {
			continue
		}
		s := st.edges[i]
		st.baseline.Active(s)
		u := st.baseline.Lookup(s, conn.Direction == event.Outbound)
		if conn.Kind == event.Attempted || st.worthLearning(&s, conn) {
			st.learnLater(s, conn.Kind, u.Known)
		}
		if conn.Kind == event.Opened && !s.Responder.External && (st.set.HasPort("remote_administration", s.Port) || st.set.HasPort("database", s.Port)) {
			e := st.edge(&s, conn, nil)
			e.Rare, e.First = u.PerDay < rareADay, u.Days == 0 && !u.Known && !u.Host.Learning && !u.Peer.Learning
			st.incidents.Login(e)
		}
		if reasons := st.notable(&s, &u); reasons != nil {
			e := st.edge(&s, conn, reasons)
			e.Minor = s.Port >= handedOut
			st.incidents.Note(e)
		}
	}
}

// shortVisit is the longest connection from outside that counts as one of the
// thousands of login attempts from the internet.
const shortVisit = 10 * time.Second

// worthLearning rejects the internet's noise: connections from outside that end
// at once. They would fill the baseline with networks.
func (st *step) worthLearning(s *baseline.Sighting, conn *event.Connection) bool {
	if !s.Originator.External {
		return true
	}
	if !conn.Over() {
		return true
	}
	least, _ := conn.Age(st.changes.ObservedAt)
	return least > shortVisit
}

// handedOut is the first of the ports that are assigned to programs that don't
// choose one (ip_local_port_range in ip-sysctl): remote procedure calls, file
// transfers, clusters.
const handedOut = 32768

// rareADay is the number of connections a day from which an edge belongs to
// programs, not to people.
const rareADay = 4

// notable returns why an edge may be a step of the attacker; nil when it isn't.
func (c *Engine) notable(s *baseline.Sighting, u *rule.Baseline) []string {
	if u.Unusual && !s.Originator.External && !s.Responder.External {
		return []string{"unusual edge"}
	}
	return nil
}

func nameOr(e *baseline.End) string {
	if e.Host != "" {
		return e.Host
	}
	return e.Address.String()
}

// edge is a connection as the incidents see it.
func (st *step) edge(s *baseline.Sighting, conn *event.Connection, reasons []string) incident.Edge {
	source, destination := conn.Ends()
	return incident.Edge{
		Source: source, Destination: destination, SourceHost: nameOr(&s.Originator), DestinationHost: nameOr(&s.Responder),
		SourceExternal: s.Originator.External, DestinationExternal: s.Responder.External,
		Port: s.Port, At: s.At, Attempt: conn.Kind == event.Attempted, ByResponder: conn.Direction == event.Inbound, Reasons: reasons,
	}
}

// learnDurations adds the durations of ended connections to the baseline.
func (st *step) learnDurations() {
	for i := range st.changes.Connections {
		conn := &st.changes.Connections[i]
		if conn.Kind != event.Closed || !betweenHosts(conn) || st.incidents.Suspect(st.self.Name, st.opened(conn)) {
			continue
		}
		least, most := conn.Age(st.changes.ObservedAt)
		st.baseline.Closed(st.edges[i], least, most)
	}
}

// lookUp returns what the baseline knows of a connection, for the rules.
func (st *step) lookUp(conn *event.Connection) rule.Baseline {
	if !betweenHosts(conn) {
		return rule.Baseline{}
	}
	return st.baseline.Lookup(st.edgeOf(st.rules.Change, conn), conn.Direction == event.Outbound)
}

const (
	// silence is the time after which a host without messages is forgotten.
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

// knowledge returns what an incident's description needs.
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
