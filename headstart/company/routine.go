package company

import (
	"net/netip"
	"time"
)

// routine is something that some companies do all the time, and others don't.
type routine struct {
	name  string
	share float64 // of companies
	do    func(c *company, r random)
}

// routines adds those that the seed gives to this company.
func (c *company) routines() {
	for _, k := range routines {
		r := newRandom(c.options.Seed, "routine "+k.name)
		if r.chance(k.share) {
			k.do(c, r)
		}
	}
}

var routines = []routine{
	{"weekly jobs", 0.9, weeklyJobs},
	{"code over ssh", 0.4, codeOverSSH},
	{"files kept alike", 0.35, filesKeptAlike},
	{"files from partners", 0.3, filesFromPartners},
	{"files to partners", 0.35, filesToPartners},
	{"standing tunnels", 0.3, standingTunnels},
	{"dumps", 0.35, dumps},
	{"checks over ssh", 0.15, checksOverSSH},
	{"mounted shares", 0.3, mountedShares},
	{"logs collected", 0.25, logsCollected},
	{"watched from outside", 0.6, watchedFromOutside},
	{"front checks", 0.5, frontChecks},
	{"idle clients", 0.35, idleClients},
	{"open terminals", 0.4, openTerminals},
	{"Windows updates", 0.6, windowsUpdates},
	{"Windows inventory", 0.4, windowsInventory},
	{"software pushed", 0.3, softwarePushed},
	{"remote help", 0.3, remoteHelp},
	{"hooks", 0.5, hooks},
	{"gossip", 0.2, gossip},
	{"containers", 0.25, containers},
	{"unlisted hosts", 0.5, unlistedHosts},
	{"branch", 0.25, branch},
	{"from home", 0.35, fromHome},
	{"remote desktops outside", 0.12, remoteDesktopsOutside},
	{"moving machines", 0.6, movingMachines},
	{"notebooks", 0.4, notebooks},
	{"certificates", 0.7, certificates},
	{"storage", 0.5, storage},
	{"standby", 0.4, standby},
	{"front pools", 0.4, frontPools},
	{"calls that stay", 0.4, callsThatStay},
	{"heartbeats", 0.2, heartbeats},
	{"voice", 0.4, voice},
}

// each calls do at about that hour of each day.
func (c *company) each(r random, hour float64, do func(d int, at time.Duration)) {
	first, last := c.calendar.days()
	for d := first; d <= last; d++ {
		do(d, c.calendar.clock(d, hour)+r.span(0, 4*time.Minute))
	}
}

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

// idleClients are database clients that somebody leaves open over night.
func idleClients(c *company, r random) {
	from, dbs := c.of(staging, bastion, application, adminDesk, developerDesk), c.of(database, warehouse)
	if len(from) == 0 || len(dbs) == 0 {
		return
	}
	c.calendar.spread(r, rate{r.between(0.3, 2), office, 0.1}, func(at time.Duration) {
		to := pick(r, dbs)
		c.call(r, at, pick(r, from), to, to.service(), session{lasts: r.around(7*time.Hour, 0.9), ends: pick(r, []ending{byOriginator, byResponder, abortedByPeer}), up: r.amount(9e3, 1), down: r.amount(90e3, 1.5)})
	})
}

func openTerminals(c *company, r random) {
	from, to := c.of(adminDesk, bastion, developerDesk), c.linux()
	if len(from) == 0 || len(to) == 0 {
		return
	}
	for range r.count(1, 5) {
		c.persistent(r, pick(r, from), pick(r, to), 22, keep{life: 40 * time.Hour, up: 2, down: 20})
	}
}

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

