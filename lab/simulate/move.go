package simulate

import (
	"net/netip"
	"time"
)

// look scans for reachable hosts. A stealthy attacker scans little or nothing.
func (i *attacker) look(from *host) {
	targets := i.count(i.pace.reach[0], i.pace.reach[1])
	switch {
	case i.stealth == 2:
		return
	case i.stealth == 1:
		targets = i.count(0, 3)
	case i.chance(0.35):
		return // has a list already
	}
	ports := some(i, []uint16{22, 445, 3389, 5985, 3306, 5432, 6379, 8080, 1433, 135, 80, 389}, i.count(1, 3))
	gap := i.span(20*ms, 4*seconds)
	if i.kind == "slow" || i.stealth == 1 {
		gap = i.span(10*seconds, 3*minutes)
	}
	for _, h := range some(i, i.hosts, targets) {
		if h == from || !h.alive(i.at) {
			continue
		}
		for _, port := range ports {
			i.try(i.at, edge{from, h, port})
			i.at += i.wait(gap)
		}
	}
	if i.stealth == 0 && i.chance(0.5) { // addresses that are not assigned
		a := i.hosts[i.IntN(len(i.hosts))].spells[0].address.As4()
		i.repeat(3, 40, func() {
			a[3] = byte(i.count(120, 200))
			to := row{from.address(i.at), netip.AddrFrom4(a), source(i.random, from.windows), ports[0]}
			i.as("scan", false).add(i.at, to, session{ends: silent, syns: uint8(i.count(1, 3))})
			i.at += i.wait(gap)
		})
	}
	i.used[from] = i.at
}

// try probes a port.
func (i *attacker) try(at time.Duration, e edge) {
	s := i.probe(e)
	i.as("scan", s.established()).call(at, e, s)
}

// guess tries passwords.
func (i *attacker) guess(kind string, e edge, most int) {
	i.repeat(1, most, func() {
		i.as(kind, false).call(i.at, e, talk{2500 * ms, 0.5, "ro", 1600, 0.3, 2200, 0.3})
		i.at += i.wait(5*seconds) + time.Second
	})
}

// move goes from one host onto another and reports whether that succeeded.
func (i *attacker) move(e edge) bool {
	if i.chanceByStealth(0.12, 0.04) { // fails
		i.guess("move", e, 1+i.pace.guesses)
		i.used[e.from] = i.at
		return false
	}
	if i.chanceByStealth(0.5, 0.1) {
		i.guess("scan", e, i.pace.guesses)
	}
	rows := len(i.rows)
	lasts := i.around(i.pace.session, 1)
	if i.stealth == 2 && i.chance(0.5) {
		lasts = i.usage.length(i.random, e)
	}
	i.exploit(i.as("move", true), e, lasts)
	if len(i.rows) == rows || !i.rows[rows].established() {
		return false
	}
	i.opened[e.to] = rows
	i.used[e.from] = i.at
	i.settle(e)
	i.take(e.to)
	return true
}

// exploit is the connections of a move, by port.
func (i *attacker) exploit(t traffic, e edge, lasts time.Duration) {
	rpc := edge{e.from, e.to, e.to.dynamic()}
	switch e.port {
	case 445: // a service installed and started over SMB, as PsExec does
		t.call(i.at, e, talk{lasts, 0, "oOr", 2e6, 1, 200e3, 1})
		if i.stealth < 2 && e.to.windows && t.chance(0.6) {
			t.call(i.at+t.span(500*ms, 3*seconds), edge{e.from, e.to, 135}, talk{5 * seconds, 0.6, "o", 600, 0, 500, 0})
			t.call(i.at+t.span(time.Second, 4*seconds), rpc, talk{40 * seconds, 1, "o", 3e3, 0, 3e3, 0})
		}
	case 135: // WMI: no SMB at all
		t.call(i.at, e, talk{9 * seconds, 0.6, "o", 900, 0, 700, 0})
		t.call(i.at+t.span(200*ms, 2*seconds), rpc, talk{lasts, 0, "oO", 30e3, 1, 60e3, 1})
	case 6379, 9200, 8080: // a vulnerability of a service
		t.repeat(1, 6, func() { t.call(i.at+t.span(0, 40*seconds), e, talk{2 * seconds, 1, "orO", 3e3, 1, 3e3, 1}) })
	case 5985:
		t.repeat(1, 4, func() { t.call(i.at+t.span(0, time.Minute), e, talk{50 * seconds, 1, "oO", 30e3, 1, 60e3, 1}) })
	case 3389:
		t.call(i.at, e, talk{lasts + time.Minute, 0, "oO", 900e3, 1, 20e6, 1})
	case 22:
		t.call(i.at, e, terminal(lasts))
		if i.stealth < 2 && t.chance(0.4) { // tools are copied first
			t.call(i.at+t.span(5*seconds, 90*seconds), e, talk{4 * seconds, 0.8, "o", 4e6, 1, 4e3, 0})
		}
	default:
		t.call(i.at, e, talk{lasts, 0, "ooOr", 40e3, 1, 40e6, 2})
	}
}

