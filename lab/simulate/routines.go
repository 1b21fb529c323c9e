package simulate

import (
	"net/netip"
	"time"
)

// needs are lists of kinds: a company must have a host of each list.
type needs [][]kind

// activity is traffic of one kind, with a source of randomness of its own.
type activity struct {
	name  string
	share float64                         // of companies that have it
	needs needs                           // or there is none
	do    func(t traffic, cast [][]*host) // cast are the hosts of needs
}

func (a *activity) run(t traffic) {
	if cast, ok := t.cast(a.needs); ok {
		a.do(t, cast)
	}
}

// runRoutines adds the routines that the seed gives to this company.
func (c *company) runRoutines() {
	for _, a := range routines {
		t := c.traffic("routine " + a.name)
		if t.chance(a.share) {
			a.run(t)
		}
	}
}

// routines are what some companies do all the time, and others don't. Sources
// of randomness follow from the names.
var routines = []activity{
	{"weekly jobs", 0.9, needs{
		{application, worker, database, warehouse, monitoring, backupServer, fileServer, staging},
		{database, fileServer, warehouse, backupServer, application, search},
	}, weeklyJobs},
	{"code over ssh", 0.4, nil, codeOverSSH},
	{"files kept alike", 0.35, nil, synchronizeFiles},
	{"files from partners", 0.3, needs{{application, fileServer, worker, bastion}}, filesFromPartners},
	{"files to partners", 0.35, needs{{application, worker, warehouse, fileServer}}, filesToPartners},
	{"standing tunnels", 0.3, nil, standingTunnels},
	{"dumps", 0.35, needs{{fileServer, backupServer, staging, application}}, dumps},
	{"checks over ssh", 0.15, nil, checksOverSSH},
	{"mounted shares", 0.3, needs{{fileServer}}, mountedShares},
	{"logs collected", 0.25, needs{{worker, logServer, warehouse, configManager, fileServer}}, collectLogs},
	{"watched from outside", 0.6, nil, externalChecks},
	{"front checks", 0.5, nil, frontChecks},
	{"idle clients", 0.35, needs{{staging, bastion, application, adminDesk, developerDesk}, {database, warehouse}}, idleClients},
	{"open terminals", 0.4, needs{{adminDesk, bastion, developerDesk}, {linux}}, openTerminals},
	{"Windows updates", 0.6, needs{{windowsServer, domainController, printServer}}, windowsUpdates},
	{"Windows inventory", 0.4, needs{{windowsServer, adminDesk, monitoring}}, windowsInventory},
	{"software pushed", 0.3, needs{{windowsServer, domainController, adminDesk}}, pushSoftware},
	{"remote help", 0.3, needs{{officeDesk, adminDesk, windowsServer}}, remoteHelp},
	{"hooks", 0.5, needs{{codeServer}, {buildServer}}, hooks},
	{"gossip", 0.2, nil, gossip},
	{"containers", 0.25, nil, containers},
	{"unlisted hosts", 0.5, needs{
		{nameServer, domainController, fileServer, webServer, application, mailServer, codeServer},
	}, unlistedHosts},
	{"branch", 0.25, needs{{fileServer, domainController, windowsServer, mailServer, webServer, application}}, branch},
	{"from home", 0.35, nil, fromHome},
	{"remote desktops outside", 0.12, needs{{terminalServer, windowsServer}}, exposedRemoteDesktop},
	{"moving machines", 0.6, nil, migrateMachines},
	{"notebooks", 0.4, needs{{compute, warehouse, staging}}, notebooks},
	{"certificates", 0.7, nil, certificates},
	{"storage", 0.5, needs{{fileServer}}, storage},
	{"standby", 0.4, nil, standby},
	{"front pools", 0.4, nil, frontPools},
	{"calls that stay", 0.4, nil, longLivedCalls},
	{"heartbeats", 0.2, nil, heartbeats},
	{"voice", 0.4, nil, voice},
}

// idleClients are database clients that stay open over night.
func idleClients(t traffic, cast [][]*host) {
	from, dbs := cast[0], cast[1]
	t.spread(rate{t.between(0.3, 2), office, 0.1}, func(at time.Duration) {
		to := pick(t, dbs)
		t.call(at, edge{pick(t, from), to, to.service()}, talk{7 * hours, 0.9, "orR", 9e3, 1, 90e3, 1.5})
	})
}

func openTerminals(t traffic, cast [][]*host) {
	from, to := cast[0], cast[1]
	t.repeat(1, 5, func() {
		t.persistent(edge{pick(t, from), pick(t, to), 22}, keep{life: 40 * hours, up: 2, down: 20})
	})
}

