package company

import (
	"net/netip"
	"time"
)

// change is something that happens to the company or in it and harms nobody.
// It sets the stage before any traffic is made up (addresses, outages, lives of
// hosts) and returns what it adds to the traffic, or nothing.
type change struct {
	kind   string
	weekly float64 // how often in a company of 50 hosts
	happen func(c *company, r random, at time.Duration) (traffic func(), done bool)
}

// plan decides what changes and when. Every change can come before and after
// the learning time.
func (c *company) planChanges() {
	for _, k := range changes {
		r := newRandom(c.options.Seed, "change "+k.kind)
		size := min(3, float64(c.options.Hosts)/50)
		mean := k.weekly * c.ways.busy * size * c.calendar.end.Hours() / (7 * 24)
		for range r.poisson(mean) {
			at := r.span(0, c.calendar.end)
			if t, ok := c.calendar.after(r, at); ok {
				at = t
			}
			if traffic, done := k.happen(c, r, at); done && traffic != nil {
				c.later = append(c.later, traffic)
			}
		}
	}
}

var changes = []change{
	{"new-server", 1.2, newServer},
	{"replaced-server", 0.7, replacedServer},
	{"new-address", 1.5, newAddress},
	{"outage", 1.2, outage},
	{"maintenance", 1, maintenance},
	{"decommissioned", 0.4, decommissioned},
	{"first-login", 2.5, firstLogin},
	{"on-call-login", 1.2, onCallLogin},
	{"new-developer", 0.5, newDeveloper},
	{"contractor", 0.6, contractor},
	{"travelling-administrator", 0.8, travellingAdministrator},
	{"migration", 0.6, migration},
	{"deployment-to-all", 0.5, deploymentToAll},
	{"new-job", 0.8, newJob},
	{"new-agent", 0.3, newAgent},
	{"troubleshooting", 0.6, troubleshooting},
	{"file-copy", 0.6, fileCopy},
	{"report", 1, report},
	{"port-check", 0.5, portCheck},
	{"file-server-move", 0.3, shareMove},
	{"restore", 0.4, restore},
	{"helpdesk", 1.2, helpdesk},
	{"tunnel", 0.6, tunnel},
	{"partner-transfer", 0.6, partnerTransfer},
	{"new-cloud-service", 0.6, newCloudService},
	{"failover", 0.3, failover},
	{"forgotten-password", 1.5, forgottenPassword},
	{"wrong-setting", 0.8, wrongSetting},
	{"extra-scan", 0.2, extraScan},
	{"crawler", 1, crawler},
	{"popular-day", 0.3, popularDay},
	{"visitor", 0.4, visitor},
}

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

func (c *company) admins() []*person {
	var all []*person
	for _, p := range c.people {
		if p.desk.kind == adminDesk {
			all = append(all, p)
		}
	}
	return all
}

func (c *company) developers() []*person {
	var all []*person
	for _, p := range c.people {
		if p.desk.kind == developerDesk {
			all = append(all, p)
		}
	}
	return all
}

