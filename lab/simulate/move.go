package simulate

import (
	"net/netip"
	"time"
)

// look scans for what can be reached. Who hides looks at little or nothing.
func (i *intruder) look(from *host, p pace) {
	targets := i.r.count(p.reach[0], p.reach[1])
	switch {
	case i.stealth == 2:
		return
	case i.stealth == 1:
		targets = i.r.count(0, 3)
	case i.r.chance(0.35):
		return // has a list already
	}
	ports := some(i.r, []uint16{22, 445, 3389, 5985, 3306, 5432, 6379, 8080, 1433, 135, 80, 389}, i.r.count(1, 3))
	gap := i.r.span(20*time.Millisecond, 4*time.Second)
	if i.kind == "slow" || i.stealth == 1 {
		gap = i.r.span(10*time.Second, 3*time.Minute)
	}
	for _, h := range some(i.r, i.c.hosts, targets) {
		if h == from || !h.alive(i.at) {
			continue
		}
		for _, port := range ports {
			s := i.c.probe(i.r, from, h, port)
			i.do("scan", established(s), func() { i.c.call(i.r, i.at, from, h, port, s) })
			i.at += i.r.wait(gap)
		}
	}
	if i.stealth == 0 && i.r.chance(0.5) { // addresses that nobody has
		a := i.c.hosts[i.r.IntN(len(i.c.hosts))].spells[0].address.As4()
		for range i.r.count(3, 40) {
			a[3] = byte(i.r.count(120, 200))
			i.do("scan", false, func() {
				i.c.add(i.r, i.at, from.address(i.at), netip.AddrFrom4(a), source(i.r, from.windows), ports[0], session{ends: silent, syns: uint8(i.r.count(1, 3))})
			})
			i.at += i.r.wait(gap)
		}
	}
	i.used[from] = i.at
}

// move goes from one host onto another and says whether that worked.
func (i *intruder) move(from, to *host, port uint16) bool {
	p := paces[i.kind]
	if i.stealth == 0 && i.r.chance(0.12) || i.stealth == 1 && i.r.chance(0.04) {
		// Nothing comes of it.
		i.do("move", false, func() {
			for range i.r.count(1, 1+p.guesses) {
				i.c.call(i.r, i.at, from, to, port, session{lasts: i.r.around(2500*time.Millisecond, 0.5), ends: pick(i.r, []ending{byResponder, byOriginator}), up: i.r.amount(1600, 0.3), down: i.r.amount(2200, 0.3)})
				i.at += i.r.wait(5*time.Second) + time.Second
			}
		})
		i.used[from] = i.at
		return false
	}
	if i.stealth == 0 && i.r.chance(0.5) || i.stealth == 1 && i.r.chance(0.1) {
		i.do("scan", false, func() {
			for range i.r.count(1, p.guesses) {
				i.c.call(i.r, i.at, from, to, port, session{lasts: i.r.around(2500*time.Millisecond, 0.5), ends: pick(i.r, []ending{byResponder, byOriginator}), up: i.r.amount(1600, 0.3), down: i.r.amount(2200, 0.3)})
				i.at += i.r.wait(5*time.Second) + time.Second
			}
		})
	}
	rows := len(i.c.rows)
	lasts := i.r.around(p.session, 1)
	if i.stealth == 2 && i.r.chance(0.5) {
		lasts = i.usual.length(i.r, from, to, port)
	}
	i.do("move", true, func() {
		switch {
		case port == 445:
			i.remoteService(from, to, lasts)
		case port == 135: // WMI: no SMB at all
			i.c.call(i.r, i.at, from, to, 135, session{lasts: i.r.around(9*time.Second, 0.6), ends: byOriginator, up: 900, down: 700})
			i.c.call(i.r, i.at+i.r.span(200*time.Millisecond, 2*time.Second), from, to, to.dynamic(), session{lasts: lasts, ends: pick(i.r, []ending{byOriginator, abortedByOrigin}), up: i.r.amount(30e3, 1), down: i.r.amount(60e3, 1)})
		case port == 6379 || port == 9200 || port == 8080: // a hole in a service
			for range i.r.count(1, 6) {
				i.c.call(i.r, i.at+i.r.span(0, 40*time.Second), from, to, port, session{lasts: i.r.around(2*time.Second, 1), ends: pick(i.r, []ending{byOriginator, byResponder, abortedByOrigin}), up: i.r.amount(3e3, 1), down: i.r.amount(3e3, 1)})
			}
		case port == 5985:
			for range i.r.count(1, 4) {
				i.c.call(i.r, i.at+i.r.span(0, time.Minute), from, to, 5985, session{lasts: i.r.around(50*time.Second, 1), ends: pick(i.r, []ending{byOriginator, abortedByOrigin}), up: i.r.amount(30e3, 1), down: i.r.amount(60e3, 1)})
			}
		case port == 3389:
			i.c.call(i.r, i.at, from, to, 3389, session{lasts: lasts + time.Minute, ends: pick(i.r, []ending{byOriginator, abortedByOrigin}), up: i.r.amount(900e3, 1), down: i.r.amount(20e6, 1)})
		case port == 22:
			i.c.call(i.r, i.at, from, to, 22, terminal(i.r, lasts))
			if i.stealth < 2 && i.r.chance(0.4) { // tools are copied first
				i.c.call(i.r, i.at+i.r.span(5*time.Second, 90*time.Second), from, to, 22, session{lasts: i.r.around(4*time.Second, 0.8), ends: byOriginator, up: i.r.amount(4e6, 1), down: 4e3})
			}
		default:
			i.c.call(i.r, i.at, from, to, port, session{lasts: lasts, ends: pick(i.r, []ending{byOriginator, byOriginator, abortedByOrigin, byResponder}), up: i.r.amount(40e3, 1), down: i.r.amount(40e6, 2)})
		}
	})
	if len(i.c.rows) == rows || !i.c.rows[rows].established() {
		return false
	}
	i.opened[to] = rows
	i.used[from] = i.at
	i.settle(from, to, port)
	i.take(to)
	return true
}

