package simulate

import (
	"net/netip"
	"time"
)

// operations is what keeps a company's servers running, by itself and all day.
func (c *company) operations() {
	c.monitor(newRandom(c.options.Seed, "monitor"))
	c.ship(newRandom(c.options.Seed, "ship"))
	c.configure(newRandom(c.options.Seed, "configure"))
	c.backup(newRandom(c.options.Seed, "backup"))
	c.sweep(newRandom(c.options.Seed, "sweep"))
	c.resolve(newRandom(c.options.Seed, "resolve"))
	c.update(newRandom(c.options.Seed, "update"))
	c.replicate(newRandom(c.options.Seed, "replicate"))
	c.mount(newRandom(c.options.Seed, "mount"))
	c.cluster(newRandom(c.options.Seed, "cluster"))
	c.deploy(newRandom(c.options.Seed, "deploy"))
}

// monitor asks every host how it is, over connections that stay open for hours
// or over a new one each time, and now and then whether ports answer.
func (c *company) monitor(r random) {
	for _, m := range c.of(monitoring) {
		for _, h := range c.hosts {
			if h == m {
				continue
			}
			if h.kind == network || h.kind == printer {
				if r.chance(0.7) { // SNMP
					for at := r.span(0, 10*time.Minute); at < c.calendar.end; at += r.span(55*time.Minute, 65*time.Minute) {
						c.datagram(r, at, m.address(at), h.address(at), 161, session{lasts: r.around(300*time.Millisecond, 0.5), up: 4000, down: 9000, ends: answeredOnly})
					}
				}
				continue
			}
			for _, port := range c.ways.monitorPorts {
				if !h.listens(port) {
					continue
				}
				if c.ways.scrapeAnew {
					every := pick(r, []time.Duration{15 * time.Minute, 10 * time.Minute, 30 * time.Minute})
					for at := r.span(0, every); at < c.calendar.end; at += every {
						c.call(r, at+r.span(0, time.Second), m, h, port, session{lasts: r.around(60*time.Millisecond, 0.5), ends: pick(r, []ending{byOriginator, byResponder}), up: 300, down: r.amount(30e3, 0.2)})
					}
				} else {
					c.persistent(r, m, h, port, keep{life: 8 * time.Hour, up: 15, down: 1500})
				}
			}
			if s := h.service(); s != 22 && !h.kind.desk() && !h.kind.appliance() && r.chance(0.5) {
				c.check(r, m, h, s, pick(r, []time.Duration{time.Hour, 30 * time.Minute, 15 * time.Minute}))
			}
			if c.ways.monitorSSH && h.listens(22) && !h.kind.desk() {
				c.check(r, m, h, 22, pick(r, []time.Duration{time.Hour, 2 * time.Hour}))
			}
		}
		if r.chance(0.5) { // looks at its graphs
			for _, p := range c.people {
				if p.desk.kind == adminDesk {
					for _, w := range p.shifts {
						c.persistent(r, p.desk, m, pick(r, []uint16{443, 3000}), keep{during: w, life: 2 * time.Hour, up: 100, down: 3000})
					}
				}
			}
		}
	}
}

// check opens a connection and closes it again.
func (c *company) check(r random, m, h *host, port uint16, every time.Duration) {
	for at := r.span(0, every); at < c.calendar.end; at += every {
		c.call(r, at+r.span(0, time.Second), m, h, port, session{lasts: r.around(20*time.Millisecond, 0.6), ends: pick(r, []ending{byOriginator, byOriginator, abortedByOrigin}), down: pick(r, []int64{0, 40, 80})})
	}
}

// ship sends logs.
func (c *company) ship(r random) {
	for _, l := range some(r, c.of(logServer), 1) {
		for _, h := range c.hosts {
			if !h.kind.desk() && !h.kind.appliance() && r.chance(0.9) {
				c.persistent(r, h, l, c.ways.logPort, keep{life: 9 * time.Hour, up: 900, down: 20})
			}
		}
	}
}

