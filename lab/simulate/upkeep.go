package simulate

import "time"

func checksOverSSH(t traffic, _ [][]*host) {
	for _, m := range t.of(monitoring) {
		period := pick(t, []time.Duration{15 * minutes, 30 * minutes, time.Hour})
		for _, h := range t.of(linux) {
			t.every(period, func(at time.Duration) {
				t.call(at+t.span(0, 5*seconds), edge{m, h, 22}, talk{1200 * ms, 0.5, "o", 3e3, 0.3, 4e3, 0.4})
			})
		}
	}
}

// externalChecks are a service's that monitors the company from outside.
func externalChecks(t traffic, _ [][]*host) {
	for _, h := range some(t, t.either(loadBalancer, webServer), 2) {
		for _, from := range newCrowd(t.random, t.count(2, 5)).regulars {
			t.every(10*minutes, func(at time.Duration) {
				t.enter(at+t.span(0, 3*seconds), inbound{from, h, 443}, talk{300 * ms, 0.5, "o", 600, 0, 5e3, 0.2})
			})
		}
	}
}

func frontChecks(t traffic, _ [][]*host) {
	period := t.span(4*minutes, 15*minutes)
	for _, lb := range t.of(loadBalancer) {
		for _, h := range t.of(webServer) {
			t.every(period, func(at time.Duration) {
				t.call(at, edge{lb, h, 80}, talk{8 * ms, 0.5, "oO", 120, 0, 200, 0})
			})
		}
	}
}

func hooks(t traffic, cast [][]*host) {
	codes, builds := cast[0], cast[1]
	t.spread(rate{40, office, 0.1}, func(at time.Duration) {
		b := pick(t, builds)
		t.call(at, edge{codes[0], b, 8080}, talk{300 * ms, 0.6, "o", 4e3, 0, 300, 0})
		for _, other := range builds {
			if other != b && t.chance(0.3) {
				t.call(at+t.span(time.Second, 20*seconds), edge{other, b, 50000}, talk{6 * minutes, 0.8, "o", 900e3, 1, 3e6, 1})
			}
		}
	})
}

// gossip is a cluster in which every member calls any other, at random.
func gossip(t traffic, _ [][]*host) {
	members := t.of(linux)
	if len(members) < 3 {
		return
	}
	heads := some(t, members, 3)
	for _, h := range members {
		t.persistent(edge{h, pick(t, heads), 8300}, keep{life: 20 * hours, up: 90, down: 90})
		t.apart(time.Hour, 90*minutes, 0, func(at time.Duration) {
			t.call(at, edge{h, pick(t, members), 8301}, talk{30 * ms, 0.7, "o", 2e3, 0, 2e3, 0})
		})
	}
}

// containers are nodes under one head, with services on high ports of any of
// them.
func containers(t traffic, _ [][]*host) {
	nodes := t.of(application, worker, staging)
	if t.business == research || t.chance(0.3) {
		nodes = t.of(compute)
	}
	if len(nodes) < 3 {
		return
	}
	head := nodes[0]
	for _, n := range nodes[1:] {
		t.persistent(edge{n, head, 6443}, keep{life: 6 * hours, up: 900, down: 2000})
		t.persistent(edge{n, head, 6443}, keep{life: 6 * hours, up: 90, down: 200})
		t.persistent(edge{head, n, 10250}, keep{life: 2 * hours, up: 100, down: 2000})
	}
	var ports []uint16
	t.repeat(3, 12, func() { ports = append(ports, uint16(t.count(30000, 32700))) })
	t.spread(rate{float64(len(nodes)) * 120, people, 0.7}, func(at time.Duration) {
		t.call(at, edge{pick(t, nodes), pick(t, nodes), pick(t, ports)}, talk{900 * ms, 1.3, "or", 2e3, 1, 9e3, 1.3})
	})
}

func certificates(t traffic, _ [][]*host) {
	authority := newCrowd(t.random, 2).regulars
	for _, h := range t.of(loadBalancer, webServer, mailServer) {
		for at := t.wait(12 * hours); at < t.calendar.end; at += 12*hours + t.span(0, time.Hour) {
			t.leave(at, outbound{h, pick(t, authority), 443}, talk{3 * seconds, 0.6, "o", 3e3, 0, 9e3, 0})
		}
	}
}