// settle is what follows on a host that was taken: it fetches tools, and may
// connect back.
func (i *attacker) settle(e edge) {
	if e.port != 22 && e.port != 3389 && e.port != 5985 && i.chanceByStealth(0.5, 0.2) {
		back := i.port(4444, 8443, 9001, 443, 53, 1337)
		at := i.at + i.span(2*seconds, 30*seconds)
		s := talk{15 * minutes, 1, "oR", 90e3, 1, 20e3, 1}.draw(i.random)
		if i.chance(0.6) {
			i.as("c2", true).call(at, edge{e.to, e.from, back}, s)
		} else {
			i.as("c2", true).leave(at, outbound{e.to, i.control, back}, s)
		}
	}
	if i.stealth == 2 || i.chance(0.6) {
		return
	}
	tools := talk{1500 * ms, 0.8, "or", 300, 0, 3e6, 1}.draw(i.random)
	at := i.at + i.span(10*seconds, 4*minutes)
	if i.stealth == 0 && i.chance(0.4) {
		i.as("c2", true).call(at, edge{e.to, e.from, i.port(8000, 8080, 80, 9999)}, tools)
	} else {
		i.as("c2", true).leave(at, outbound{e.to, i.tools, i.port(443, 443, 80, 8000)}, tools)
	}
}

// enumerate reads the directory: many tickets, long answers.
func (i *attacker) enumerate(from *host) {
	dcs := i.of(domainController)
	if len(dcs) == 0 || i.stealth == 2 && !from.windows {
		return
	}
	e := edge{from, pick(i, dcs), 389}
	if e.to == from || e.to.down(i.at) || i.filtered(e) {
		return
	}
	t := i.as("scan", true)
	t.call(i.at, e, talk{25 * seconds, 1, "o", 30e3, 1, 3e6, 1})
	for n := range i.count(0, 25) {
		t.call(i.at+time.Duration(n)*i.span(50*ms, 3*seconds), edge{from, e.to, 88}, kerberos)
	}
	i.at += i.span(20*seconds, 4*minutes)
}

// spray tries one password on many hosts.
func (i *attacker) spray(from *host) {
	port := uint16(22)
	if i.chance(0.5) {
		port = i.port(445, 3389)
	}
	gap := i.span(300*ms, 20*seconds)
	for _, h := range some(i, i.hosts, i.count(5, 30)) {
		e := edge{from, h, port}
		if h == from || h.down(i.at) || !h.listens(port) || i.filtered(e) {
			continue
		}
		i.as("scan", false).call(i.at, e, talk{2 * seconds, 0.4, "roO", 1500, 0.2, 2000, 0.2})
		i.at += i.wait(gap)
	}
	i.used[from] = i.at
}

// relay uses a host as a proxy: many connections to services behind it, from a
// program on the attacker's own machine.
func (i *attacker) relay(from *host) {
	var services []edge
	for _, h := range i.of(webServer, application, database, codeServer, monitoring, fileServer, search, buildServer) {
		if e := (edge{from, h, h.service()}); h != from && !h.down(i.at) && !i.filtered(e) {
			services = append(services, e)
		}
	}
	for _, e := range some(i, services, i.count(1, 6)) {
		i.repeat(1, 8, func() {
			i.as("scan", true).call(i.at, e, talk{4 * seconds, 1.3, "orO", 3e3, 1, 60e3, 1.5})
			i.at += i.wait(5 * seconds)
		})
		i.at += i.wait(40 * seconds)
	}
	i.used[from] = i.at
}

// worm spreads by itself: every host that it has taken scans for others at
// once, so that it is in many places at the same time.
func (i *attacker) worm() {
	port := i.port(22, 445, 445, 3389)
	most := i.count(6, 22)
	for n := 0; n < len(i.held) && len(i.held) < most; n++ {
		from := i.held[n]
		at := i.taken[from] + i.span(4*seconds, 2*minutes)
		gap := i.span(20*ms, 3*seconds)
		for _, h := range some(i, i.hosts, i.count(8, 40)) {
			at += i.wait(gap)
			if len(i.held) >= most || at > i.until || from.down(at) {
				break
			}
			e := edge{from, h, port}
			if h == from || i.holds(h) {
				continue
			}
			i.at = at
			if h.down(at) || !h.listens(port) || i.filtered(e) || i.chance(0.7) {
				i.try(at, e)
				continue
			}
			rows := len(i.rows)
			i.as("move", true).call(at, e, talk{20 * seconds, 0.8, "orO", 3e6, 0.5, 20e3, 0.5})
			if len(i.rows) > rows && i.rows[rows].established() {
				i.settle(e)
				i.take(h)
			}
		}
		i.used[from] = at
	}
}