// settle is what follows on the host that was taken: tools are fetched, and it
// may call back.
func (i *intruder) settle(from, to *host, port uint16) {
	hole := port != 22 && port != 3389 && port != 5985
	if hole && (i.stealth == 0 && i.r.chance(0.5) || i.stealth == 1 && i.r.chance(0.2)) {
		back := pick(i.r, []uint16{4444, 8443, 9001, 443, 53, 1337})
		at, s := i.at+i.r.span(2*time.Second, 30*time.Second), session{lasts: i.r.around(15*time.Minute, 1), ends: pick(i.r, []ending{byOriginator, abortedByPeer}), up: i.r.amount(90e3, 1), down: i.r.amount(20e3, 1)}
		i.do("c2", true, func() {
			if i.r.chance(0.6) {
				i.c.call(i.r, at, to, from, back, s)
			} else {
				i.c.leave(i.r, at, to, i.control, back, s)
			}
		})
	}
	if i.stealth == 2 || i.r.chance(0.6) {
		return
	}
	tools := session{lasts: i.r.around(1500*time.Millisecond, 0.8), ends: pick(i.r, []ending{byOriginator, byResponder}), up: 300, down: i.r.amount(3e6, 1)}
	at := i.at + i.r.span(10*time.Second, 4*time.Minute)
	i.do("c2", true, func() {
		if i.stealth == 0 && i.r.chance(0.4) {
			i.c.call(i.r, at, to, from, pick(i.r, []uint16{8000, 8080, 80, 9999}), tools)
		} else {
			i.c.leave(i.r, at, to, i.tools, pick(i.r, []uint16{443, 443, 80, 8000}), tools)
		}
	})
}

