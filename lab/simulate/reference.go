package simulate

import (
	"net/netip"
	"time"
)

// reference is the incident of headstart's design, to the second, on a day
// after the learning period. 14:30:00 is local time.
func (i *attacker) reference() {
	i.entry = "ssh-password"
	web, db, files, dc := i.best(webServer), i.best(database), i.best(fileServer), i.best(domainController)
	d, _ := i.calendar.local(i.at)
	at := func(clock time.Duration) time.Duration { return i.calendar.clock(d, 0) + clock }
	if at(14*hours+30*minutes) < i.calendar.learn {
		d++
	}
	step := func(kind string, clock time.Duration, e edge, k talk) { i.as(kind, true).call(at(clock), e, k) }
	i.as("entry", true).enter(at(14*hours+30*minutes), inbound{i.address, web, 22}, talk{2*hours + 51*minutes, 0, "o", 90e3, 0, 700e3, 0})
	step("move", 14*hours+30*minutes+23*seconds, edge{web, db, db.service()}, talk{847 * seconds, 0, "o", 40e3, 0, 90e6, 0})
	i.sweepShares(at(15*hours+15*minutes+41*seconds), web, files)
	step("move", 15*hours+47*minutes+12*seconds, edge{web, files, 445}, talk{31 * minutes, 0, "o", 9e6, 0, 1.1e9, 0})
	from := files
	if i.chance(0.5) {
		from = web
	}
	step("goal", 16*hours+22*minutes+8*seconds, edge{from, dc, 3389}, talk{58 * minutes, 0, "o", 2e6, 0, 60e6, 0})
	t := at(16*hours + 31*minutes)
	for _, h := range some(i, i.where(func(h *host) bool {
		return !h.kind.appliance() && h != web && h != db && h != files && h != dc && !h.down(t) && (h.listens(22) || h.listens(445))
	}), 4) {
		lasts := i.span(4*minutes, 25*minutes)
		i.as("move", true).call(t, edge{dc, h, h.adminPort()}, talk{lasts, 0, "o", 900e3, 1, 9e6, 1})
		t += i.span(5*minutes, 13*minutes)
	}
	exfil := talk{19 * minutes, 0, "o", 2.3e9, 0, 5e6, 0}
	i.as("exfil", true).leave(at(17*hours+2*minutes+37*seconds), outbound{web, i.control, 443}, exfil)
}

// sweepShares tries sixty addresses near the file server for SMB.
func (i *attacker) sweepShares(at time.Duration, web, files *host) {
	subnet, byAddress := files.address(at).As4(), i.byAddress()
	for n := range 60 {
		subnet[3] = byte(n + 1)
		to := netip.AddrFrom4(subnet)
		if h := byAddress[to]; h == nil {
			i.as("scan", false).add(at, row{web.address(at), to, source(i.random, false), 445}, session{ends: silent, syns: 2})
		} else {
			i.as("scan", h.listens(445)).call(at, edge{web, h, 445}, i.probe(edge{web, h, 445}))
		}
		at += i.span(200*ms, 1500*ms)
	}
}

// best is the host of a kind that is most certain to be there and seen.
func (i *attacker) best(k kind) *host {
	var found *host
	most := -1
	for _, h := range i.of(k) {
		n := 0
		if h.life.from < 0 && h.life.to > i.calendar.end && len(h.outages)+len(h.closures) == 0 {
			n += 2 // there on that day for sure
		}
		if h.monitored {
			n++
		}
		if n > most {
			found, most = h, n
		}
	}
	return found
}
