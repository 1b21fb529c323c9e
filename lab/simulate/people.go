package simulate

import (
	"net/netip"
	"slices"
	"time"
)

// logins is people at work on servers.
func (c *company) logins() {
	r := newRandom(c.options.Seed, "logins")
	for _, p := range c.people {
		switch p.desk.kind {
		case adminDesk:
			c.administer(r, p, r.between(2, 9))
		case developerDesk:
			c.administer(r, p, r.between(0.3, 4))
			c.query(r, p)
		}
	}
	c.devices(r)
}

// administer is a person's sessions on servers, on each day at work.
func (c *company) administer(r random, p *person, daily float64) {
	if len(p.favour) == 0 {
		return
	}
	shells := func(h *host) bool { return !h.kind.desk() && (h.listens(22) || h.listens(3389)) }
	all := c.where(shells)
	for _, w := range p.shifts {
		for range r.poisson(daily) {
			to := p.favour[r.rank(len(p.favour))]
			if r.chance(0.015*c.ways.busy) && p.desk.kind == adminDesk {
				to = pick(r, all) // something that others look after
			}
			at := w.moment(r)
			if !slices.Contains(p.favour, to) && at > c.calendar.learn {
				c.note("first-login", window{at, at + time.Hour}, "somebody logs into a server that others look after", p.desk, to)
			}
			lasts := r.around(7*time.Minute, 1.4)
			if r.chance(0.04) {
				lasts = r.span(2*time.Hour, 30*time.Hour) // left open
			}
			c.login(r, at, p, to, lasts)
		}
		if p.desk.kind == adminDesk && r.chance(0.06) { // the same command on many
			at, many := w.moment(r), some(r, c.linux(), r.count(5, 30))
			for _, h := range many {
				c.login(r, at, p, h, r.around(2*time.Second, 0.7))
				at += r.wait(3 * time.Second)
			}
			if at > c.calendar.learn {
				c.note("command-on-many", window{at - 5*time.Minute, at}, "an administrator runs one command on many servers", append(many, p.desk)...)
			}
		}
	}
}

// login takes a person onto a server, by the way that the company takes.
func (c *company) login(r random, at time.Duration, p *person, to *host, lasts time.Duration) {
	c.reach(r, at, p.desk, to, lasts)
}

// reach is a session from a desk on a server: straight or through a bastion.
func (c *company) reach(r random, at time.Duration, desk, to *host, lasts time.Duration) {
	s := terminal(r, lasts)
	if to.windows {
		port := uint16(3389)
		if r.chance(0.15) && to.listens(5985) {
			port = 5985
			s.lasts = min(lasts, r.around(40*time.Second, 1))
		} else {
			s.up, s.down = s.up*10, s.down*300
		}
		c.call(r, at, desk, to, port, s)
		return
	}
	bastions := c.of(bastion)
	if !c.ways.viaBastion || len(bastions) == 0 || to.kind == bastion {
		c.call(r, at, desk, to, 22, s)
		return
	}
	via := bastions[0]
	if r.chance(0.2) {
		via = pick(r, bastions)
	}
	outer := s
	outer.lasts += r.span(2*time.Second, 90*time.Second)
	c.call(r, at, desk, via, 22, outer)
	c.call(r, at+r.span(300*time.Millisecond, 20*time.Second), via, to, 22, s)
	if r.chance(0.04) { // and on from there, to fetch a file
		if next := pick(r, c.linux()); next.zone == to.zone || next.kind == backupServer {
			c.call(r, at+r.span(20*time.Second, 20*time.Second+lasts), to, next, 22, terminal(r, r.around(time.Minute, 1)))
		}
	}
}

// terminal is a shell of that length.
func terminal(r random, lasts time.Duration) session {
	return session{lasts: lasts, ends: pick(r, []ending{byOriginator, byOriginator, byOriginator, byOriginator, byOriginator, byOriginator, byOriginator, byResponder, byResponder, abortedByOrigin}), up: r.amount(4000+6*lasts.Seconds(), 0.8), down: r.amount(6000+40*lasts.Seconds(), 0.9)}
}

// query is a developer's or an analyst's client on a database.
func (c *company) query(r random, p *person) {
	dbs := c.of(database, warehouse)
	if len(dbs) == 0 || r.chance(0.6) {
		return
	}
	mine := some(r, dbs, r.count(1, 2))
	for _, w := range p.shifts {
		for range r.poisson(1.2) {
			to := pick(r, mine)
			c.call(r, w.moment(r), p.desk, to, to.service(), session{lasts: r.around(35*time.Minute, 1.2), ends: pick(r, []ending{byOriginator, byResponder}), up: r.amount(30e3, 1), down: r.amount(2e6, 1.6)})
		}
	}
}

// devices is what appliances do, and what is done to them.
func (c *company) devices(r random) {
	managers := c.of(configManager, monitoring, backupServer)
	if len(managers) > 0 { // their settings are saved every night
		m, hour := pick(r, managers), r.between(0, 6)
		first, last := c.calendar.days()
		for _, h := range c.of(network) {
			for d := first; d <= last; d++ {
				c.call(r, c.calendar.clock(d, hour)+r.span(0, 10*time.Minute), m, h, 22, session{lasts: r.around(15*time.Second, 0.5), ends: byOriginator, up: 4000, down: r.amount(60e3, 0.3)})
			}
		}
	}
	vendor := netip.Addr(outsider(r))
	for _, h := range c.of(camera, printer) {
		if r.chance(0.6) {
			for at := r.wait(3 * time.Hour); at < c.calendar.end; at += r.wait(6 * time.Hour) {
				c.leave(r, at, h, vendor, 443, session{lasts: r.around(4*time.Minute, 1), ends: byResponder, up: r.amount(9000, 1), down: r.amount(9000, 1)})
			}
		}
	}
	for _, h := range c.of(printer) { // scans paper into a share
		if files := c.of(fileServer); len(files) > 0 && r.chance(0.7) {
			c.calendar.spread(r, rate{5, office, 0.02}, func(at time.Duration) {
				c.call(r, at, h, files[0], 445, session{lasts: r.around(5*time.Second, 0.7), ends: byOriginator, up: r.amount(900e3, 1), down: 9000})
			})
		}
	}
}