func standby(t traffic, _ [][]*host) {
	for _, k := range []kind{loadBalancer, database, queue, cache} {
		if set := t.of(k); len(set) > 1 && t.chance(0.6) {
			t.pair(set[0], set[1], t.port(2224, 3121, 25672, 26379, 694), keep{life: 30 * hours, up: 200, down: 200})
		}
	}
}

// frontPools are connections that load balancers keep to web servers.
func frontPools(t traffic, _ [][]*host) {
	for _, lb := range t.of(loadBalancer) {
		for _, h := range t.of(webServer) {
			t.repeat(2, 8, func() {
				t.persistent(edge{lb, h, 443}, keep{life: t.around(40*minutes, 0.6), up: 900, down: 9000})
			})
		}
	}
}

// longLivedCalls are connections to services outside that stay open.
func longLivedCalls(t traffic, _ [][]*host) {
	for _, h := range t.of(webServer, application, worker) {
		for _, to := range newCrowd(t.random, t.count(1, 4)).regulars {
			life := t.around(90*minutes, 1)
			for at := t.wait(time.Hour); at < t.calendar.end; {
				s := keep{up: 90, down: 300}.lasting(t.around(life, 0.7)).draw(t.random)
				t.leave(at, outbound{h, to, 443}, s)
				at += s.lasts + t.span(100*ms, 10*seconds)
			}
		}
	}
}

// heartbeats are short connections at fixed times between odd pairs of hosts.
func heartbeats(t traffic, _ [][]*host) {
	t.repeat(2, 10, func() {
		two := some(t, t.of(linux), 2)
		if len(two) < 2 {
			return
		}
		port := uint16(t.count(1025, 20000))
		t.every(t.span(5*minutes, time.Hour), func(at time.Duration) {
			t.call(at+t.span(0, 100*ms), edge{two[0], two[1], port}, talk{20 * ms, 0.8, "orO", 60, 0, 60, 0})
		})
	})
}

func windowsUpdates(t traffic, cast [][]*host) {
	server, port := pick(t, cast[0]), t.port(8530, 8014, 443)
	for _, h := range t.of(windows) {
		t.apart(4*hours, 5*hours, time.Hour, func(at time.Duration) {
			t.call(at, edge{h, server, port}, talk{20 * seconds, 1.2, "o", 20e3, 1, 300e3, 2})
		})
	}
}

// windowsInventory queries every Windows machine once a day: over WinRM, or
// over RPC.
func windowsInventory(t traffic, cast [][]*host) {
	h, hour, remote := pick(t, cast[0]), t.between(0, 24), t.chance(0.5)
	t.daily(hour, 4*minutes, func(_ int, at time.Duration) {
		for _, to := range t.of(windows) {
			if remote {
				t.call(at, edge{h, to, 5985}, talk{6 * seconds, 0.7, "o", 9e3, 0.5, 60e3, 0.8})
			} else {
				t.call(at, edge{h, to, 135}, talk{2 * seconds, 0.5, "o", 600, 0, 500, 0})
				t.call(at+300*ms, edge{h, to, to.dynamic()}, talk{9 * seconds, 0.6, "o", 9e3, 0.5, 60e3, 0.8})
			}
			at += t.wait(20 * seconds)
		}
	})
}

// pushSoftware copies installers onto Windows machines and starts them.
func pushSoftware(t traffic, cast [][]*host) {
	h := pick(t, cast[0])
	t.spread(rate{t.between(0.1, 0.6), office, 0.1}, func(at time.Duration) {
		for _, to := range some(t, t.of(windows), t.count(2, 15)) {
			t.call(at, edge{h, to, 445}, talk{40 * seconds, 0.8, "o", 30e6, 1, 90e3, 1})
			t.call(at+t.span(time.Second, 9*seconds), edge{h, to, 135}, talk{3 * seconds, 0.5, "o", 600, 0, 500, 0})
			t.call(at+t.span(time.Second, 9*seconds), edge{h, to, to.dynamic()}, talk{60 * seconds, 0.6, "o", 4e3, 0, 4e3, 0})
			at += t.wait(40 * seconds)
		}
	})
}

// migrateMachines moves virtual machines between hypervisors.
func migrateMachines(t traffic, _ [][]*host) {
	hosts := t.of(hypervisor)
	if len(hosts) < 2 {
		return
	}
	t.spread(rate{2, steady, 1}, func(at time.Duration) {
		two := some(t, hosts, 2)
		t.call(at, edge{two[0], two[1], 8000}, talk{90 * seconds, 0.7, "o", 9e9, 0.6, 9e6, 0.6})
	})
}
