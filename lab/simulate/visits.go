package simulate

import (
	"net/netip"
	"time"
)

func firstLogin(c *company, r random, at time.Duration) (func(), bool) {
	p, ok := c.anybody(r)
	all := c.where(func(h *host) bool { return !h.kind.desk() && (h.listens(22) || h.listens(3389)) })
	if !ok || len(all) == 0 {
		return nil, false
	}
	h := pick(r, all)
	c.note("first-login", window{at, at + 2*time.Hour}, "somebody logs into a server that others look after", p.desk, h)
	return func() {
		for range r.count(1, 3) {
			c.reach(r, at, p.desk, h, r.around(11*time.Minute, 1.2))
			at += r.wait(20 * time.Minute)
		}
	}, true
}

func onCallLogin(c *company, r random, at time.Duration) (func(), bool) {
	d, _ := c.calendar.local(at)
	at = c.calendar.clock(d, r.between(22, 30))
	p, ok := c.anybody(r)
	all := c.of(webServer, application, database, cache, queue, worker, logServer, compute, mailServer)
	if !ok || len(all) == 0 {
		return nil, false
	}
	set := some(r, all, r.count(1, 4))
	c.note("on-call-login", window{at, at + 2*time.Hour}, "something fails at night, and whoever is on call logs in from home", append(set, p.desk)...)
	home := outsider(r)
	gateways := c.of(vpnGateway)
	lease := netip.AddrFrom4([4]byte{c.pool[0], c.pool[1], c.pool[2], byte(r.count(2, 9))})
	return func() {
		begin := at
		for _, h := range set {
			lasts := r.around(8*time.Minute, 0.9)
			switch bastions := c.of(bastion); {
			case len(bastions) > 0 && bastions[0].exposed && r.chance(0.6):
				c.enter(r, begin, home, bastions[0], 22, terminal(r, lasts+time.Minute))
				c.call(r, begin+r.span(2*time.Second, 20*time.Second), bastions[0], h, h.remoteShell(), terminal(r, lasts))
			case len(gateways) > 0 && !h.down(begin):
				c.enter(r, begin-time.Minute, home, gateways[0], 443, session{lasts: lasts + 5*time.Minute, ends: byOriginator, up: r.amount(2e6, 1), down: r.amount(9e6, 1)})
				c.add(r, begin, lease, h.address(begin), source(r, p.desk.windows), h.remoteShell(), terminal(r, lasts))
			default:
				c.reach(r, begin, p.desk, h, lasts)
			}
			if dbs := c.of(database); len(dbs) > 0 && h.kind != database && r.chance(0.4) {
				db := pick(r, dbs)
				c.call(r, begin+r.span(30*time.Second, 3*time.Minute), h, db, db.service(), session{lasts: r.around(4*time.Minute, 0.9), ends: byOriginator, up: r.amount(5e3, 1), down: r.amount(90e3, 1)})
			}
			begin += r.wait(6 * time.Minute)
		}
	}, true
}

func contractor(c *company, r random, at time.Duration) (func(), bool) {
	var doors []*host
	for _, h := range c.hosts {
		if h.exposed {
			doors = append(doors, h)
		}
	}
	if len(doors) == 0 {
		return nil, false
	}
	door, from := pick(r, doors), outsider(r)
	set := some(r, c.of(application, webServer, database, staging, compute, worker), r.count(1, 4))
	c.note("contractor", window{at, at + 2*day}, "somebody from outside comes in over ssh to work on some servers", append(set, door)...)
	return func() {
		for range r.count(1, 3) {
			for range r.count(1, 5) {
				lasts := r.around(25*time.Minute, 1)
				c.enter(r, at, from, door, 22, terminal(r, lasts+time.Minute))
				for _, h := range some(r, set, r.count(1, 2)) {
					c.call(r, at+r.span(5*time.Second, time.Minute), door, h, h.remoteShell(), terminal(r, lasts-r.span(0, lasts/2)))
				}
				at += r.wait(time.Hour) + lasts
			}
			at += day - r.span(0, 6*time.Hour)
		}
	}, true
}

func travellingAdministrator(c *company, r random, at time.Duration) (func(), bool) {
	p, ok := c.anybody(r)
	bastions := c.of(bastion)
	if !ok || len(bastions) == 0 || !bastions[0].exposed || len(p.favour) == 0 {
		return nil, false
	}
	from := outsider(r)
	c.note("travelling-administrator", window{at, at + day}, "an administrator works from a hotel", p.desk, bastions[0])
	return func() {
		for range r.count(2, 7) {
			h := p.favour[r.rank(len(p.favour))]
			lasts := r.around(9*time.Minute, 1.1)
			c.enter(r, at, from, bastions[0], 22, terminal(r, lasts+20*time.Second))
			if h != bastions[0] {
				c.call(r, at+r.span(time.Second, 15*time.Second), bastions[0], h, h.remoteShell(), terminal(r, lasts))
			}
			at += r.wait(2 * time.Hour)
		}
	}, true
}

func troubleshooting(c *company, r random, at time.Duration) (func(), bool) {
	p, ok := c.anybody(r)
	all := c.linux()
	if !ok || len(all) < 4 {
		return nil, false
	}
	set := some(r, all, r.count(4, min(12, len(all))))
	c.note("troubleshooting", window{at, at + 4*time.Hour}, "people look for a fault on many servers and between them", set...)
	return func() {
		for range r.count(1, 3) {
			t := at
			for _, h := range set {
				lasts := r.around(15*time.Minute, 0.9)
				c.reach(r, t, p.desk, h, lasts)
				if r.chance(0.5) { // can it reach the next?
					next := pick(r, all)
					port := next.service()
					for range r.count(1, 5) {
						c.call(r, t+r.span(20*time.Second, lasts+30*time.Second), h, next, port, c.probe(r, h, next, port))
					}
				}
				if r.chance(0.15) {
					c.call(r, t+r.span(20*time.Second, lasts+30*time.Second), h, pick(r, set), 22, terminal(r, r.around(2*time.Minute, 1)))
				}
				t += r.wait(12 * time.Minute)
			}
			p, _ = c.anybody(r)
		}
	}, true
}

