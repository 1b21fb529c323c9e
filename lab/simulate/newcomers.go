package simulate

import (
	"net/netip"
	"time"
)

// grown are kinds of hosts that come and go.
func (c *company) grown() []*host {
	return c.where(func(h *host) bool {
		switch h.kind {
		case webServer, application, worker, staging, compute, cache, search, loadBalancer:
			return h.life.from < 0 && h.life.to > c.calendar.end && len(c.of(h.kind)) > 2
		}
		return false
	})
}

func newServer(c *company, r random, at time.Duration) (func(), bool) {
	p, ok := c.anybody(r)
	grown := c.grown()
	if !ok || len(grown) == 0 {
		return nil, false
	}
	h := pick(r, grown)
	h.life.from = at
	c.note("new-server", window{at, at + 8*time.Hour}, "a server is set up, deployed to and put to use", h)
	return func() {
		for range r.count(1, 5) { // set up by hand
			c.reach(r, at+r.span(2*time.Minute, 90*time.Minute), p.desk, h, r.around(9*time.Minute, 1))
		}
		for _, m := range c.of(configManager) {
			for range r.count(2, 6) {
				c.call(r, at+r.span(20*time.Minute, 2*time.Hour), m, h, 22, session{lasts: r.around(90*time.Second, 0.8), ends: byOriginator, up: r.amount(300e3, 1), down: r.amount(80e3, 1)})
			}
		}
		mirror := outsider(r)
		for range r.count(5, 40) {
			c.leave(r, at+r.span(5*time.Minute, 2*time.Hour), h, mirror, 443, session{lasts: r.around(4*time.Second, 1), ends: byOriginator, up: r.amount(3e3, 1), down: r.amount(9e6, 1.5)})
		}
		if peers := c.of(h.kind); len(peers) > 1 && r.chance(0.3) { // its data come from a sister
			c.call(r, at+r.span(30*time.Minute, 3*time.Hour), h, peers[0], 22, session{lasts: r.around(15*time.Minute, 1), ends: byOriginator, up: 90e3, down: r.amount(2e9, 1)})
		}
	}, true
}

func replacedServer(c *company, r random, at time.Duration) (func(), bool) {
	grown := c.grown()
	if len(grown) == 0 {
		return nil, false
	}
	h := pick(r, grown)
	away := r.span(2*time.Minute, 40*time.Minute)
	h.shutDown(0, window{at, at + away})
	h.spells = append(h.spells, spell{from: at + away, address: c.freshAddress(h), known: true})
	c.note("replaced-server", window{at, at + away + 2*time.Hour}, "a server is installed anew and gets another address", h)
	return func() {
		for _, m := range c.of(configManager) {
			c.call(r, at+away+r.span(time.Minute, time.Hour), m, h, 22, session{lasts: r.around(3*time.Minute, 0.8), ends: byOriginator, up: r.amount(300e3, 1), down: r.amount(80e3, 1)})
		}
		if p, ok := c.anybody(r); ok {
			c.reach(r, at+away+r.span(time.Minute, 30*time.Minute), p.desk, h, r.around(12*time.Minute, 1))
		}
	}, true
}

// freshAddress is one near the host's that nobody has.
func (c *company) freshAddress(h *host) netip.Addr {
	taken := map[netip.Addr]bool{}
	for _, other := range c.hosts {
		for _, s := range other.spells {
			taken[s.address] = true
		}
	}
	a := h.spells[0].address.As4()
	for a[3] = 230; taken[netip.AddrFrom4(a)]; a[3]++ {
		if a[3] == 254 {
			a[2], a[3] = a[2]+1, 210
		}
	}
	return netip.AddrFrom4(a)
}

