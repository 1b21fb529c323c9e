package simulate

import "time"

// copying is a session that carries files from or to where it came from.
func copying(r random, bytes float64) session {
	s := session{lasts: r.around(time.Duration(bytes/12e6*float64(time.Second))+3*time.Second, 0.5), ends: byOriginator, up: r.amount(bytes, 0.8), down: r.amount(60e3, 1)}
	if r.chance(0.4) {
		s.up, s.down = s.down, s.up
	}
	return s
}

func weeklyJobs(c *company, r random) {
	from, to := c.of(application, worker, database, warehouse, monitoring, backupServer, fileServer, staging), c.of(database, fileServer, warehouse, backupServer, application, search)
	if len(from) == 0 || len(to) == 0 {
		return
	}
	for range r.count(1, 5) {
		a, b := pick(r, from), pick(r, to)
		weekday, hour, length := time.Weekday(r.IntN(7)), r.between(0, 24), r.around(20*time.Minute, 1.2)
		port := b.service()
		if r.chance(0.35) && b.listens(22) {
			port = 22
		}
		c.each(r, hour, func(d int, at time.Duration) {
			if c.calendar.weekday(d) == weekday {
				if at > c.calendar.learn && at < c.calendar.learn+7*day {
					c.note("weekly-job", window{at, at + 2*length}, "a weekly job runs, for the first time since the log began", a, b)
				}
				c.call(r, at, a, b, port, session{lasts: r.around(length, 0.3), ends: byOriginator, up: r.amount(900e3, 1.5), down: r.amount(90e6, 1.5)})
			}
		})
	}
}

func codeOverSSH(c *company, r random) {
	codes := c.of(codeServer)
	forge := newCrowd(r, 3).regulars
	every := r.span(20*time.Minute, 20*time.Hour)
	for _, h := range c.of(webServer, application, worker, staging, configManager) {
		if r.chance(0.3) {
			continue
		}
		for at := r.span(0, every); at < c.calendar.end; at += every {
			s := session{lasts: r.around(2*time.Second, 0.7), ends: byOriginator, up: r.amount(4e3, 0.5), down: r.amount(9e3, 1.5)}
			if len(codes) > 0 {
				c.call(r, at+r.span(0, 20*time.Second), h, codes[0], 22, s)
			} else {
				c.leave(r, at+r.span(0, 20*time.Second), h, pick(r, forge), 22, s)
			}
		}
	}
}

func filesKeptAlike(c *company, r random) {
	for _, set := range [][]*host{c.of(webServer), c.of(application), c.of(fileServer)} {
		if len(set) < 2 || set[0].windows {
			continue
		}
		every := r.span(10*time.Minute, 3*time.Hour)
		for at := r.span(0, every); at < c.calendar.end; at += every {
			for _, h := range set[1:] {
				if h.listens(22) {
					c.call(r, at+r.span(0, 30*time.Second), set[0], h, 22, session{lasts: r.around(4*time.Second, 1), ends: byOriginator, up: r.amount(300e3, 1.5), down: r.amount(9e3, 1)})
				}
			}
		}
	}
}

func filesFromPartners(c *company, r random) {
	hosts := c.of(application, fileServer, worker, bastion)
	if len(hosts) == 0 {
		return
	}
	h := pick(r, hosts)
	if h.windows {
		return
	}
	for range r.count(1, 4) {
		from, hour := outsider(r), r.between(0, 24)
		c.each(r, hour, func(_ int, at time.Duration) {
			for range r.count(1, 3) {
				c.enter(r, at, from, h, 22, session{lasts: r.around(40*time.Second, 1.2), ends: byOriginator, up: r.amount(9e6, 1.5), down: r.amount(90e3, 1)})
				at += r.span(10*time.Second, 30*time.Minute)
			}
		})
	}
}

func filesToPartners(c *company, r random) {
	hosts := c.of(application, worker, warehouse, fileServer)
	if len(hosts) == 0 {
		return
	}
	for range r.count(1, 3) {
		h, to, hour, port := pick(r, hosts), outsider(r), r.between(0, 24), pick(r, []uint16{22, 22, 443, 990, 2222})
		c.each(r, hour, func(_ int, at time.Duration) { c.leave(r, at, h, to, port, copying(r, 90e6)) })
	}
}

func standingTunnels(c *company, r random) {
	for range r.count(1, 3) {
		two := some(r, c.linux(), 2)
		if len(two) == 2 {
			c.persistent(r, two[0], two[1], 22, keep{life: r.around(20*time.Hour, 1), up: 200, down: 200})
		}
	}
	if r.chance(0.3) { // and one outwards
		h, to := pick(r, c.linux()), outsider(r)
		for at := r.wait(5 * time.Hour); at < c.calendar.end; {
			s := keep{life: 15 * time.Hour, up: 300, down: 300}.session(r, r.around(15*time.Hour, 0.9))
			c.leave(r, at, h, to, 22, s)
			at += s.lasts + r.span(5*time.Second, time.Minute)
		}
	}
}

func dumps(c *company, r random) {
	to := c.of(fileServer, backupServer, staging, application)
	if len(to) == 0 {
		return
	}
	for _, db := range c.of(database) {
		b, hour := pick(r, to), r.between(0, 6)
		port := uint16(22)
		if !b.listens(22) {
			port = 445
		}
		c.each(r, hour, func(_ int, at time.Duration) { c.call(r, at, db, b, port, copying(r, 2e9)) })
	}
}

func mountedShares(c *company, r random) {
	files := c.of(fileServer)
	for _, h := range c.of(webServer, application, worker, compute, windowsServer, terminalServer) {
		if len(files) > 0 && r.chance(0.5) {
			c.persistent(r, h, pick(r, files), 445, keep{life: 30 * time.Hour, up: 100, down: 900})
		}
	}
}

// logsCollected is a job that goes to many servers, every night.
func logsCollected(c *company, r random) {
	from := c.of(worker, logServer, warehouse, configManager, fileServer)
	if len(from) == 0 {
		return
	}
	h, hour := pick(r, from), r.between(0, 24)
	set := some(r, c.linux(), r.count(4, 20))
	c.each(r, hour, func(_ int, at time.Duration) {
		for _, to := range set {
			c.call(r, at, h, to, 22, session{lasts: r.around(9*time.Second, 1), ends: byOriginator, up: r.amount(9e3, 0.5), down: r.amount(20e6, 1.5)})
			at += r.wait(8 * time.Second)
		}
	})
}

// movingMachines is virtual machines that go from one hypervisor to another.
func movingMachines(c *company, r random) {
	hosts := c.of(hypervisor)
	if len(hosts) < 2 {
		return
	}
	c.calendar.spread(r, rate{2, steady, 1}, func(at time.Duration) {
		two := some(r, hosts, 2)
		c.call(r, at, two[0], two[1], 8000, session{lasts: r.around(90*time.Second, 0.7), ends: byOriginator, up: r.amount(9e9, 0.6), down: r.amount(9e6, 0.6)})
	})
}

func storage(c *company, r random) {
	files := c.of(fileServer)
	for _, h := range c.of(hypervisor, database) {
		if len(files) > 0 && r.chance(0.5) {
			c.persistent(r, h, files[0], pick(r, []uint16{2049, 3260}), keep{life: 70 * time.Hour, up: 90e3, down: 90e3})
		}
	}
}