// ask looks into the directory for who has what: many tickets, long answers.
func (i *intruder) ask(from *host) {
	dcs := i.c.of(domainController)
	if len(dcs) == 0 || i.stealth == 2 && !from.windows {
		return
	}
	dc := pick(i.r, dcs)
	if dc == from || dc.down(i.at) || i.c.filtered(from, dc, 389) {
		return
	}
	i.do("scan", true, func() {
		i.c.call(i.r, i.at, from, dc, 389, session{lasts: i.r.around(25*time.Second, 1), ends: byOriginator, up: i.r.amount(30e3, 1), down: i.r.amount(3e6, 1)})
		for n := range i.r.count(0, 25) {
			i.c.call(i.r, i.at+time.Duration(n)*i.r.span(50*time.Millisecond, 3*time.Second), from, dc, 88, session{lasts: i.r.around(8*time.Millisecond, 0.5), ends: byOriginator, up: 1700, down: 1600})
		}
	})
	i.at += i.r.span(20*time.Second, 4*time.Minute)
}

// spray tries one password on many hosts.
func (i *intruder) spray(from *host) {
	port := uint16(22)
	if i.r.chance(0.5) {
		port = pick(i.r, []uint16{445, 3389})
	}
	gap := i.r.span(300*time.Millisecond, 20*time.Second)
	i.do("scan", false, func() {
		for _, h := range some(i.r, i.c.hosts, i.r.count(5, 30)) {
			if h == from || h.down(i.at) || !h.listens(port) || i.c.filtered(from, h, port) {
				continue
			}
			i.c.call(i.r, i.at, from, h, port, session{lasts: i.r.around(2*time.Second, 0.4), ends: pick(i.r, []ending{byResponder, byOriginator, abortedByOrigin}), up: i.r.amount(1500, 0.2), down: i.r.amount(2000, 0.2)})
			i.at += i.r.wait(gap)
		}
	})
	i.used[from] = i.at
}

// relay uses a host as a way through: many connections to services behind it,
// from one program on the intruder's own machine.
func (i *intruder) relay(from *host) {
	var services []*host
	for _, h := range i.c.of(webServer, application, database, codeServer, monitoring, fileServer, search, buildServer) {
		if h != from && !h.down(i.at) && !i.c.filtered(from, h, h.service()) {
			services = append(services, h)
		}
	}
	i.do("scan", true, func() {
		for _, h := range some(i.r, services, i.r.count(1, 6)) {
			for range i.r.count(1, 8) {
				i.c.call(i.r, i.at, from, h, h.service(), session{lasts: i.r.around(4*time.Second, 1.3), ends: pick(i.r, []ending{byOriginator, byResponder, abortedByOrigin}), up: i.r.amount(3e3, 1), down: i.r.amount(60e3, 1.5)})
				i.at += i.r.wait(5 * time.Second)
			}
			i.at += i.r.wait(40 * time.Second)
		}
	})
	i.used[from] = i.at
}

// remoteService is a service installed and started over SMB, as PsExec does.
func (i *intruder) remoteService(from, to *host, lasts time.Duration) {
	i.c.call(i.r, i.at, from, to, 445, session{lasts: lasts, ends: pick(i.r, []ending{byOriginator, abortedByOrigin, byResponder}), up: i.r.amount(2e6, 1), down: i.r.amount(200e3, 1)})
	if i.stealth < 2 && to.windows && i.r.chance(0.6) {
		i.c.call(i.r, i.at+i.r.span(500*time.Millisecond, 3*time.Second), from, to, 135, session{lasts: i.r.around(5*time.Second, 0.6), ends: byOriginator, up: 600, down: 500})
		i.c.call(i.r, i.at+i.r.span(time.Second, 4*time.Second), from, to, to.dynamic(), session{lasts: i.r.around(40*time.Second, 1), ends: byOriginator, up: 3e3, down: 3e3})
	}
}

