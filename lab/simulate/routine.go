package simulate

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