// unlistedHosts are inside and in no inventory: a test machine, a gadget.
func unlistedHosts(c *company, r random) {
	near := c.hosts[0].spells[0].address.As4()
	services := c.of(nameServer, domainController, fileServer, webServer, application, mailServer, codeServer)
	if len(services) == 0 {
		return
	}
	for n := range r.count(1, 5) {
		a := netip.AddrFrom4([4]byte{near[0], near[1], c.pool[2] - 1, byte(20 + n*3)})
		cloud := outsider(r)
		mine := some(r, services, r.count(1, 3))
		for at := r.wait(2 * time.Hour); at < c.calendar.end; at += r.wait(2 * time.Hour) {
			if r.chance(0.4) {
				c.add(r, at, a, cloud, source(r, false), 443, session{lasts: r.around(30*time.Second, 1), ends: byResponder, up: r.amount(3e3, 1), down: r.amount(3e3, 1)})
				continue
			}
			to := pick(r, mine)
			if !to.down(at) {
				c.add(r, at, a, to.address(at), source(r, false), to.service(), session{lasts: r.around(4*time.Second, 1.2), ends: byOriginator, up: r.amount(3e3, 1), down: r.amount(30e3, 1)})
			}
		}
	}
}

// branch is an office elsewhere, whose machines nobody has listed.
func branch(c *company, r random) {
	services := c.of(fileServer, domainController, windowsServer, mailServer, webServer, application)
	if len(services) == 0 {
		return
	}
	var desks []netip.Addr
	for n := range r.count(2, 9) {
		desks = append(desks, netip.AddrFrom4([4]byte{c.pool[0], c.pool[1], c.pool[2] - 5, byte(100 + n)}))
	}
	c.calendar.spread(r, rate{float64(len(desks)) * 30, office, 0.05}, func(at time.Duration) {
		to := pick(r, services)
		port := to.service()
		if to.kind == domainController {
			port = pick(r, []uint16{88, 389, 445})
		}
		if !to.down(at) {
			c.add(r, at, pick(r, desks), to.address(at), source(r, true), port, session{lasts: r.around(20*time.Second, 1.5), ends: byOriginator, up: r.amount(9e3, 1), down: r.amount(90e3, 1.5)})
		}
	})
}

// fromHome is administrators who come in from home over ssh, each from their
// own address, in the evenings too.
func fromHome(c *company, r random) {
	bastions := c.of(bastion)
	if len(bastions) == 0 || !bastions[0].exposed {
		return
	}
	for _, p := range append(c.admins(), c.developers()...) {
		if len(p.favour) == 0 || r.chance(0.4) {
			continue
		}
		home := outsider(r)
		c.calendar.spread(r, rate{r.between(0.2, 2), people, 0.5}, func(at time.Duration) {
			lasts := r.around(10*time.Minute, 1.3)
			c.enter(r, at, home, bastions[0], 22, terminal(r, lasts+20*time.Second))
			if h := p.favour[r.rank(len(p.favour))]; h != bastions[0] && r.chance(0.9) {
				c.call(r, at+r.span(time.Second, 20*time.Second), bastions[0], h, h.remoteShell(), terminal(r, lasts))
			}
			if r.chance(0.03) {
				home = outsider(r) // the provider has dealt out another
			}
		})
	}
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

func notebooks(c *company, r random) {
	hosts := c.of(compute, warehouse, staging)
	if len(hosts) == 0 {
		return
	}
	for _, p := range c.developers() {
		h := pick(r, hosts)
		for _, w := range p.shifts {
			if r.chance(0.4) {
				c.persistent(r, p.desk, h, 8888, keep{during: w, life: time.Hour, up: 300, down: 3000})
			}
		}
	}
}

func certificates(c *company, r random) {
	authority := newCrowd(r, 2).regulars
	for _, h := range c.of(loadBalancer, webServer, mailServer) {
		for at := r.wait(12 * time.Hour); at < c.calendar.end; at += 12*time.Hour + r.span(0, time.Hour) {
			c.leave(r, at, h, pick(r, authority), 443, session{lasts: r.around(3*time.Second, 0.6), ends: byOriginator, up: 3e3, down: 9e3})
		}
	}
}

func storage(c *company, r random) {
	files := c.of(fileServer)
	for _, h := range c.of(hypervisor, database) {
		if len(files) > 0 && r.chance(0.5) {
			c.persistent(r, h, files[0], pick(r, []uint16{2049, 3260}), keep{life: 70 * time.Hour, up: 90e3, down: 90e3})
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
