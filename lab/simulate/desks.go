package simulate

import (
	"net/netip"
	"time"
)

// officeFlows is what people at desks do that isn't bound to one machine's day.
func (c *company) officeFlows(r random, add func(string, float64, curve, func(random, time.Duration))) {
	var desks []*person
	desks = append(desks, c.people...)
	if len(desks) == 0 {
		return
	}
	sites := newCrowd(r, 400)
	add("browsing", 2.5, office, func(r random, at time.Duration) {
		p := pick(r, desks)
		for try := 0; try < 6 && !p.at(at); try++ {
			p = pick(r, desks)
		}
		c.leave(r, at, p.desk, sites.next(r), pick(r, []uint16{443, 443, 443, 443, 443, 80}), session{lasts: r.around(20*time.Second, 1.5), ends: pick(r, []ending{byOriginator, byResponder, abortedByOrigin}), up: r.amount(4e3, 1.2), down: r.amount(60e3, 1.8)})
	})
}

// desks is what each desk's machine does on each day.
func (c *company) desks() {
	r := newRandom(c.options.Seed, "desks")
	files, mails, printers, prints := c.of(fileServer), c.of(mailServer), c.of(printer), c.of(printServer)
	codes, terminals, erp, webs := c.of(codeServer), c.of(terminalServer), c.of(windowsServer), c.of(webServer, loadBalancer)
	for _, p := range c.people {
		share, mailbox, printing, program := some(r, files, r.count(1, 2)), some(r, mails, 1), some(r, printers, 1), some(r, erp, r.count(0, 2))
		for _, w := range p.shifts {
			if p.desk.windows {
				c.logon(r, w.from, p.desk)
				for at := w.from + r.wait(time.Hour); at < w.to; at += r.wait(75*time.Minute) + time.Minute {
					c.ticket(r, at, p.desk)
				}
			}
			if p.desk.kind != developerDesk || p.desk.windows {
				for _, f := range share {
					for at := w.from + r.span(0, 40*time.Minute); at < w.to; {
						s := session{lasts: min(r.around(25*time.Minute, 1.3), w.to-at), ends: pick(r, []ending{byOriginator, byOriginator, abortedByOrigin, byResponder}), up: r.amount(90e3, 1.7), down: r.amount(700e3, 2)}
						c.call(r, at, p.desk, f, 445, s)
						at += s.lasts + r.wait(50*time.Minute)
					}
				}
			}
			for _, m := range mailbox {
				c.persistent(r, p.desk, m, pick(r, []uint16{443, 993}), keep{during: w, life: 2 * time.Hour, up: 60, down: 600})
			}
			if len(printing) > 0 {
				for range r.poisson(1.5) {
					at := w.moment(r)
					if len(prints) > 0 && p.desk.windows {
						c.call(r, at, p.desk, prints[0], 445, session{lasts: r.around(20*time.Second, 1), ends: byOriginator, up: r.amount(400e3, 1.5), down: 9000})
						c.call(r, at+4*time.Second, prints[0], printing[0], 9100, session{lasts: r.around(15*time.Second, 1), ends: byOriginator, up: r.amount(400e3, 1.5), down: 90})
					} else {
						c.call(r, at, p.desk, printing[0], pick(r, []uint16{9100, 631}), session{lasts: r.around(15*time.Second, 1), ends: byOriginator, up: r.amount(400e3, 1.5), down: 90})
					}
				}
			}
			for _, e := range program {
				for range r.poisson(3) {
					c.call(r, w.moment(r), p.desk, e, 445, session{lasts: r.around(4*time.Minute, 1.2), ends: byOriginator, up: r.amount(40e3, 1), down: r.amount(300e3, 1)})
				}
			}
			if len(terminals) > 0 && p.desk.kind == officeDesk && r.chance(0.4) {
				c.call(r, w.from+r.span(0, time.Hour), p.desk, pick(r, terminals), 3389, session{lasts: r.around(3*time.Hour, 0.6), ends: byOriginator, up: r.amount(3e6, 1), down: r.amount(90e6, 1)})
			}
			if len(codes) > 0 && p.desk.kind == developerDesk {
				for range r.poisson(9) {
					c.call(r, w.moment(r), p.desk, codes[0], pick(r, []uint16{22, 443}), session{lasts: r.around(2*time.Second, 0.9), ends: byOriginator, up: r.amount(6e3, 1.4), down: r.amount(40e3, 2)})
				}
			}
			if len(webs) > 0 {
				for range r.poisson(3) {
					c.call(r, w.moment(r), p.desk, pick(r, webs), 443, session{lasts: r.around(20*time.Second, 1), ends: byResponder, up: r.amount(3e3, 1), down: r.amount(90e3, 1)})
				}
			}
		}
	}
	c.windowsServers(r)
}