func fileCopy(c *company, r random, at time.Duration) (func(), bool) {
	two := some(r, c.linux(), 2)
	p, ok := c.anybody(r)
	if !ok || len(two) < 2 {
		return nil, false
	}
	c.note("file-copy", window{at, at + 3*time.Hour}, "somebody copies files from one server to another over ssh", two...)
	return func() {
		lasts := r.around(14*time.Minute, 1.2)
		c.reach(r, at, p.desk, two[0], lasts+3*time.Minute)
		c.call(r, at+r.span(20*time.Second, 2*time.Minute), two[0], two[1], 22, session{lasts: lasts, ends: byOriginator, up: r.amount(900e6, 1.5), down: r.amount(300e3, 1)})
	}, true
}

func portCheck(c *company, r random, at time.Duration) (func(), bool) {
	p, ok := c.anybody(r)
	if !ok {
		return nil, false
	}
	from := p.desk
	if l := c.linux(); len(l) > 0 && r.chance(0.5) {
		from = pick(r, l)
	}
	set := some(r, c.hosts, r.count(3, 15))
	ports := some(r, scanned, r.count(1, 3))
	c.note("port-check", window{at, at + time.Hour}, "somebody looks which of some hosts answer on a port", append(set, from)...)
	return func() {
		for _, h := range set {
			for _, port := range ports {
				c.call(r, at, from, h, port, c.probe(r, from, h, port))
				at += r.wait(2 * time.Second)
			}
		}
	}, true
}

func helpdesk(c *company, r random, at time.Duration) (func(), bool) {
	admins := c.admins()
	var desks []*host
	for _, h := range c.of(officeDesk) {
		desks = append(desks, h)
	}
	if len(admins) == 0 || len(desks) == 0 {
		return nil, false
	}
	from, set := pick(r, admins).desk, some(r, desks, r.count(1, 3))
	c.note("helpdesk", window{at, at + 2*time.Hour}, "an administrator helps people at their desks", append(set, from)...)
	return func() {
		for _, h := range set {
			c.call(r, at, from, h, pick(r, []uint16{3389, 5985, 445, 5900}), session{lasts: r.around(12*time.Minute, 1), ends: byOriginator, up: r.amount(900e3, 1), down: r.amount(20e6, 1)})
			at += r.wait(20 * time.Minute)
		}
	}, true
}

func tunnel(c *company, r random, at time.Duration) (func(), bool) {
	people := append(c.developers(), c.admins()...)
	bastions, dbs := c.of(bastion, staging, application), c.of(database, warehouse, search)
	if len(people) == 0 || len(bastions) == 0 || len(dbs) == 0 {
		return nil, false
	}
	p, via, db := pick(r, people), pick(r, bastions), pick(r, dbs)
	c.note("tunnel", window{at, at + 9*time.Hour}, "somebody looks into a database through ssh", p.desk, via, db)
	return func() {
		lasts := r.around(2*time.Hour, 0.8)
		c.call(r, at, p.desk, via, 22, session{lasts: lasts, ends: byOriginator, up: r.amount(900e3, 1), down: r.amount(30e6, 1)})
		for range r.count(1, 5) {
			c.call(r, at+r.span(0, lasts/2), via, db, db.service(), session{lasts: r.span(time.Minute, lasts/2+2*time.Minute), ends: byOriginator, up: r.amount(90e3, 1), down: r.amount(9e6, 1)})
		}
	}, true
}

func forgottenPassword(c *company, r random, at time.Duration) (func(), bool) {
	if len(c.people) == 0 {
		return nil, false
	}
	p := pick(r, c.people)
	if len(p.favour) == 0 {
		return nil, false
	}
	h := pick(r, p.favour)
	c.note("forgotten-password", window{at, at + time.Hour}, "somebody mistypes a password again and again", p.desk, h)
	return func() {
		for range r.count(3, 12) {
			c.call(r, at, p.desk, h, h.remoteShell(), session{lasts: r.around(6*time.Second, 0.7), ends: pick(r, []ending{byResponder, byOriginator}), up: r.amount(1500, 0.2), down: r.amount(2200, 0.2)})
			at += r.wait(25 * time.Second)
		}
	}, true
}

func visitor(c *company, r random, at time.Duration) (func(), bool) {
	files, prints := c.of(fileServer), c.of(printer)
	if len(files) == 0 {
		return nil, false
	}
	c.note("visitor", window{at, at + 8*time.Hour}, "an auditor's laptop, which no inventory has, uses the network", files[0])
	lease := netip.AddrFrom4([4]byte{c.pool[0], c.pool[1], c.pool[2], byte(r.count(251, 254))})
	return func() {
		for range r.count(3, 12) {
			to, port := files[0], uint16(445)
			if len(prints) > 0 && r.chance(0.2) {
				to, port = prints[0], 9100
			}
			t := at + r.span(0, 6*time.Hour)
			if !to.down(t) {
				c.add(r, t, lease, to.address(t), source(r, true), port, session{lasts: r.around(9*time.Minute, 1.2), ends: byOriginator, up: r.amount(90e3, 1), down: r.amount(9e6, 1.5)})
			}
		}
	}, true
}
