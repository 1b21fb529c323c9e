package simulate

import "time"

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
