package simulate

import (
	"net/netip"
	"time"
)

const (
	ms      = time.Millisecond
	seconds = time.Second
	minutes = time.Minute
	hours   = time.Hour
	day     = 24 * hours
)

// traffic writes a company's connections, drawing on one source of randomness.
type traffic struct {
	*company
	random
	mark *mark // of an attacker's step
}

func (c *company) traffic(activity string) traffic {
	return traffic{company: c, random: newRandom(c.options.Seed, activity)}
}

// edge is a connection between two hosts, on a port of the second.
type edge struct {
	from, to *host
	port     uint16
}

// inbound is a connection from an address outside.
type inbound struct {
	from netip.Addr
	to   *host
	port uint16
}

// outbound is a connection to an address outside.
type outbound struct {
	from *host
	to   netip.Addr
	port uint16
}

// call connects two hosts, if the first is up. The outcome depends on the
// second: an outage answers nothing, a closed port refuses, and a failure of
// either host breaks its connections.
func (t traffic) call(at time.Duration, e edge, k shape) {
	s := k.draw(t.random)
	from, to := e.from, e.to
	if from == to || from.down(at) || at < to.life.from || !to.alive(at) && t.chance(0.8) {
		return // a server that is gone gets fewer and fewer requests
	}
	switch {
	case to.down(at):
		s = unanswered(t.random)
	case to.shut(e.port, at):
		s = session{ends: refused, lasts: t.span(100*time.Microsecond, 2*ms)}
	case s.established():
		until := min(to.cut(e.port, at), from.cut(0, at))
		if at+s.lasts > until {
			s.lasts, s.ends = until-at, abortedByPeer
		} else if t.chance(0.002 * t.ways.sloppy) {
			s.ends = pick(t, []ending{abortedByOrigin, abortedByPeer, abortedByOrigin, halfClosed})
		}
	}
	a, b := addresses(at, e)
	t.add(at, row{a, b, source(t.random, from.windows), e.port}, s)
}

// addresses are the two ends of a connection between hosts: IPv6 for some pairs
// and ports, where both have it.
func addresses(at time.Duration, e edge) (a, b netip.Addr) {
	if e.from.six.IsValid() && e.to.six.IsValid() && (e.from.letters+e.to.letters+int(e.port))%3 == 0 {
		return e.from.six, e.to.six
	}
	return e.from.address(at), e.to.address(at)
}

// enter connects an address outside with a host.
func (t traffic) enter(at time.Duration, e inbound, k shape) {
	s := k.draw(t.random)
	if e.to.down(at) {
		s = unanswered(t.random)
	} else if until := e.to.cut(e.port, at); s.established() && at+s.lasts > until {
		s.lasts, s.ends = until-at, abortedByPeer
	}
	from, to := e.from, e.to.address(at)
	if e.to.six.IsValid() && e.port == 443 && t.mark == nil && t.chance(0.15) {
		from, to = sixth(from), e.to.six
	}
	t.add(at, row{from, to, source(t.random, t.chance(0.4)), e.port}, s)
}

// sixth is the IPv6 address of a client outside.
func sixth(a netip.Addr) netip.Addr {
	b := a.As4()
	return netip.AddrFrom16([16]byte{0x2a, 0x02, b[0], b[1], b[2], b[3], 0, 1, b[3], b[2], 0, 0, 0, b[1], b[0], 1})
}

// leave connects a host with an address outside.
func (t traffic) leave(at time.Duration, e outbound, k shape) {
	s := k.draw(t.random)
	if e.from.down(at) {
		return
	}
	if until := e.from.cut(0, at); s.established() && at+s.lasts > until {
		s.lasts, s.ends = until-at, abortedByOrigin
	}
	t.add(at, row{e.from.address(at), e.to, source(t.random, e.from.windows), e.port}, s)
}

// row is the addresses and ports of a connection.
type row struct {
	source, destination netip.Addr
	sourcePort, port    uint16
}

// add writes a connection, if it begins within the log, and cuts it where the
// log ends.
func (t traffic) add(at time.Duration, ends row, k shape) {
	s := k.draw(t.random)
	if !t.calendar.within(at) {
		return
	}
	s.lasts = max(0, s.lasts)
	if s.ends == silent {
		if s.syns == 0 {
			s.syns = uint8(t.count(1, 6))
		}
		s.lasts, s.up, s.down = retransmission(s.syns-1)+time.Duration(t.IntN(5e6)), 0, 0
	}
	if s.ends == refused {
		s.up, s.down = 0, 0
	}
	if left := t.calendar.end - at; s.lasts >= left && s.ends != silent {
		s.lasts, s.ends = left, stillOpen
	}
	t.rows = append(t.rows, connection{at: at, row: ends, session: s, mark: t.mark})
}

// datagram writes an exchange over UDP.
func (t traffic) datagram(at time.Duration, from, to netip.Addr, port uint16, k talk) {
	s := k.draw(t.random)
	if !t.calendar.within(at) || at+s.lasts >= t.calendar.end {
		return
	}
	s.ends = answeredOnly
	sourcePort := source(t.random, t.chance(0.5))
	if port == 123 {
		sourcePort = 123
	}
	t.rows = append(t.rows, connection{at: at, row: row{from, to, sourcePort, port}, session: s, udp: true})
}

// source is a port that a system chooses for a connection it begins.
func source(r random, windows bool) uint16 {
	if windows {
		return uint16(r.count(49152, 65535))
	}
	return uint16(r.count(32768, 60999))
}