// logon is what a Windows machine asks of the domain in the morning.
func (c *company) logon(r random, at time.Duration, h *host) {
	dcs := c.of(domainController)
	if len(dcs) == 0 {
		return
	}
	dc := pick(r, dcs)
	for range r.count(2, 4) {
		c.call(r, at+r.span(0, 5*time.Second), h, dc, 88, session{lasts: r.around(8*time.Millisecond, 0.5), ends: byOriginator, up: 1700, down: 1600})
	}
	for range r.count(1, 3) {
		c.call(r, at+r.span(0, 20*time.Second), h, dc, 389, session{lasts: r.around(3*time.Second, 1.4), ends: byOriginator, up: r.amount(4e3, 0.7), down: r.amount(9e3, 0.8)})
	}
	c.call(r, at+r.span(0, 10*time.Second), h, dc, 135, session{lasts: r.around(9*time.Second, 0.8), ends: byOriginator, up: 500, down: 600})
	c.call(r, at+r.span(0, 10*time.Second), h, dc, dc.dynamic(), session{lasts: r.around(40*time.Second, 1), ends: byOriginator, up: r.amount(5e3, 0.7), down: r.amount(4e3, 0.8)})
	c.call(r, at+r.span(2*time.Second, 30*time.Second), h, dc, 445, session{lasts: r.around(25*time.Second, 1), ends: pick(r, []ending{byOriginator, abortedByOrigin}), up: r.amount(9e3, 0.7), down: r.amount(30e3, 0.8)})
}

// ticket is what it asks for through the day.
func (c *company) ticket(r random, at time.Duration, h *host) {
	dcs := c.of(domainController)
	if len(dcs) == 0 {
		return
	}
	dc := pick(r, dcs)
	c.call(r, at, h, dc, 88, session{lasts: r.around(8*time.Millisecond, 0.5), ends: byOriginator, up: 1700, down: 1600})
	if r.chance(0.5) {
		c.call(r, at+r.span(0, time.Second), h, dc, pick(r, []uint16{389, 445, 135, 3268, dc.dynamic()}), session{lasts: r.around(8*time.Second, 1.4), ends: byOriginator, up: r.amount(4e3, 0.7), down: r.amount(9e3, 0.8)})
	}
}

// dynamic is the host's RPC port.
func (h *host) dynamic() uint16 {
	if p := h.ports[len(h.ports)-1]; p >= 49152 {
		return p
	}
	return 49666
}

// windowsServers talk to the domain controllers all day, and those to each
// other.
func (c *company) windowsServers(r random) {
	dcs := c.of(domainController)
	for _, h := range c.hosts {
		if !h.windows || h.kind.desk() || h.kind == domainController {
			continue
		}
		for at := r.wait(20 * time.Minute); at < c.calendar.end; at += r.wait(50*time.Minute) + time.Minute {
			c.ticket(r, at, h)
		}
	}
	for _, a := range dcs {
		for _, b := range dcs {
			if a == b {
				continue
			}
			for at := r.wait(20 * time.Minute); at < c.calendar.end; at += r.wait(40*time.Minute) + 5*time.Minute {
				c.call(r, at, a, b, 135, session{lasts: r.around(9*time.Second, 0.8), ends: byOriginator, up: 500, down: 600})
				c.call(r, at+r.span(0, time.Second), a, b, b.dynamic(), session{lasts: r.around(6*time.Minute, 0.8), ends: byOriginator, up: r.amount(20e3, 1), down: r.amount(20e3, 1)})
				c.call(r, at+r.span(0, time.Second), a, b, pick(r, []uint16{389, 445, 88}), session{lasts: r.around(40*time.Second, 0.8), ends: byOriginator, up: r.amount(9e3, 1), down: r.amount(9e3, 1)})
			}
		}
	}
}

// roam gives people at home the address of a VPN client for the day.
func (c *company) roam() {
	r := newRandom(c.options.Seed, "roam")
	gateways := c.of(vpnGateway)
	n := 0
	for _, p := range c.people {
		home := outsider(r)
		office := p.desk.spells[0].address
		for _, w := range p.shifts {
			if len(gateways) == 0 || !r.chance(c.ways.remoteWork) || p.desk.kind == officeDesk && !p.desk.windows {
				continue
			}
			n++
			lease := netip.AddrFrom4([4]byte{c.pool[0], c.pool[1], c.pool[2], byte(10 + (n*7+r.IntN(5))%240)})
			p.desk.spells = append(p.desk.spells,
				spell{from: w.from - 10*time.Minute, address: lease},
				spell{from: w.to + 10*time.Minute, address: office, known: true})
			c.enter(r, w.from-5*time.Minute, home, gateways[0], 443, session{lasts: w.to - w.from + r.span(0, 10*time.Minute), ends: byOriginator, up: r.amount(40e6, 1), down: r.amount(300e6, 1)})
			if r.chance(0.1) {
				home = outsider(r) // another line, or a train
			}
		}
	}
}