// configure brings every Linux host to its described state: over ssh from one
// host, or by asking that host.
func (c *company) configure(r random) {
	for _, m := range c.of(configManager) {
		minute := r.span(0, c.ways.configEvery)
		for at := minute; at < c.calendar.end; at += c.ways.configEvery {
			step := r.span(2*time.Second, 25*time.Second)
			for i, h := range c.linux() {
				if c.ways.push {
					for range r.count(1, 2) {
						c.call(r, at+time.Duration(i/5)*step+r.span(0, step), m, h, 22, session{lasts: r.around(14*time.Second, 0.6), ends: byOriginator, up: r.amount(60e3, 0.7), down: r.amount(20e3, 0.7)})
					}
				} else {
					c.call(r, at+r.span(0, c.ways.configEvery), h, m, c.ways.pullPort, session{lasts: r.around(11*time.Second, 0.5), ends: byOriginator, up: r.amount(40e3, 0.5), down: r.amount(50e3, 0.6)})
				}
			}
		}
	}
}

// backup runs at night.
func (c *company) backup(r random) {
	backups := c.of(backupServer)
	if len(backups) == 0 {
		return
	}
	hour, port := r.between(0, 5), c.ways.backupPort
	if c.ways.backupPull {
		port = 22
	}
	for _, h := range c.hosts {
		if h.kind.desk() || h.kind.appliance() || h.kind == backupServer || r.chance(0.1) {
			continue
		}
		b, size := pick(r, backups), 50e6*r.between(0.2, 4)
		if h.kind == database || h.kind == fileServer || h.kind == warehouse {
			size *= 60
		}
		offset := r.between(0, 2.5)
		first, last := c.calendar.days()
		for d := first; d <= last; d++ {
			at := c.calendar.clock(d, hour+offset) + r.span(0, 5*time.Minute)
			full := 1.0
			if c.calendar.weekday(d) == time.Sunday {
				full = 6
			}
			s := session{lasts: r.around(time.Duration(size*full/15e6*float64(time.Second))+5*time.Second, 0.4), ends: byOriginator}
			from, to, p := b, h, port
			s.up, s.down = 90e3, r.amount(size*full, 0.3)
			switch {
			case h.windows:
				p = 445
			case !c.ways.backupPull:
				from, to = h, b
				s.up, s.down = s.down, s.up
			}
			c.call(r, at, from, to, p, s)
		}
	}
	if r.chance(0.5) { // a copy elsewhere
		elsewhere, b := outsider(r), backups[0]
		first, last := c.calendar.days()
		for d := first; d <= last; d++ {
			c.leave(r, c.calendar.clock(d, hour+4)+r.span(0, 20*time.Minute), b, elsewhere, pick(r, []uint16{22, 443}), session{lasts: r.around(100*time.Minute, 0.4), ends: byOriginator, up: r.amount(9e9, 0.4), down: 4e6})
		}
	}
}

// resolve is names and clocks, mostly over UDP.
func (c *company) resolve(r random) {
	resolvers := c.of(nameServer, domainController)
	if len(resolvers) == 0 {
		return
	}
	root := newCrowd(r, 40).regulars
	for _, h := range c.hosts {
		mine := some(r, resolvers, 2)
		for at := r.wait(time.Hour); at < c.calendar.end; at += r.wait(2 * time.Hour) {
			to := pick(r, mine)
			if h == to || h.down(at) || to.down(at) {
				continue
			}
			if r.chance(0.06) {
				c.call(r, at, h, to, 53, session{lasts: r.around(30*time.Millisecond, 0.8), ends: byOriginator, up: 90, down: r.amount(2500, 0.4)})
			} else {
				c.datagram(r, at, h.address(at), to.address(at), 53, session{lasts: r.around(4*time.Millisecond, 1.2), ends: answeredOnly, up: 45, down: r.amount(130, 0.5)})
			}
		}
	}
	for _, d := range c.of(nameServer) {
		for at := r.wait(20 * time.Minute); at < c.calendar.end; at += r.wait(40 * time.Minute) {
			c.datagram(r, at, d.address(at), pick(r, root), pick(r, []uint16{53, 53, 53, 123}), session{lasts: r.around(20*time.Millisecond, 0.6), ends: answeredOnly, up: 60, down: 200})
		}
	}
}

