package simulate

import (
	"net/netip"
	"time"
)

// operations are what keeps a company's servers running, all day. Each draws on
// a source of its own, by name.
var operations = []activity{
	{name: "monitor", do: monitor},
	{name: "ship", do: shipLogs},
	{name: "configure", do: configure},
	{name: "backup", do: backUp},
	{name: "sweep", do: sweep},
	{name: "resolve", do: resolve},
	{name: "update", do: update},
	{name: "replicate", do: replicate},
	{name: "mount", do: mount},
	{name: "cluster", do: cluster},
	{name: "deploy", do: deploy},
}

// monitor polls every host, over connections that stay open for hours or over
// a new one each time, and in some companies checks whether ports answer.
func monitor(t traffic, _ [][]*host) {
	for _, m := range t.of(monitoring) {
		for _, h := range t.hosts {
			switch {
			case h == m:
			case h.kind == network || h.kind == printer:
				if t.chance(0.7) { // SNMP
					for at := t.span(0, 10*minutes); at < t.calendar.end; at += t.span(55*minutes, 65*minutes) {
						t.datagram(at, m.address(at), h.address(at), 161, talk{300 * ms, 0.5, "o", 4000, 0, 9000, 0})
					}
				}
			default:
				t.scrape(m, h)
			}
		}
		if !t.chance(0.5) {
			continue
		}
		for _, p := range t.staff(adminDesk) { // dashboards
			for _, w := range p.shifts {
				t.persistent(edge{p.desk, m, t.port(443, 3000)}, keep{2 * hours, 100, 3000, w})
			}
		}
	}
}

// scrape is what a monitoring server does with one host.
func (t traffic) scrape(m, h *host) {
	for _, port := range t.ways.monitorPorts {
		switch {
		case !h.listens(port):
		case t.ways.scrapeAnew:
			t.every(pick(t, []time.Duration{15 * minutes, 10 * minutes, 30 * minutes}), func(at time.Duration) {
				t.call(at+t.span(0, time.Second), edge{m, h, port}, talk{60 * ms, 0.5, "or", 300, 0, 30e3, 0.2})
			})
		default:
			t.persistent(edge{m, h, port}, keep{life: 8 * hours, up: 15, down: 1500})
		}
	}
	check := func(port uint16, every ...time.Duration) {
		t.every(pick(t, every), func(at time.Duration) {
			t.call(at+t.span(0, time.Second), edge{m, h, port}, probing{talk{20 * ms, 0.6, "ooO", 0, 0, 0, 0}, []int64{0, 40, 80}})
		})
	}
	if s := h.service(); s != 22 && !h.kind.desk() && !h.kind.appliance() && t.chance(0.5) {
		check(s, time.Hour, 30*minutes, 15*minutes)
	}
	if t.ways.monitorSSH && h.listens(22) && !h.kind.desk() {
		check(22, time.Hour, 2*hours)
	}
}

// shipLogs sends logs to one server.
func shipLogs(t traffic, _ [][]*host) {
	for _, l := range some(t, t.of(logServer), 1) {
		for _, h := range t.hosts {
			if !h.kind.desk() && !h.kind.appliance() && t.chance(0.9) {
				t.persistent(edge{h, l, t.ways.logPort}, keep{life: 9 * hours, up: 900, down: 20})
			}
		}
	}
}

// configure brings every Linux host to its described state: pushed over ssh
// from one host, or pulled from it.
func configure(t traffic, _ [][]*host) {
	every := t.ways.configEvery
	for _, m := range t.of(configManager) {
		t.every(every, func(at time.Duration) {
			step := t.span(2*seconds, 25*seconds)
			for i, h := range t.of(linux) {
				if !t.ways.push {
					t.call(at+t.span(0, every), edge{h, m, t.ways.pullPort}, talk{11 * seconds, 0.5, "o", 40e3, 0.5, 50e3, 0.6})
					continue
				}
				t.repeat(1, 2, func() {
					t.call(at+time.Duration(i/5)*step+t.span(0, step), edge{m, h, 22}, talk{14 * seconds, 0.6, "o", 60e3, 0.7, 20e3, 0.7})
				})
			}
		})
	}
}

