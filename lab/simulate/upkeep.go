package simulate

import "time"

func checksOverSSH(c *company, r random) {
	for _, m := range c.of(monitoring) {
		every := pick(r, []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour})
		for _, h := range c.linux() {
			for at := r.span(0, every); at < c.calendar.end; at += every {
				c.call(r, at+r.span(0, 5*time.Second), m, h, 22, session{lasts: r.around(1200*time.Millisecond, 0.5), ends: byOriginator, up: r.amount(3e3, 0.3), down: r.amount(4e3, 0.4)})
			}
		}
	}
}

func watchedFromOutside(c *company, r random) {
	front := c.of(loadBalancer)
	if len(front) == 0 {
		front = c.of(webServer)
	}
	for _, h := range some(r, front, 2) {
		for _, from := range newCrowd(r, r.count(2, 5)).regulars {
			for at := r.span(0, 10*time.Minute); at < c.calendar.end; at += 10 * time.Minute {
				c.enter(r, at+r.span(0, 3*time.Second), from, h, 443, session{lasts: r.around(300*time.Millisecond, 0.5), ends: byOriginator, up: 600, down: r.amount(5e3, 0.2)})
			}
		}
	}
}

func frontChecks(c *company, r random) {
	every := r.span(4*time.Minute, 15*time.Minute)
	for _, lb := range c.of(loadBalancer) {
		for _, h := range c.of(webServer) {
			for at := r.span(0, every); at < c.calendar.end; at += every {
				c.call(r, at, lb, h, 80, session{lasts: r.around(8*time.Millisecond, 0.5), ends: pick(r, []ending{byOriginator, abortedByOrigin}), up: 120, down: 200})
			}
		}
	}
}

func hooks(c *company, r random) {
	codes, builds := c.of(codeServer), c.of(buildServer)
	if len(codes) == 0 || len(builds) == 0 {
		return
	}
	c.calendar.spread(r, rate{40, office, 0.1}, func(at time.Duration) {
		b := pick(r, builds)
		c.call(r, at, codes[0], b, 8080, session{lasts: r.around(300*time.Millisecond, 0.6), ends: byOriginator, up: 4e3, down: 300})
		for _, other := range builds {
			if other != b && r.chance(0.3) {
				c.call(r, at+r.span(time.Second, 20*time.Second), other, b, 50000, session{lasts: r.around(6*time.Minute, 0.8), ends: byOriginator, up: r.amount(900e3, 1), down: r.amount(3e6, 1)})
			}
		}
	})
}

// gossip is a cluster in which everybody talks to everybody, at random.
func gossip(c *company, r random) {
	members := c.linux()
	if len(members) < 3 {
		return
	}
	heads := some(r, members, 3)
	for _, h := range members {
		c.persistent(r, h, pick(r, heads), 8300, keep{life: 20 * time.Hour, up: 90, down: 90})
		for at := r.wait(time.Hour); at < c.calendar.end; at += r.wait(90 * time.Minute) {
			c.call(r, at, h, pick(r, members), 8301, session{lasts: r.around(30*time.Millisecond, 0.7), ends: byOriginator, up: 2e3, down: 2e3})
		}
	}
}

// containers are nodes under one head, with services on high ports of any of
// them.
func containers(c *company, r random) {
	nodes := c.of(application, worker, staging)
	if c.business == research || r.chance(0.3) {
		nodes = c.of(compute)
	}
	if len(nodes) < 3 {
		return
	}
	head := nodes[0]
	for _, n := range nodes[1:] {
		c.persistent(r, n, head, 6443, keep{life: 6 * time.Hour, up: 900, down: 2000})
		c.persistent(r, n, head, 6443, keep{life: 6 * time.Hour, up: 90, down: 200})
		c.persistent(r, head, n, 10250, keep{life: 2 * time.Hour, up: 100, down: 2000})
	}
	var ports []uint16
	for range r.count(3, 12) {
		ports = append(ports, uint16(r.count(30000, 32700)))
	}
	c.calendar.spread(r, rate{float64(len(nodes)) * 120, people, 0.7}, func(at time.Duration) {
		c.call(r, at, pick(r, nodes), pick(r, nodes), pick(r, ports), session{lasts: r.around(900*time.Millisecond, 1.3), ends: pick(r, []ending{byOriginator, byResponder}), up: r.amount(2e3, 1), down: r.amount(9e3, 1.3)})
	})
}

func certificates(c *company, r random) {
	authority := newCrowd(r, 2).regulars
	for _, h := range c.of(loadBalancer, webServer, mailServer) {
		for at := r.wait(12 * time.Hour); at < c.calendar.end; at += 12*time.Hour + r.span(0, time.Hour) {
			c.leave(r, at, h, pick(r, authority), 443, session{lasts: r.around(3*time.Second, 0.6), ends: byOriginator, up: 3e3, down: 9e3})
		}
	}
}

func standby(c *company, r random) {
	for _, set := range [][]*host{c.of(loadBalancer), c.of(database), c.of(queue), c.of(cache)} {
		if len(set) > 1 && r.chance(0.6) {
			port := pick(r, []uint16{2224, 3121, 25672, 26379, 694})
			c.persistent(r, set[0], set[1], port, keep{life: 30 * time.Hour, up: 200, down: 200})
			c.persistent(r, set[1], set[0], port, keep{life: 30 * time.Hour, up: 200, down: 200})
		}
	}
}

// frontPools are connections that load balancers keep to what is behind them.
func frontPools(c *company, r random) {
	for _, lb := range c.of(loadBalancer) {
		for _, h := range c.of(webServer) {
			for range r.count(2, 8) {
				c.persistent(r, lb, h, 443, keep{life: r.around(40*time.Minute, 0.6), up: 900, down: 9000})
			}
		}
	}
}

// callsThatStay are connections to services outside that stay open.
func callsThatStay(c *company, r random) {
	for _, h := range c.of(webServer, application, worker) {
		for _, to := range newCrowd(r, r.count(1, 4)).regulars {
			life := r.around(90*time.Minute, 1)
			for at := r.wait(time.Hour); at < c.calendar.end; {
				s := keep{life: life, up: 90, down: 300}.session(r, r.around(life, 0.7))
				c.leave(r, at, h, to, 443, s)
				at += s.lasts + r.span(100*time.Millisecond, 10*time.Second)
			}
		}
	}
}

// heartbeats are short connections at fixed times between odd pairs of hosts.
func heartbeats(c *company, r random) {
	for range r.count(2, 10) {
		two := some(r, c.linux(), 2)
		if len(two) < 2 {
			return
		}
		port, every := uint16(r.count(1025, 20000)), r.span(5*time.Minute, time.Hour)
		for at := r.span(0, every); at < c.calendar.end; at += every {
			c.call(r, at+r.span(0, 100*time.Millisecond), two[0], two[1], port, session{lasts: r.around(20*time.Millisecond, 0.8), ends: pick(r, []ending{byOriginator, byResponder, abortedByOrigin}), up: 60, down: 60})
		}
	}
}