// update fetches packages from mirrors, in the morning or at random.
func (c *company) update(r random) {
	mirrors := newCrowd(r, r.count(1, 4)).regulars
	for _, h := range c.where(func(h *host) bool { return !h.kind.appliance() }) {
		own := r.between(0, 1.5)
		first, last := c.calendar.days()
		for d := first; d <= last; d++ {
			for range r.count(0, 4) {
				c.leave(r, c.calendar.clock(d, 6+own)+r.span(0, 3*time.Minute), h, pick(r, mirrors), pick(r, []uint16{80, 443, 443}), session{lasts: r.around(3*time.Second, 1.2), ends: pick(r, []ending{byOriginator, byResponder}), up: r.amount(3e3, 1), down: r.amount(900e3, 2)})
			}
		}
	}
	if r.chance(0.5) { // a service that watches from outside keeps a connection to each
		vendor := newCrowd(r, 3).regulars
		for _, h := range c.linux() {
			for at := r.wait(4 * time.Hour); at < c.calendar.end; {
				s := keep{life: 6 * time.Hour, up: 300, down: 40}.session(r, r.around(6*time.Hour, 0.9))
				c.leave(r, at, h, pick(r, vendor), 443, s)
				at += s.lasts + r.span(time.Second, 10*time.Second)
			}
		}
	}
	if c.ways.cloudMeta {
		metadata := netip.AddrFrom4([4]byte{169, 254, 169, 254})
		for _, h := range c.linux() {
			for at := r.wait(5 * time.Hour); at < c.calendar.end; at += r.wait(5 * time.Hour) {
				c.leave(r, at, h, metadata, 80, session{lasts: r.around(5*time.Millisecond, 0.6), ends: byResponder, up: 160, down: 900})
			}
		}
	}
}

// replicate keeps databases alike.
func (c *company) replicate(r random) {
	dbs := c.of(database)
	for i, h := range dbs {
		if i > 0 && h.service() == dbs[0].service() {
			c.persistent(r, h, dbs[0], dbs[0].service(), keep{life: 60 * time.Hour, up: 300, down: 40e3})
		}
	}
	// Once a night the warehouse reads them all.
	for _, w := range c.of(warehouse) {
		hour := r.between(0, 6)
		for _, h := range dbs {
			first, last := c.calendar.days()
			for d := first; d <= last; d++ {
				c.call(r, c.calendar.clock(d, hour)+r.span(0, 10*time.Minute), w, h, h.service(), session{lasts: r.around(30*time.Minute, 0.5), ends: byOriginator, up: 300e3, down: r.amount(2e9, 0.4)})
			}
		}
	}
}

// mount keeps file systems of other hosts.
func (c *company) mount(r random) {
	for _, f := range c.of(fileServer) {
		if f.listens(2049) {
			for _, h := range c.of(compute, application, worker, hypervisor, bastion) {
				if h.kind == compute || r.chance(0.25) {
					c.persistent(r, h, f, 2049, keep{life: 50 * time.Hour, up: 3000, down: 20000})
				}
			}
		}
		for _, h := range c.of(application, worker, webServer) {
			if r.chance(0.12) { // an interface that leaves files on a share
				every := r.span(time.Hour, 8*time.Hour)
				for at := r.span(0, every); at < c.calendar.end; at += every {
					c.call(r, at+r.span(0, time.Minute), h, f, 445, session{lasts: r.around(8*time.Second, 0.8), ends: byOriginator, up: r.amount(300e3, 1), down: r.amount(30e3, 1)})
				}
			}
		}
	}
	if c.ways.sssd {
		for _, dc := range some(r, c.of(domainController), 2) {
			for _, h := range c.linux() {
				c.persistent(r, h, dc, 389, keep{life: 10 * time.Hour, up: 10, down: 20})
			}
		}
	}
}