// backUp runs at night.
func backUp(t traffic, _ [][]*host) {
	backups := t.of(backupServer)
	if len(backups) == 0 {
		return
	}
	hour, pull := t.between(0, 5), t.ways.backupPull
	for _, h := range t.hosts {
		if h.kind.desk() || h.kind.appliance() || h.kind == backupServer || t.chance(0.1) {
			continue
		}
		b, size := pick(t, backups), 50e6*t.between(0.2, 4)
		if h.kind == database || h.kind == fileServer || h.kind == warehouse {
			size *= 60
		}
		t.daily(hour+t.between(0, 2.5), 5*minutes, func(d int, at time.Duration) {
			bytes := size
			if t.calendar.weekday(d) == time.Sunday {
				bytes *= 6
			}
			lasts := time.Duration(bytes/15e6*float64(time.Second)) + 5*seconds
			s := talk{lasts, 0.4, "o", 90e3, 0, bytes, 0.3}.draw(t.random)
			switch {
			case h.windows:
				t.call(at, edge{b, h, 445}, s)
			case pull:
				t.call(at, edge{b, h, 22}, s)
			default:
				s.up, s.down = s.down, s.up
				t.call(at, edge{h, b, t.ways.backupPort}, s)
			}
		})
	}
	if t.chance(0.5) { // a copy off site
		elsewhere := outsider(t.random)
		t.daily(hour+4, 20*minutes, func(_ int, at time.Duration) {
			t.leave(at, outbound{backups[0], elsewhere, t.port(22, 443)}, talk{100 * minutes, 0.4, "o", 9e9, 0.4, 4e6, 0})
		})
	}
}

// resolve is names and clocks, mostly over UDP.
func resolve(t traffic, _ [][]*host) {
	resolvers := t.of(nameServer, domainController)
	if len(resolvers) == 0 {
		return
	}
	root := newCrowd(t.random, 40).regulars
	for _, h := range t.hosts {
		mine := some(t, resolvers, 2)
		t.apart(time.Hour, 2*hours, 0, func(at time.Duration) {
			to := pick(t, mine)
			switch {
			case h == to || h.down(at) || to.down(at):
			case t.chance(0.06):
				t.call(at, edge{h, to, 53}, talk{30 * ms, 0.8, "o", 90, 0, 2500, 0.4})
			default:
				t.datagram(at, h.address(at), to.address(at), 53, talk{4 * ms, 1.2, "o", 45, 0, 130, 0.5})
			}
		})
	}
	for _, d := range t.of(nameServer) {
		t.apart(20*minutes, 40*minutes, 0, func(at time.Duration) {
			t.datagram(at, d.address(at), pick(t, root), t.port(53, 53, 53, 123), talk{20 * ms, 0.6, "o", 60, 0, 200, 0})
		})
	}
}

// update fetches packages from mirrors, in the morning, and connects agents to
// services outside.
func update(t traffic, _ [][]*host) {
	mirrors := newCrowd(t.random, t.count(1, 4)).regulars
	for _, h := range t.where(func(h *host) bool { return !h.kind.appliance() }) {
		hour := 6 + t.between(0, 1.5)
		first, last := t.calendar.days()
		for d := first; d <= last; d++ {
			t.repeat(0, 4, func() {
				at := t.calendar.clock(d, hour) + t.span(0, 3*minutes)
				t.leave(at, outbound{h, pick(t, mirrors), t.port(80, 443, 443)}, talk{3 * seconds, 1.2, "or", 3e3, 1, 900e3, 2})
			})
		}
	}
	if t.chance(0.5) { // a vendor's agent keeps a connection open
		vendor := newCrowd(t.random, 3).regulars
		for _, h := range t.of(linux) {
			for at := t.wait(4 * hours); at < t.calendar.end; {
				s := keep{up: 300, down: 40}.lasting(t.around(6*hours, 0.9)).draw(t.random)
				t.leave(at, outbound{h, pick(t, vendor), 443}, s)
				at += s.lasts + t.span(time.Second, 10*seconds)
			}
		}
	}
	if t.ways.cloudMeta {
		metadata := netip.AddrFrom4([4]byte{169, 254, 169, 254})
		for _, h := range t.of(linux) {
			t.apart(5*hours, 5*hours, 0, func(at time.Duration) {
				t.leave(at, outbound{h, metadata, 80}, talk{5 * ms, 0.6, "r", 160, 0, 900, 0})
			})
		}
	}
}

// replicate keeps databases in step, and loads the warehouse every night.
func replicate(t traffic, _ [][]*host) {
	dbs := t.of(database)
	for i, h := range dbs {
		if i > 0 && h.service() == dbs[0].service() {
			t.persistent(edge{h, dbs[0], dbs[0].service()}, keep{life: 60 * hours, up: 300, down: 40e3})
		}
	}
	for _, w := range t.of(warehouse) {
		hour := t.between(0, 6)
		for _, h := range dbs {
			t.daily(hour, 10*minutes, func(_ int, at time.Duration) {
				t.call(at, edge{w, h, h.service()}, talk{30 * minutes, 0.5, "o", 300e3, 0, 2e9, 0.4})
			})
		}
	}
}

