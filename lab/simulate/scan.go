package simulate

import "time"

// sweep looks for holes, on a day of the week, on every host.
func (c *company) sweep(r random) {
	for _, s := range c.of(scanner) {
		first, last := c.calendar.days()
		for d := first; d <= last; d++ {
			if int(c.calendar.weekday(d)) != c.ways.scanDay && c.ways.scanEvery > 1 || c.ways.scanEvery == 14 && d > 7 {
				continue
			}
			c.scanAll(r, s, c.calendar.clock(d, c.ways.scanHour), c.hosts)
			if c.calendar.within(c.calendar.clock(d, c.ways.scanHour)) {
				c.note("vulnerability-scan", window{c.calendar.clock(d, c.ways.scanHour), c.calendar.clock(d, c.ways.scanHour+3)}, "the scanner sweeps every host", s)
			}
		}
	}
}

var scanned = []uint16{21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 161, 389, 443, 445, 465, 587, 636, 873, 993, 1433, 1521, 2049, 3306, 3389, 5432, 5900, 5985, 6379, 8080, 8443, 9100, 9200, 11211, 27017}

func (c *company) scanAll(r random, s *host, at time.Duration, targets []*host) {
	ports := some(r, scanned, r.count(12, 30))
	credentials := r.chance(0.6)
	pace := r.span(50*time.Millisecond, 500*time.Millisecond)
	for _, h := range targets {
		if h.kind.desk() && r.chance(0.5) {
			continue
		}
		t := at
		for _, p := range ports {
			t += r.wait(pace)
			c.call(r, t, s, h, p, c.probe(r, s, h, p))
		}
		if credentials && !h.kind.appliance() {
			for range r.count(2, 6) {
				t += r.wait(20 * time.Second)
				port := uint16(22)
				if h.windows {
					port = 445
				}
				if h.listens(port) {
					c.call(r, t, s, h, port, session{lasts: r.around(20*time.Second, 0.8), ends: byOriginator, up: r.amount(9e3, 0.8), down: r.amount(30e3, 1)})
				}
			}
		}
		at += r.wait(2 * time.Minute)
	}
}

// probe is what comes of looking whether a port is open.
func (c *company) probe(r random, from, to *host, port uint16) session {
	switch {
	case c.filtered(from, to, port):
		return session{ends: silent, syns: uint8(r.count(1, 3))}
	case to.listens(port):
		return session{lasts: r.around(30*time.Millisecond, 1), ends: pick(r, []ending{abortedByOrigin, abortedByOrigin, byOriginator}), down: pick(r, []int64{0, 0, 60, 400})}
	case to.windows || to.zone == dmz && c.ways.segmented:
		return session{ends: silent, syns: uint8(r.count(1, 3))}
	}
	return session{ends: refused, lasts: r.span(60*time.Microsecond, 900*time.Microsecond)}
}

// filtered says whether a firewall drops what one host sends to a port of
// another. What the management zone sends passes.
func (c *company) filtered(from, to *host, port uint16) bool {
	if !c.ways.segmented || from.zone == management || from.zone == to.zone {
		return false
	}
	switch {
	case from.kind == adminDesk:
		return false
	case from.zone == dmz:
		return to.zone != servers && !(to.zone == data && c.ways.webDirect && port == to.service())
	case from.zone == offices:
		return to.zone == data || to.zone == management && port != 53
	}
	return false
}
