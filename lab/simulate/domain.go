package simulate

import "time"

func (c *company) anyWindows() []*host { return c.where(func(h *host) bool { return h.windows }) }

func windowsUpdates(c *company, r random) {
	servers := c.of(windowsServer, domainController, printServer)
	if len(servers) == 0 {
		return
	}
	s, port := pick(r, servers), pick(r, []uint16{8530, 8014, 443})
	for _, h := range c.anyWindows() {
		for at := r.wait(4 * time.Hour); at < c.calendar.end; at += r.wait(5*time.Hour) + time.Hour {
			c.call(r, at, h, s, port, session{lasts: r.around(20*time.Second, 1.2), ends: byOriginator, up: r.amount(20e3, 1), down: r.amount(300e3, 2)})
		}
	}
}

// windowsInventory asks every Windows machine what is on it, every night or
// so: WinRM, or RPC and SMB.
func windowsInventory(c *company, r random) {
	from := c.of(windowsServer, adminDesk, monitoring)
	if len(from) == 0 {
		return
	}
	h, hour, remote := pick(r, from), r.between(0, 24), r.chance(0.5)
	c.each(r, hour, func(_ int, at time.Duration) {
		for _, to := range c.anyWindows() {
			if remote {
				c.call(r, at, h, to, 5985, session{lasts: r.around(6*time.Second, 0.7), ends: byOriginator, up: r.amount(9e3, 0.5), down: r.amount(60e3, 0.8)})
			} else {
				c.call(r, at, h, to, 135, session{lasts: r.around(2*time.Second, 0.5), ends: byOriginator, up: 600, down: 500})
				c.call(r, at+300*time.Millisecond, h, to, to.dynamic(), session{lasts: r.around(9*time.Second, 0.6), ends: byOriginator, up: r.amount(9e3, 0.5), down: r.amount(60e3, 0.8)})
			}
			at += r.wait(20 * time.Second)
		}
	})
}

// softwarePushed copies installers onto desks and starts them, now and then.
func softwarePushed(c *company, r random) {
	from := c.of(windowsServer, domainController, adminDesk)
	if len(from) == 0 {
		return
	}
	h := pick(r, from)
	c.calendar.spread(r, rate{r.between(0.1, 0.6), office, 0.1}, func(at time.Duration) {
		for _, to := range some(r, c.anyWindows(), r.count(2, 15)) {
			c.call(r, at, h, to, 445, session{lasts: r.around(40*time.Second, 0.8), ends: byOriginator, up: r.amount(30e6, 1), down: r.amount(90e3, 1)})
			c.call(r, at+r.span(time.Second, 9*time.Second), h, to, 135, session{lasts: r.around(3*time.Second, 0.5), ends: byOriginator, up: 600, down: 500})
			c.call(r, at+r.span(time.Second, 9*time.Second), h, to, to.dynamic(), session{lasts: r.around(60*time.Second, 0.6), ends: byOriginator, up: 4e3, down: 4e3})
			at += r.wait(40 * time.Second)
		}
	})
}

func remoteHelp(c *company, r random) {
	relays := newCrowd(r, 5).regulars
	desks := c.of(officeDesk, adminDesk, windowsServer)
	if len(desks) == 0 {
		return
	}
	c.calendar.spread(r, rate{3, office, 0.1}, func(at time.Duration) {
		c.leave(r, at, pick(r, desks), pick(r, relays), pick(r, []uint16{5938, 443, 7070}), session{lasts: r.around(25*time.Minute, 1.2), ends: byOriginator, up: r.amount(9e6, 1.5), down: r.amount(2e6, 1)})
	})
}

// remoteDesktopsOutside answer the internet, and it knocks.
func remoteDesktopsOutside(c *company, r random) {
	hosts := c.of(terminalServer, windowsServer)
	if len(hosts) == 0 {
		return
	}
	h := pick(r, hosts)
	homes := newCrowd(r, 8).regulars
	c.calendar.spread(r, rate{6, office, 0.3}, func(at time.Duration) {
		c.enter(r, at, pick(r, homes), h, 3389, session{lasts: r.around(80*time.Minute, 0.9), ends: byOriginator, up: r.amount(3e6, 1), down: r.amount(90e6, 1)})
	})
	c.calendar.spread(r, rate{15, steady, 1}, func(at time.Duration) {
		from := outsider(r)
		for range 1 + int(r.ExpFloat64()*20) {
			c.enter(r, at, from, h, 3389, session{lasts: r.around(2*time.Second, 0.4), ends: pick(r, []ending{byOriginator, abortedByOrigin}), up: r.amount(1500, 0.2), down: r.amount(1800, 0.2)})
			at += r.wait(9*time.Second) + time.Second
		}
	})
}

// voice is telephones, which are on all day.
func voice(c *company, r random) {
	exchange := outsider(r)
	for _, p := range c.people {
		if p.desk.kind != officeDesk {
			continue
		}
		for _, w := range p.shifts {
			if at := w.from + r.span(0, 20*time.Minute); !p.desk.down(at) {
				c.leave(r, at, p.desk, exchange, 5061, session{lasts: w.to - at, ends: byOriginator, up: r.amount(900e3, 1), down: r.amount(900e3, 1)})
			}
		}
	}
}