func newAddress(c *company, r random, at time.Duration) (func(), bool) {
	if len(c.people) == 0 {
		return nil, false
	}
	p := pick(r, c.people)
	known := r.chance(0.5)
	last := p.desk.spells[len(p.desk.spells)-1]
	if last.from > at {
		return nil, false
	}
	p.desk.spells = append(p.desk.spells, spell{from: at, address: c.freshAddress(p.desk), known: known})
	c.note("new-address", window{at, at + time.Hour}, "a desk's machine gets another address", p.desk)
	return nil, true
}

func decommissioned(c *company, r random, at time.Duration) (func(), bool) {
	grown := c.grown()
	if len(grown) == 0 {
		return nil, false
	}
	h := pick(r, grown)
	h.life.to = at
	c.note("decommissioned", window{at, c.calendar.end}, "a server is switched off; some go on asking for it", h)
	return nil, true
}

func newDeveloper(c *company, r random, at time.Duration) (func(), bool) {
	developers := c.developers()
	if len(developers) < 2 {
		return nil, false
	}
	p := pick(r, developers)
	if p.desk.life.from >= 0 {
		return nil, false
	}
	p.desk.life.from = at
	c.note("new-developer", window{at, at + day}, "somebody begins to work here", p.desk)
	return func() {
		for _, h := range some(r, c.of(codeServer, staging, buildServer, bastion, application, compute), r.count(2, 6)) {
			c.reach(r, at+r.span(10*time.Minute, 6*time.Hour), p.desk, h, r.around(6*time.Minute, 1))
		}
	}, true
}

func newJob(c *company, r random, at time.Duration) (func(), bool) {
	from, to := c.of(application, worker, warehouse, monitoring, staging), c.of(database, fileServer, warehouse, search)
	if len(from) == 0 || len(to) == 0 {
		return nil, false
	}
	a, b := pick(r, from), pick(r, to)
	if a == b {
		return nil, false
	}
	d, _ := c.calendar.local(at)
	at = c.calendar.clock(d, r.between(0, 24))
	every := pick(r, []time.Duration{7 * day, 7 * day, day, 6 * time.Hour})
	port := b.service()
	c.note("new-job", window{at, c.calendar.end}, "a job runs for the first time, and from then on regularly", a, b)
	return func() {
		length := r.around(12*time.Minute, 1.2)
		for t := at; t < c.calendar.end; t += every {
			for range r.count(1, 3) {
				c.call(r, t+r.span(0, time.Minute), a, b, port, session{lasts: r.around(length, 0.3), ends: byOriginator, up: r.amount(90e3, 1), down: r.amount(90e6, 1.5)})
			}
		}
	}, true
}

func newAgent(c *company, r random, at time.Duration) (func(), bool) {
	hubs := c.of(monitoring, logServer, configManager, scanner, backupServer)
	if len(hubs) == 0 {
		return nil, false
	}
	hub, port := pick(r, hubs), pick(r, []uint16{1514, 8443, 4506, 9094, 6060, 55000})
	c.note("new-agent", window{at, c.calendar.end}, "every server gets another agent, which reports to one host", hub)
	return func() {
		t := at
		for _, h := range c.linux() {
			c.persistent(r, h, hub, port, keep{during: window{t, c.calendar.end}, life: 12 * time.Hour, up: 200, down: 30})
			t += r.wait(40 * time.Second)
		}
	}, true
}

func newCloudService(c *company, r random, at time.Duration) (func(), bool) {
	all := c.linux()
	if len(all) == 0 {
		return nil, false
	}
	set := some(r, all, r.count(1, 6))
	c.note("new-cloud-service", window{at, c.calendar.end}, "servers begin to talk to a service in the cloud", set...)
	return func() {
		service := newCrowd(r, 4).regulars
		every := r.span(time.Minute, time.Hour)
		for _, h := range set {
			for t := at + r.span(0, every); t < c.calendar.end; t += r.wait(every) + 30*time.Second {
				c.leave(r, t, h, pick(r, service), 443, session{lasts: r.around(3*time.Second, 1.3), ends: byOriginator, up: r.amount(3e3, 1), down: r.amount(3e3, 1)})
			}
		}
	}, true
}