// anybody is an administrator, or else whoever there is.
func (c *company) anybody(r random) (*person, bool) {
	for _, list := range [][]*person{c.admins(), c.developers(), c.people} {
		if len(list) > 0 {
			return pick(r, list), true
		}
	}
	return nil, false
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

func firstLogin(c *company, r random, at time.Duration) (func(), bool) {
	p, ok := c.anybody(r)
	all := c.where(func(h *host) bool { return !h.kind.desk() && (h.listens(22) || h.listens(3389)) })
	if !ok || len(all) == 0 {
		return nil, false
	}
	h := pick(r, all)
	c.note("first-login", window{at, at + 2*time.Hour}, "somebody logs into a server that others look after", p.desk, h)
	return func() {
		for range r.count(1, 3) {
			c.reach(r, at, p.desk, h, r.around(11*time.Minute, 1.2))
			at += r.wait(20 * time.Minute)
		}
	}, true
}

func onCallLogin(c *company, r random, at time.Duration) (func(), bool) {
	d, _ := c.calendar.local(at)
	at = c.calendar.clock(d, r.between(22, 30))
	p, ok := c.anybody(r)
	all := c.of(webServer, application, database, cache, queue, worker, logServer, compute, mailServer)
	if !ok || len(all) == 0 {
		return nil, false
	}
	set := some(r, all, r.count(1, 4))
	c.note("on-call-login", window{at, at + 2*time.Hour}, "something fails at night, and whoever is on call logs in from home", append(set, p.desk)...)
	home := outsider(r)
	gateways := c.of(vpnGateway)
	lease := netip.AddrFrom4([4]byte{c.pool[0], c.pool[1], c.pool[2], byte(r.count(2, 9))})
	return func() {
		begin := at
		for _, h := range set {
			lasts := r.around(8*time.Minute, 0.9)
			switch bastions := c.of(bastion); {
			case len(bastions) > 0 && bastions[0].exposed && r.chance(0.6):
				c.enter(r, begin, home, bastions[0], 22, terminal(r, lasts+time.Minute))
				c.call(r, begin+r.span(2*time.Second, 20*time.Second), bastions[0], h, h.remoteShell(), terminal(r, lasts))
			case len(gateways) > 0 && !h.down(begin):
				c.enter(r, begin-time.Minute, home, gateways[0], 443, session{lasts: lasts + 5*time.Minute, ends: byOriginator, up: r.amount(2e6, 1), down: r.amount(9e6, 1)})
				c.add(r, begin, lease, h.address(begin), source(r, p.desk.windows), h.remoteShell(), terminal(r, lasts))
			default:
				c.reach(r, begin, p.desk, h, lasts)
			}
			if dbs := c.of(database); len(dbs) > 0 && h.kind != database && r.chance(0.4) {
				db := pick(r, dbs)
				c.call(r, begin+r.span(30*time.Second, 3*time.Minute), h, db, db.service(), session{lasts: r.around(4*time.Minute, 0.9), ends: byOriginator, up: r.amount(5e3, 1), down: r.amount(90e3, 1)})
			}
			begin += r.wait(6 * time.Minute)
		}
	}, true
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

func contractor(c *company, r random, at time.Duration) (func(), bool) {
	var doors []*host
	for _, h := range c.hosts {
		if h.exposed {
			doors = append(doors, h)
		}
	}
	if len(doors) == 0 {
		return nil, false
	}
	door, from := pick(r, doors), outsider(r)
	set := some(r, c.of(application, webServer, database, staging, compute, worker), r.count(1, 4))
	c.note("contractor", window{at, at + 2*day}, "somebody from outside comes in over ssh to work on some servers", append(set, door)...)
	return func() {
		for range r.count(1, 3) {
			for range r.count(1, 5) {
				lasts := r.around(25*time.Minute, 1)
				c.enter(r, at, from, door, 22, terminal(r, lasts+time.Minute))
				for _, h := range some(r, set, r.count(1, 2)) {
					c.call(r, at+r.span(5*time.Second, time.Minute), door, h, h.remoteShell(), terminal(r, lasts-r.span(0, lasts/2)))
				}
				at += r.wait(time.Hour) + lasts
			}
			at += day - r.span(0, 6*time.Hour)
		}
	}, true
}

func travellingAdministrator(c *company, r random, at time.Duration) (func(), bool) {
	p, ok := c.anybody(r)
	bastions := c.of(bastion)
	if !ok || len(bastions) == 0 || !bastions[0].exposed || len(p.favour) == 0 {
		return nil, false
	}
	from := outsider(r)
	c.note("travelling-administrator", window{at, at + day}, "an administrator works from a hotel", p.desk, bastions[0])
	return func() {
		for range r.count(2, 7) {
			h := p.favour[r.rank(len(p.favour))]
			lasts := r.around(9*time.Minute, 1.1)
			c.enter(r, at, from, bastions[0], 22, terminal(r, lasts+20*time.Second))
			if h != bastions[0] {
				c.call(r, at+r.span(time.Second, 15*time.Second), bastions[0], h, h.remoteShell(), terminal(r, lasts))
			}
			at += r.wait(2 * time.Hour)
		}
	}, true
}

func migration(c *company, r random, at time.Duration) (func(), bool) {
	dbs := c.of(database, warehouse)
	from := c.of(database, warehouse, application, worker, staging)
	if len(dbs) == 0 || len(from) < 2 {
		return nil, false
	}
	to := pick(r, dbs)
	h := pick(r, from)
	if h == to {
		return nil, false
	}
	if r.chance(0.5) {
		d, _ := c.calendar.local(at)
		at = c.calendar.clock(d, r.between(19, 28))
	}
	c.note("migration", window{at, at + 10*time.Hour}, "data move to another database", h, to)
	return func() {
		for range r.count(1, 8) {
			c.call(r, at+r.span(0, 20*time.Minute), h, to, to.service(), session{lasts: r.around(2*time.Hour, 0.8), ends: byOriginator, up: r.amount(3e9, 1.5), down: r.amount(90e6, 1.5)})
		}
		if p, ok := c.anybody(r); ok {
			c.reach(r, at-2*time.Minute, p.desk, h, r.around(2*time.Hour, 0.6))
		}
	}, true
}

func deploymentToAll(c *company, r random, at time.Duration) (func(), bool) {
	from := c.of(configManager, buildServer)
	if len(from) == 0 {
		return nil, false
	}
	m := pick(r, from)
	c.note("deployment-to-all", window{at, at + 2*time.Hour}, "a change is rolled out to every server at once", m)
	return func() {
		mirror := outsider(r)
		for _, h := range c.linux() {
			for range r.count(1, 4) {
				c.call(r, at+r.span(0, 90*time.Second), m, h, 22, session{lasts: r.around(40*time.Second, 0.8), ends: byOriginator, up: r.amount(900e3, 1), down: r.amount(50e3, 1)})
			}
			c.leave(r, at+r.span(0, 2*time.Minute), h, mirror, 443, session{lasts: r.around(5*time.Second, 0.8), ends: byOriginator, up: 3e3, down: r.amount(9e6, 1.2)})
			at += r.wait(10 * time.Second)
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

func troubleshooting(c *company, r random, at time.Duration) (func(), bool) {
	p, ok := c.anybody(r)
	all := c.linux()
	if !ok || len(all) < 4 {
		return nil, false
	}
	set := some(r, all, r.count(4, min(12, len(all))))
	c.note("troubleshooting", window{at, at + 4*time.Hour}, "people look for a fault on many servers and between them", set...)
	return func() {
		for range r.count(1, 3) {
			t := at
			for _, h := range set {
				lasts := r.around(15*time.Minute, 0.9)
				c.reach(r, t, p.desk, h, lasts)
				if r.chance(0.5) { // can it reach the next?
					next := pick(r, all)
					port := next.service()
					for range r.count(1, 5) {
						c.call(r, t+r.span(20*time.Second, lasts+30*time.Second), h, next, port, c.probe(r, h, next, port))
					}
				}
				if r.chance(0.15) {
					c.call(r, t+r.span(20*time.Second, lasts+30*time.Second), h, pick(r, set), 22, terminal(r, r.around(2*time.Minute, 1)))
				}
				t += r.wait(12 * time.Minute)
			}
			p, _ = c.anybody(r)
		}
	}, true
}

func fileCopy(c *company, r random, at time.Duration) (func(), bool) {
	two := some(r, c.linux(), 2)
	p, ok := c.anybody(r)
	if !ok || len(two) < 2 {
		return nil, false
	}
	c.note("file-copy", window{at, at + 3*time.Hour}, "somebody copies files from one server to another over ssh", two...)
	return func() {
		lasts := r.around(14*time.Minute, 1.2)
		c.reach(r, at, p.desk, two[0], lasts+3*time.Minute)
		c.call(r, at+r.span(20*time.Second, 2*time.Minute), two[0], two[1], 22, session{lasts: lasts, ends: byOriginator, up: r.amount(900e6, 1.5), down: r.amount(300e3, 1)})
	}, true
}

func report(c *company, r random, at time.Duration) (func(), bool) {
	dbs := c.of(database, warehouse)
	from := c.of(application, warehouse, webServer, worker)
	if len(dbs) == 0 || len(from) == 0 {
		return nil, false
	}
	db, h := pick(r, dbs), pick(r, from)
	c.note("report", window{at, at + 3*time.Hour}, "a query runs far longer than usual", h, db)
	return func() {
		c.call(r, at, h, db, db.service(), session{lasts: r.around(11*time.Minute, 0.9), ends: pick(r, []ending{byOriginator, byOriginator, abortedByOrigin, abortedByPeer}), up: r.amount(9e3, 1), down: r.amount(20e6, 2)})
	}, true
}

func portCheck(c *company, r random, at time.Duration) (func(), bool) {
	p, ok := c.anybody(r)
	if !ok {
		return nil, false
	}
	from := p.desk
	if l := c.linux(); len(l) > 0 && r.chance(0.5) {
		from = pick(r, l)
	}
	set := some(r, c.hosts, r.count(3, 15))
	ports := some(r, scanned, r.count(1, 3))
	c.note("port-check", window{at, at + time.Hour}, "somebody looks which of some hosts answer on a port", append(set, from)...)
	return func() {
		for _, h := range set {
			for _, port := range ports {
				c.call(r, at, from, h, port, c.probe(r, from, h, port))
				at += r.wait(2 * time.Second)
			}
		}
	}, true
}

func shareMove(c *company, r random, at time.Duration) (func(), bool) {
	two := some(r, c.of(fileServer, windowsServer, domainController, backupServer), 2)
	if len(two) < 2 {
		return nil, false
	}
	c.note("file-server-move", window{at, at + 12*time.Hour}, "a share moves to another server", two...)
	return func() {
		port := uint16(445)
		if !two[1].listens(445) {
			port = two[1].service()
		}
		for range r.count(1, 4) {
			c.call(r, at+r.span(0, time.Hour), two[0], two[1], port, session{lasts: r.around(3*time.Hour, 0.7), ends: byOriginator, up: r.amount(20e9, 1), down: r.amount(90e6, 1)})
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

func helpdesk(c *company, r random, at time.Duration) (func(), bool) {
	admins := c.admins()
	var desks []*host
	for _, h := range c.of(officeDesk) {
		desks = append(desks, h)
	}
	if len(admins) == 0 || len(desks) == 0 {
		return nil, false
	}
	from, set := pick(r, admins).desk, some(r, desks, r.count(1, 3))
	c.note("helpdesk", window{at, at + 2*time.Hour}, "an administrator helps people at their desks", append(set, from)...)
	return func() {
		for _, h := range set {
			c.call(r, at, from, h, pick(r, []uint16{3389, 5985, 445, 5900}), session{lasts: r.around(12*time.Minute, 1), ends: byOriginator, up: r.amount(900e3, 1), down: r.amount(20e6, 1)})
			at += r.wait(20 * time.Minute)
		}
	}, true
}

func tunnel(c *company, r random, at time.Duration) (func(), bool) {
	people := append(c.developers(), c.admins()...)
	bastions, dbs := c.of(bastion, staging, application), c.of(database, warehouse, search)
	if len(people) == 0 || len(bastions) == 0 || len(dbs) == 0 {
		return nil, false
	}
	p, via, db := pick(r, people), pick(r, bastions), pick(r, dbs)
	c.note("tunnel", window{at, at + 9*time.Hour}, "somebody looks into a database through ssh", p.desk, via, db)
	return func() {
		lasts := r.around(2*time.Hour, 0.8)
		c.call(r, at, p.desk, via, 22, session{lasts: lasts, ends: byOriginator, up: r.amount(900e3, 1), down: r.amount(30e6, 1)})
		for range r.count(1, 5) {
			c.call(r, at+r.span(0, lasts/2), via, db, db.service(), session{lasts: r.span(time.Minute, lasts/2+2*time.Minute), ends: byOriginator, up: r.amount(90e3, 1), down: r.amount(9e6, 1)})
		}
	}, true
}

func partnerTransfer(c *company, r random, at time.Duration) (func(), bool) {
	from := c.of(application, worker, fileServer, backupServer, warehouse, compute)
	if len(from) == 0 {
		return nil, false
	}
	h := pick(r, from)
	c.note("partner-transfer", window{at, at + 3*time.Hour}, "gigabytes go to a partner", h)
	return func() {
		c.leave(r, at, h, outsider(r), pick(r, []uint16{22, 443, 21}), session{lasts: r.around(40*time.Minute, 0.8), ends: byOriginator, up: r.amount(3e9, 1), down: r.amount(3e6, 1)})
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

func forgottenPassword(c *company, r random, at time.Duration) (func(), bool) {
	if len(c.people) == 0 {
		return nil, false
	}
	p := pick(r, c.people)
	if len(p.favour) == 0 {
		return nil, false
	}
	h := pick(r, p.favour)
	c.note("forgotten-password", window{at, at + time.Hour}, "somebody mistypes a password again and again", p.desk, h)
	return func() {
		for range r.count(3, 12) {
			c.call(r, at, p.desk, h, h.remoteShell(), session{lasts: r.around(6*time.Second, 0.7), ends: pick(r, []ending{byResponder, byOriginator}), up: r.amount(1500, 0.2), down: r.amount(2200, 0.2)})
			at += r.wait(25 * time.Second)
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

func visitor(c *company, r random, at time.Duration) (func(), bool) {
	files, prints := c.of(fileServer), c.of(printer)
	if len(files) == 0 {
		return nil, false
	}
	c.note("visitor", window{at, at + 8*time.Hour}, "an auditor's laptop, which no inventory has, uses the network", files[0])
	lease := netip.AddrFrom4([4]byte{c.pool[0], c.pool[1], c.pool[2], byte(r.count(251, 254))})
	return func() {
		for range r.count(3, 12) {
			to, port := files[0], uint16(445)
			if len(prints) > 0 && r.chance(0.2) {
				to, port = prints[0], 9100
			}
			t := at + r.span(0, 6*time.Hour)
			if !to.down(t) {
				c.add(r, t, lease, to.address(t), source(r, true), port, session{lasts: r.around(9*time.Minute, 1.2), ends: byOriginator, up: r.amount(90e3, 1), down: r.amount(9e6, 1.5)})
			}
		}
	}, true
}
