package simulate

import "time"

func outage(c *company, r random, at time.Duration) (func(), bool) {
	at = r.span(0, c.calendar.end) // at any hour
	candidates := c.of(database, cache, queue, application, webServer, search, logServer, fileServer, monitoring, windowsServer, mailServer)
	if len(candidates) == 0 {
		return nil, false
	}
	h := pick(r, candidates)
	w := window{at, at + r.around(12*time.Minute, 0.9)}
	port := uint16(0)
	if r.chance(0.6) {
		port = h.service() // the program is down, the host is not
	}
	h.shutDown(port, w)
	c.note("outage", window{w.from, w.to + time.Hour}, "a service fails, and people look after it", h)
	return func() {
		for range r.count(0, 3) {
			if p, ok := c.anybody(r); ok && (c.calendar.working(at) || r.chance(0.5)) {
				c.reach(r, w.from+r.span(time.Minute, w.to-w.from+2*time.Minute), p.desk, h, r.around(12*time.Minute, 1))
			}
		}
	}, true
}

func maintenance(c *company, r random, at time.Duration) (func(), bool) {
	d, _ := c.calendar.local(at)
	at = c.calendar.clock(d, r.between(20, 29))
	p, ok := c.anybody(r)
	all := c.linux()
	if !ok || len(all) == 0 {
		return nil, false
	}
	set := some(r, all, r.count(1, max(2, len(all)/3)))
	t := at
	var when []time.Duration
	for _, h := range set {
		h.shutDown(0, window{t + time.Minute, t + r.span(2*time.Minute, 12*time.Minute)})
		when = append(when, t)
		t += r.span(2*time.Minute, 15*time.Minute)
	}
	c.note("maintenance", window{at, t + 15*time.Minute}, "servers are patched and started anew, one after the other", set...)
	return func() {
		for i, h := range set {
			c.reach(r, when[i]-r.span(0, time.Minute), p.desk, h, r.around(3*time.Minute, 0.5))
			if r.chance(0.6) {
				c.reach(r, when[i]+13*time.Minute, p.desk, h, r.around(2*time.Minute, 0.8))
			}
		}
	}, true
}

func restore(c *company, r random, at time.Duration) (func(), bool) {
	backups, all := c.of(backupServer), c.of(database, fileServer, application, webServer)
	if len(backups) == 0 || len(all) == 0 {
		return nil, false
	}
	h, b := pick(r, all), backups[0]
	c.note("restore", window{at, at + 5*time.Hour}, "data come back from the backup, by day", b, h)
	return func() {
		s := session{lasts: r.around(50*time.Minute, 0.8), ends: byOriginator, up: r.amount(9e9, 1), down: r.amount(9e6, 1)}
		if r.chance(0.5) && !h.windows {
			s.up, s.down = s.down, s.up
			c.call(r, at, h, b, 22, s)
		} else {
			port := uint16(22)
			if h.windows {
				port = 445
			}
			c.call(r, at, b, h, port, s)
		}
	}, true
}

func failover(c *company, r random, at time.Duration) (func(), bool) {
	dbs, apps := c.of(database), c.of(application, webServer, worker)
	if len(dbs) < 2 || len(apps) == 0 {
		return nil, false
	}
	first, second := dbs[0], dbs[1]
	w := window{at, at + r.around(90*time.Minute, 1)}
	first.shutDown(first.service(), w)
	c.note("failover", window{w.from, w.to + time.Hour}, "the other database takes over", first, second)
	return func() {
		for _, h := range apps {
			for range r.count(2, 8) {
				c.persistent(r, h, second, second.service(), keep{during: w, life: 40 * time.Minute, up: 800, down: 6000})
			}
		}
	}, true
}

func wrongSetting(c *company, r random, at time.Duration) (func(), bool) {
	all := c.linux()
	if len(all) < 2 {
		return nil, false
	}
	two := some(r, all, 2)
	port := pick(r, []uint16{5432, 3306, 6379, 8080, 8443, 9093, 5672, 2379, 389, 8125})
	w := window{at, at + r.around(5*time.Hour, 1.2)}
	c.note("wrong-setting", w, "a program asks the wrong host again and again", two...)
	return func() {
		every := r.span(20*time.Second, 10*time.Minute)
		s := session{ends: refused, lasts: 300 * time.Microsecond}
		if r.chance(0.5) {
			s = nobody(r)
		}
		if two[1].listens(port) {
			s = session{lasts: 200 * time.Millisecond, ends: byResponder, up: 200, down: 100}
		}
		for t := w.from; t < w.to; t += every {
			c.call(r, t+r.span(0, time.Second), two[0], two[1], port, s)
		}
	}, true
}

func extraScan(c *company, r random, at time.Duration) (func(), bool) {
	scanners := c.of(scanner)
	if len(scanners) == 0 {
		return nil, false
	}
	set := some(r, c.hosts, r.count(5, len(c.hosts)))
	c.note("extra-scan", window{at, at + 3*time.Hour}, "the scanner is started by hand", scanners[0])
	return func() { c.scanAll(r, scanners[0], at, set) }, true
}

func crawler(c *company, r random, at time.Duration) (func(), bool) {
	front := c.of(loadBalancer, webServer)
	if len(front) == 0 {
		return nil, false
	}
	h := front[0]
	c.note("crawler", window{at, at + 3*time.Hour}, "a search engine, or a scanner from outside, asks for everything", h)
	return func() {
		from := outsider(r)
		for range r.count(50, 400) {
			c.enter(r, at, from, h, 443, session{lasts: r.around(2*time.Second, 1), ends: pick(r, []ending{byOriginator, byResponder}), up: r.amount(1500, 1), down: r.amount(20e3, 1)})
			at += r.wait(8 * time.Second)
		}
	}, true
}

func popularDay(c *company, r random, at time.Duration) (func(), bool) {
	front := c.of(loadBalancer, webServer)
	webs := c.of(webServer, application)
	if len(front) == 0 || len(webs) == 0 {
		return nil, false
	}
	h := front[0]
	c.note("popular-day", window{at, at + 3*time.Hour}, "five times as many visitors as usual", h)
	return func() {
		for range r.count(1000, 4000) {
			t := at + r.wait(50*time.Minute)
			c.enter(r, t, outsider(r), h, 443, session{lasts: r.around(12*time.Second, 1.3), ends: pick(r, []ending{byOriginator, byResponder}), up: r.amount(2500, 1), down: r.amount(40e3, 1.6)})
			c.call(r, t+10*time.Millisecond, h, pick(r, webs), webs[0].service(), session{lasts: r.around(8*time.Second, 1.2), ends: byOriginator, up: r.amount(3000, 1), down: r.amount(50e3, 1.5)})
		}
	}, true
}
