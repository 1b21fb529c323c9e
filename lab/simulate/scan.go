package simulate

import "time"

// sweep looks for vulnerabilities, on a day of the week, on every host.
func sweep(t traffic, _ [][]*host) {
	for _, s := range t.of(scanner) {
		first, last := t.calendar.days()
		for d := first; d <= last; d++ {
			if int(t.calendar.weekday(d)) != t.ways.scanDay && t.ways.scanEvery > 1 || t.ways.scanEvery == 14 && d > 7 {
				continue
			}
			at := t.calendar.clock(d, t.ways.scanHour)
			t.scanAll(s, at, t.hosts)
			if t.calendar.within(at) {
				t.note("vulnerability-scan", window{at, t.calendar.clock(d, t.ways.scanHour+3)}, "the scanner sweeps every host", s)
			}
		}
	}
}

var scanned = []uint16{
	21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 161, 389, 443, 445, 465, 587, 636, 873, 993, 1433, 1521, 2049, 3306, 3389, 5432,
	5900, 5985, 6379, 8080, 8443, 9100, 9200, 11211, 27017,
}

func (t traffic) scanAll(s *host, at time.Duration, targets []*host) {
	ports := some(t, scanned, t.count(12, 30))
	credentials := t.chance(0.6)
	pace := t.span(50*ms, 500*ms)
	for _, h := range targets {
		if h.kind.desk() && t.chance(0.5) {
			continue
		}
		next := at
		for _, p := range ports {
			next += t.wait(pace)
			t.call(next, edge{s, h, p}, t.probe(edge{s, h, p}))
		}
		if credentials && !h.kind.appliance() {
			t.repeat(2, 6, func() {
				next += t.wait(20 * seconds)
				if e := (edge{s, h, h.adminPort()}); h.listens(e.port) {
					t.call(next, e, talk{20 * seconds, 0.8, "o", 9e3, 0.8, 30e3, 1})
				}
			})
		}
		at += t.wait(2 * minutes)
	}
}

// probing is a talk in which the server greets, or not.
type probing struct {
	talk
	greetings []int64 // bytes, one of them
}

func (k probing) draw(r random) session {
	s := k.talk.draw(r)
	s.down = pick(r, k.greetings)
	return s
}

// probe is the outcome of a test whether a port is open.
func (t traffic) probe(e edge) session {
	switch {
	case t.filtered(e):
		return session{ends: silent, syns: uint8(t.count(1, 3))}
	case e.to.listens(e.port):
		return probing{talk{30 * ms, 1, "OOo", 0, 0, 0, 0}, []int64{0, 0, 60, 400}}.draw(t.random)
	case e.to.windows || e.to.zone == dmz && t.ways.segmented:
		return session{ends: silent, syns: uint8(t.count(1, 3))}
	}
	return session{ends: refused, lasts: t.span(60*time.Microsecond, 900*time.Microsecond)}
}

// filtered reports whether a firewall drops a connection. What the management
// zone sends passes.
func (c *company) filtered(e edge) bool {
	from, to := e.from, e.to
	if !c.ways.segmented || from.zone == management || from.zone == to.zone {
		return false
	}
	switch {
	case from.kind == adminDesk:
		return false
	case from.zone == dmz:
		return to.zone != servers && !(to.zone == data && c.ways.webDirect && e.port == to.service())
	case from.zone == offices:
		return to.zone == data || to.zone == management && e.port != 53
	}
	return false
}
