package simulate

import (
	"net/netip"
	"time"
)

// reference is the incident that headstart's design starts from, to the second,
// on a day after the learning time. 14:30:00 is local time.
func (i *intruder) reference() {
	c, r := i.c, i.r
	i.entry = "ssh-password"
	web, db, files, dc := i.cast()
	d, _ := c.calendar.local(i.at)
	at := func(hour, minute, second int) time.Duration {
		return c.calendar.clock(d, 0) + time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	}
	if at(14, 30, 0) < c.calendar.learn {
		d++
	}
	i.do("entry", true, func() {
		c.enter(r, at(14, 30, 0), i.from, web, 22, session{lasts: 2*time.Hour + 51*time.Minute, ends: byOriginator, up: 90e3, down: 700e3})
	})
	i.do("move", true, func() {
		c.call(r, at(14, 30, 23), web, db, db.service(), session{lasts: 847 * time.Second, ends: byOriginator, up: 40e3, down: 90e6})
	})
	t := at(15, 15, 41)
	subnet := files.address(t).As4()
	for n := range 60 {
		subnet[3] = byte(n + 1)
		to := netip.AddrFrom4(subnet)
		h := c.byAddress()[to]
		i.do("scan", h != nil && h.listens(445), func() {
			if h == nil {
				c.add(r, t, web.address(t), to, source(r, false), 445, session{ends: silent, syns: 2})
			} else {
				c.call(r, t, web, h, 445, c.probe(r, web, h, 445))
			}
		})
		t += r.span(200*time.Millisecond, 1500*time.Millisecond)
	}
	i.do("move", true, func() {
		c.call(r, at(15, 47, 12), web, files, 445, session{lasts: 31 * time.Minute, ends: byOriginator, up: 9e6, down: 1.1e9})
	})
	from := files
	if r.chance(0.5) {
		from = web
	}
	i.do("goal", true, func() {
		c.call(r, at(16, 22, 8), from, dc, 3389, session{lasts: 58 * time.Minute, ends: byOriginator, up: 2e6, down: 60e6})
	})
	t = at(16, 31, 0)
	var four []*host
	for _, h := range some(r, c.where(func(h *host) bool {
		return !h.kind.appliance() && h != web && h != db && h != files && h != dc && !h.down(t) && (h.listens(22) || h.listens(445))
	}), 4) {
		four = append(four, h)
	}
	for _, h := range four {
		port := uint16(22)
		if h.windows {
			port = 445
		}
		i.do("move", true, func() {
			c.call(r, t, dc, h, port, session{lasts: r.span(4*time.Minute, 25*time.Minute), ends: byOriginator, up: r.amount(900e3, 1), down: r.amount(9e6, 1)})
		})
		t += r.span(5*time.Minute, 13*time.Minute)
	}
	i.do("exfil", true, func() {
		c.leave(r, at(17, 2, 37), web, i.control, 443, session{lasts: 19 * time.Minute, ends: byOriginator, up: 2.3e9, down: 5e6})
	})
}

// cast finds who plays which part.
func (i *intruder) cast() (web, db, files, dc *host) {
	best := func(k kind) *host {
		var found *host
		points := -1
		for _, h := range i.c.of(k) {
			n := 0
			if h.life.from < 0 && h.life.to > i.c.calendar.end && len(h.outages)+len(h.closures) == 0 {
				n += 2 // there on that day for sure
			}
			if h.monitored {
				n++
			}
			if n > points {
				found, points = h, n
			}
		}
		return found
	}
	return best(webServer), best(database), best(fileServer), best(domainController)
}