// harvest takes what the intruder came for, and gets it out.
func (i *intruder) harvest() {
	if !i.think() {
		return
	}
	last := i.held[len(i.held)-1]
	amount := i.r.amount(700e6, 1.3)
	if i.stealth > 0 {
		amount = i.r.amount(60e6, 1.3)
	}
	if to, port, ok := i.next(last, true); ok && i.goal(to) && i.r.chance(0.8) && !last.down(i.at) {
		i.do("goal", true, func() {
			i.c.call(i.r, i.at, last, to, port, session{lasts: i.r.around(13*time.Minute, 0.8), ends: byOriginator, up: i.r.amount(90e3, 1), down: amount})
		})
		i.used[last] = i.at + 13*time.Minute
		i.at += i.r.span(5*time.Minute, 20*time.Minute)
	}
	if i.stealth < 2 && len(i.held) > 1 && i.r.chance(0.25) { // together in one place first
		place := i.held[i.r.IntN(len(i.held)-1)]
		if port := i.way(last, place); (port == 22 || port == 445) && !last.down(i.at) {
			i.do("goal", true, func() {
				i.c.call(i.r, i.at, last, place, port, session{lasts: time.Duration(float64(amount)/20e6*float64(time.Second)) + 3*time.Second, ends: byOriginator, up: amount, down: amount / 300})
			})
			i.at += i.r.span(3*time.Minute, 30*time.Minute)
			last = place
		}
	}
	if i.at >= i.until || i.r.chance(0.3) {
		return
	}
	if i.stealth < 2 && i.r.chance(0.2) {
		i.controlPort = 22 // copied out over ssh
	}
	from := last
	if i.r.chance(0.4) {
		from = pick(i.r, i.held)
	}
	lasts := time.Duration(float64(amount)/i.r.between(1e6, 12e6)*float64(time.Second)) + 2*time.Second
	parts := 1
	if i.stealth > 0 {
		parts = i.r.count(1, 6)
	}
	for range parts {
		i.do("exfil", true, func() {
			i.c.leave(i.r, i.at, from, i.control, i.controlPort, session{lasts: lasts / time.Duration(parts), ends: byOriginator, up: amount / int64(parts), down: amount / 300})
		})
		i.at += i.r.span(time.Minute, 20*time.Minute) + lasts/time.Duration(parts)
	}
	i.used[from] = i.at
}

// command is how the intruder stays in touch: a shell that stays open, or a
// question every so often.
func (i *intruder) command() {
	if len(i.held) == 0 || i.r.chance(0.25) && i.entry != "phishing" {
		return
	}
	end := i.at
	if i.entry == "web-application" && i.r.chance(0.5) {
		i.webShell(end)
	}
	for n, h := range i.held {
		if n > 0 && i.r.chance(0.75) || h.zone == data && i.c.ways.segmented {
			continue
		}
		at := i.taken[h]
		at += i.r.span(5*time.Second, 2*time.Minute)
		if i.r.chance(0.3) && end-at < 12*time.Hour {
			i.do("c2", true, func() {
				i.c.leave(i.r, at, h, i.control, i.controlPort, session{lasts: end - at + i.r.span(time.Minute, time.Hour), ends: pick(i.r, []ending{abortedByPeer, byOriginator}), up: i.r.amount(300e3, 1), down: i.r.amount(60e3, 1)})
			})
			continue
		}
		every, jitter := i.r.span(20*time.Second, 5*time.Minute), i.r.between(0, 0.5)
		if i.stealth > 0 || i.kind == "slow" {
			every *= 5
		}
		for n := 0; at < end+time.Hour && n < 150; n++ {
			i.do("c2", true, func() {
				i.c.leave(i.r, at, h, i.control, i.controlPort, session{lasts: i.r.around(700*time.Millisecond, 0.5), ends: pick(i.r, []ending{byOriginator, byResponder}), up: i.r.amount(900, 0.3), down: i.r.amount(700, 0.4)})
			})
			at += time.Duration(float64(every) * (1 + jitter*(2*i.r.Float64()-1)))
		}
	}
}

// webShell is commands that come in as requests to the web application.
func (i *intruder) webShell(end time.Duration) {
	door := i.held[0]
	if front := i.c.of(loadBalancer); len(front) > 0 {
		door = front[0]
	}
	at := i.taken[i.held[0]]
	for n := 0; at < end && n < 80; n++ {
		i.do("c2", true, func() {
			i.c.enter(i.r, at, i.from, door, 443, session{lasts: i.r.around(2*time.Second, 0.9), ends: pick(i.r, []ending{byOriginator, byResponder}), up: i.r.amount(2e3, 0.8), down: i.r.amount(9e3, 1)})
		})
		at += i.r.wait(max(time.Minute, (end-i.taken[i.held[0]])/40))
	}
}