// unlistedHosts are inside and in no inventory: a test machine, a gadget.
func unlistedHosts(t traffic, cast [][]*host) {
	near := t.hosts[0].spells[0].address.As4()
	for n := range t.count(1, 5) {
		a := netip.AddrFrom4([4]byte{near[0], near[1], t.pool[2] - 1, byte(20 + n*3)})
		cloud := outsider(t.random)
		mine := some(t, cast[0], t.count(1, 3))
		t.apart(2*hours, 2*hours, 0, func(at time.Duration) {
			if t.chance(0.4) {
				t.add(at, row{a, cloud, source(t.random, false), 443}, talk{30 * seconds, 1, "r", 3e3, 1, 3e3, 1})
			} else if to := pick(t, mine); !to.down(at) {
				t.add(at, row{a, to.address(at), source(t.random, false), to.service()}, talk{4 * seconds, 1.2, "o", 3e3, 1, 30e3, 1})
			}
		})
	}
}

// branch is an office elsewhere, with machines that no inventory lists.
func branch(t traffic, cast [][]*host) {
	var desks []netip.Addr
	for n := range t.count(2, 9) {
		desks = append(desks, netip.AddrFrom4([4]byte{t.pool[0], t.pool[1], t.pool[2] - 5, byte(100 + n)}))
	}
	t.spread(rate{float64(len(desks)) * 30, office, 0.05}, func(at time.Duration) {
		to := pick(t, cast[0])
		port := to.service()
		if to.kind == domainController {
			port = t.port(88, 389, 445)
		}
		if !to.down(at) {
			t.add(at, row{pick(t, desks), to.address(at), source(t.random, true), port}, talk{20 * seconds, 1.5, "o", 9e3, 1, 90e3, 1.5})
		}
	})
}

// fromHome is administrators and developers who log in from home, each from
// their own address, in the evenings too.
func fromHome(t traffic, _ [][]*host) {
	bastions := t.of(bastion)
	if len(bastions) == 0 || !bastions[0].exposed {
		return
	}
	for _, p := range t.staff(adminDesk, developerDesk) {
		if len(p.favorites) == 0 || t.chance(0.4) {
			continue
		}
		home := outsider(t.random)
		t.spread(rate{t.between(0.2, 2), people, 0.5}, func(at time.Duration) {
			lasts := t.around(10*minutes, 1.3)
			t.enter(at, inbound{home, bastions[0], 22}, terminal(lasts+20*seconds))
			if h := p.favorites[t.rank(len(p.favorites))]; h != bastions[0] && t.chance(0.9) {
				t.call(at+t.span(time.Second, 20*seconds), edge{bastions[0], h, h.remoteShell()}, terminal(lasts))
			}
			if t.chance(0.03) {
				home = outsider(t.random) // the provider has assigned another
			}
		})
	}
}

func notebooks(t traffic, cast [][]*host) {
	for _, p := range t.staff(developerDesk) {
		h := pick(t, cast[0])
		for _, w := range p.shifts {
			if t.chance(0.4) {
				t.persistent(edge{p.desk, h, 8888}, keep{time.Hour, 300, 3000, w})
			}
		}
	}
}

// voice is telephones, which are on all day.
func voice(t traffic, _ [][]*host) {
	exchange := outsider(t.random)
	for _, p := range t.staff(officeDesk) {
		for _, w := range p.shifts {
			if at := w.from + t.span(0, 20*minutes); !p.desk.down(at) {
				t.leave(at, outbound{p.desk, exchange, 5061}, talk{w.to - at, 0, "o", 900e3, 1, 900e3, 1})
			}
		}
	}
}

func remoteHelp(t traffic, cast [][]*host) {
	relays := newCrowd(t.random, 5).regulars
	t.spread(rate{3, office, 0.1}, func(at time.Duration) {
		t.leave(at, outbound{pick(t, cast[0]), pick(t, relays), t.port(5938, 443, 7070)}, talk{25 * minutes, 1.2, "o", 9e6, 1.5, 2e6, 1})
	})
}

// exposedRemoteDesktop answers the internet, which tries passwords on it.
func exposedRemoteDesktop(t traffic, cast [][]*host) {
	h := pick(t, cast[0])
	homes := newCrowd(t.random, 8).regulars
	t.spread(rate{6, office, 0.3}, func(at time.Duration) {
		t.enter(at, inbound{pick(t, homes), h, 3389}, talk{80 * minutes, 0.9, "o", 3e6, 1, 90e6, 1})
	})
	t.spread(rate{15, steady, 1}, func(at time.Duration) {
		from := outsider(t.random)
		for range 1 + int(t.ExpFloat64()*20) {
			t.enter(at, inbound{from, h, 3389}, talk{2 * seconds, 0.4, "oO", 1500, 0.2, 1800, 0.2})
			at += t.wait(9*seconds) + time.Second
		}
	})
}