// cluster is what keeps compute nodes, search nodes and hypervisors together.
func (c *company) cluster(r random) {
	for _, set := range []struct {
		hosts []*host
		port  uint16
		jobs  bool
	}{
		{c.of(compute), 6818, true}, {c.of(search), 9300, false}, {c.of(hypervisor), 902, false},
	} {
		if len(set.hosts) < 2 {
			continue
		}
		head := set.hosts[0]
		for _, h := range set.hosts[1:] {
			c.persistent(r, head, h, set.port, keep{life: 30 * time.Hour, up: 500, down: 500})
			c.persistent(r, h, head, set.port, keep{life: 30 * time.Hour, up: 500, down: 500})
		}
		if !set.jobs {
			continue
		}
		// A job starts on some nodes with ssh from the first of them.
		c.calendar.spread(r, rate{r.between(4, 30), people, 0.7}, func(at time.Duration) {
			nodes := some(r, set.hosts, r.count(2, min(8, len(set.hosts))))
			life := r.around(40*time.Minute, 1.4)
			for _, n := range nodes[1:] {
				c.call(r, at+r.span(0, 2*time.Second), nodes[0], n, 22, session{lasts: life, ends: byOriginator, up: r.amount(40e3, 1), down: r.amount(90e3, 1)})
				if r.chance(0.5) {
					c.call(r, at+r.span(2*time.Second, 6*time.Second), n, nodes[0], uint16(r.count(32768, 60999)), session{lasts: life, ends: byOriginator, up: r.amount(9e6, 1), down: r.amount(9e6, 1)})
				}
			}
		})
	}
}

// deploy is new versions, from the build server onto the others.
func (c *company) deploy(r random) {
	builds, codes, registries := c.of(buildServer), c.of(codeServer), c.of(registry)
	groups := [][]*host{c.of(webServer), c.of(application), c.of(worker), c.of(staging)}
	from := builds
	if len(from) == 0 {
		from = c.of(configManager)
	}
	if len(from) == 0 {
		return
	}
	forge := outsider(r)
	c.calendar.spread(r, rate{c.ways.deploysADay * 6, office, 0.1}, func(at time.Duration) { // builds
		b := pick(r, from)
		if len(codes) > 0 {
			c.call(r, at, b, codes[0], pick(r, []uint16{22, 443}), session{lasts: r.around(4*time.Second, 0.8), ends: byOriginator, up: r.amount(5e3, 1), down: r.amount(2e6, 1.5)})
		} else {
			c.leave(r, at, b, forge, pick(r, []uint16{22, 443}), session{lasts: r.around(4*time.Second, 0.8), ends: byOriginator, up: r.amount(5e3, 1), down: r.amount(2e6, 1.5)})
		}
		for _, g := range registries {
			c.call(r, at+r.span(time.Minute, 5*time.Minute), b, g, g.service(), session{lasts: r.around(20*time.Second, 0.8), ends: byOriginator, up: r.amount(50e6, 1), down: 9000})
		}
	})
	c.calendar.spread(r, rate{c.ways.deploysADay, office, 0.05}, func(at time.Duration) {
		b := from[0]
		for _, h := range pick(r, groups) {
			for range r.count(1, 4) {
				c.call(r, at+r.span(0, 8*time.Second), b, h, 22, session{lasts: r.around(12*time.Second, 0.9), ends: byOriginator, up: r.amount(9e6, 1.5), down: r.amount(20e3, 1)})
			}
			for _, g := range registries {
				c.call(r, at+r.span(5*time.Second, 20*time.Second), h, g, g.service(), session{lasts: r.around(9*time.Second, 0.8), ends: byOriginator, up: 9000, down: r.amount(90e6, 1)})
			}
			at += r.span(15*time.Second, 2*time.Minute)
		}
	})
}