// mount keeps file systems and directories of other hosts.
func mount(t traffic, _ [][]*host) {
	for _, f := range t.of(fileServer) {
		if f.listens(2049) {
			for _, h := range t.of(compute, application, worker, hypervisor, bastion) {
				if h.kind == compute || t.chance(0.25) {
					t.persistent(edge{h, f, 2049}, keep{life: 50 * hours, up: 3000, down: 20000})
				}
			}
		}
		for _, h := range t.of(application, worker, webServer) {
			if t.chance(0.12) { // an interface that leaves files on a share
				t.every(t.span(time.Hour, 8*hours), func(at time.Duration) {
					t.call(at+t.span(0, time.Minute), edge{h, f, 445}, talk{8 * seconds, 0.8, "o", 300e3, 1, 30e3, 1})
				})
			}
		}
	}
	if t.ways.sssd {
		for _, dc := range some(t, t.of(domainController), 2) {
			for _, h := range t.of(linux) {
				t.persistent(edge{h, dc, 389}, keep{life: 10 * hours, up: 10, down: 20})
			}
		}
	}
}

// cluster keeps compute nodes, search nodes and hypervisors together.
func cluster(t traffic, _ [][]*host) {
	for _, set := range []struct {
		kind kind
		port uint16
	}{{compute, 6818}, {search, 9300}, {hypervisor, 902}} {
		nodes := t.of(set.kind)
		if len(nodes) < 2 {
			continue
		}
		for _, h := range nodes[1:] {
			t.pair(nodes[0], h, set.port, keep{life: 30 * hours, up: 500, down: 500})
		}
		if set.kind == compute {
			t.jobs(nodes)
		}
	}
}

// pair keeps a connection open each way.
func (t traffic) pair(a, b *host, port uint16, k keep) {
	t.persistent(edge{a, b, port}, k)
	t.persistent(edge{b, a, port}, k)
}

// jobs start on some nodes, with ssh from the first of them.
func (t traffic) jobs(nodes []*host) {
	t.spread(rate{t.between(4, 30), people, 0.7}, func(at time.Duration) {
		job := some(t, nodes, t.count(2, min(8, len(nodes))))
		life := t.around(40*minutes, 1.4)
		for _, n := range job[1:] {
			t.call(at+t.span(0, 2*seconds), edge{job[0], n, 22}, talk{life, 0, "o", 40e3, 1, 90e3, 1})
			if t.chance(0.5) {
				t.call(at+t.span(2*seconds, 6*seconds), edge{n, job[0], uint16(t.count(32768, 60999))}, talk{life, 0, "o", 9e6, 1, 9e6, 1})
			}
		}
	})
}

// deploy builds new versions and brings them onto servers.
func deploy(t traffic, _ [][]*host) {
	codes, registries := t.of(codeServer), t.of(registry)
	groups := [][]*host{t.of(webServer), t.of(application), t.of(worker), t.of(staging)}
	from := t.either(buildServer, configManager)
	if len(from) == 0 {
		return
	}
	forge := outsider(t.random)
	t.spread(rate{t.ways.deploysADay * 6, office, 0.1}, func(at time.Duration) {
		b, clone := pick(t, from), talk{4 * seconds, 0.8, "o", 5e3, 1, 2e6, 1.5}
		if len(codes) > 0 {
			t.call(at, edge{b, codes[0], t.port(22, 443)}, clone)
		} else {
			t.leave(at, outbound{b, forge, t.port(22, 443)}, clone)
		}
		for _, g := range registries {
			t.call(at+t.span(time.Minute, 5*minutes), edge{b, g, g.service()}, talk{20 * seconds, 0.8, "o", 50e6, 1, 9000, 0})
		}
	})
	t.spread(rate{t.ways.deploysADay, office, 0.05}, func(at time.Duration) {
		for _, h := range pick(t, groups) {
			t.repeat(1, 4, func() {
				t.call(at+t.span(0, 8*seconds), edge{from[0], h, 22}, talk{12 * seconds, 0.9, "o", 9e6, 1.5, 20e3, 1})
			})
			for _, g := range registries {
				t.call(at+t.span(5*seconds, 20*seconds), edge{h, g, g.service()}, talk{9 * seconds, 0.8, "o", 9000, 0, 90e6, 1})
			}
			at += t.span(15*seconds, 2*minutes)
		}
	})
}
