package simulate

import (
	"net/netip"
	"slices"
	"time"
)

// enter takes the first host. It returns false where there is no way in.
func (i *intruder) enter() bool {
	entries := []func() bool{i.byPassword, i.byKey, i.byWeb, i.byWeb, i.byPhishing, i.byPhishing, i.bySupplyChain, i.byVPN, i.byRemoteDesktop, i.byInsider}
	if i.stealth == 2 {
		entries = []func() bool{i.byKey, i.byWeb, i.byWeb, i.byPhishing, i.byPhishing, i.bySupplyChain, i.byInsider}
	} else if i.stealth == 1 {
		entries = entries[1:]
	}
	return pick(i.r, entries)()
}

func (i *intruder) take(h *host) {
	if !slices.Contains(i.held, h) {
		i.held = append(i.held, h)
		i.taken[h] = i.at
	}
}

// door is a host whose ssh the internet reaches: one that everybody knows, or
// one that somebody opened and forgot.
func (i *intruder) door() *host {
	var doors []*host
	for _, h := range i.c.hosts {
		if h.exposed && !h.down(i.at) {
			doors = append(doors, h)
		}
	}
	if i.stealth < 2 && (len(doors) == 0 || i.r.chance(0.5)) {
		doors = slices.DeleteFunc(i.c.of(webServer, staging, application, compute, bastion, mailServer), func(h *host) bool { return h.down(i.at) || !h.listens(22) })
	}
	if len(doors) == 0 {
		return nil
	}
	return pick(i.r, doors)
}

func (i *intruder) byPassword() bool {
	i.entry = "ssh-password"
	h := i.door()
	if h == nil {
		return false
	}
	i.do("entry", false, func() {
		for range i.r.count(15, 250) {
			i.c.enter(i.r, i.at, i.from, h, 22, session{lasts: i.r.around(1800*time.Millisecond, 0.4), ends: pick(i.r, []ending{byOriginator, byResponder}), up: i.r.amount(1300, 0.2), down: i.r.amount(2100, 0.2)})
			i.at += i.r.wait(3*time.Second) + 400*time.Millisecond
		}
	})
	if i.r.chance(0.5) { // whoever sells passwords isn't who uses them
		i.from = outsider(i.r)
		i.at += i.r.span(time.Minute, 40*time.Minute)
	}
	i.outerSession(h, 22)
	return true
}

func (i *intruder) byKey() bool {
	i.entry = "ssh-key"
	h := i.door()
	if h == nil {
		return false
	}
	i.outerSession(h, 22)
	return true
}

func (i *intruder) outerSession(h *host, port uint16) {
	i.opened[h] = len(i.c.rows)
	i.do("entry", true, func() {
		i.c.enter(i.r, i.at, i.from, h, port, terminal(i.r, i.r.around(20*time.Minute, 1)))
	})
	if len(i.c.rows) == i.opened[h] {
		delete(i.opened, h)
	}
	i.take(h)
}

// byWeb sends requests that the web application should have refused.
func (i *intruder) byWeb() bool {
	i.entry = "web-application"
	front, behind := i.c.of(loadBalancer), i.c.of(webServer, application)
	if len(behind) == 0 {
		return false
	}
	h := pick(i.r, behind)
	door := h
	if len(front) > 0 {
		door = pick(i.r, front)
	}
	if h.down(i.at) || door.down(i.at) {
		return false
	}
	tries := i.r.count(20, 120)
	if i.stealth > 0 {
		tries = i.r.count(2, 12)
	}
	for n := range tries {
		last := n == tries-1
		i.do("entry", last, func() {
			i.c.enter(i.r, i.at, i.from, door, 443, session{lasts: i.r.around(1500*time.Millisecond, 0.8), ends: pick(i.r, []ending{byOriginator, byResponder}), up: i.r.amount(3e3, 1), down: i.r.amount(9e3, 1)})
		})
		if !last {
			i.at += i.r.wait(8 * time.Second)
		}
	}
	i.take(h)
	return true
}

// byPhishing takes a desk: what is seen first goes out from it.
func (i *intruder) byPhishing() bool {
	i.entry = "phishing"
	people := slices.DeleteFunc(slices.Clone(i.c.people), func(p *person) bool { return !p.at(i.at) || !p.desk.alive(i.at) })
	if i.stealth == 2 { // only those who log into servers have edges to use
		people = slices.DeleteFunc(people, func(p *person) bool { return len(p.favour) == 0 })
	}
	if len(people) == 0 {
		return false
	}
	h := pick(i.r, people).desk
	i.do("entry", true, func() {
		i.c.leave(i.r, i.at, h, i.control, 443, session{lasts: i.r.around(4*time.Second, 0.8), ends: byOriginator, up: 2e3, down: i.r.amount(900e3, 1)})
	})
	i.take(h)
	return true
}

func (i *intruder) bySupplyChain() bool {
	i.entry = "supply-chain"
	builds := i.c.of(buildServer, staging, configManager)
	if len(builds) == 0 {
		return false
	}
	h := builds[0]
	if i.r.chance(0.3) {
		h = pick(i.r, builds)
	}
	if h.down(i.at) {
		return false
	}
	i.do("entry", true, func() {
		i.c.leave(i.r, i.at, h, outsider(i.r), 443, session{lasts: i.r.around(3*time.Second, 0.8), ends: byOriginator, up: 2e3, down: i.r.amount(2e6, 1)})
	})
	i.take(h)
	return true
}

// byVPN comes in with somebody's password, and has an address that no
// inventory lists.
func (i *intruder) byVPN() bool {
	i.entry = "vpn"
	gateways := i.c.of(vpnGateway)
	if len(gateways) == 0 || gateways[0].down(i.at) {
		return false
	}
	i.do("entry", true, func() {
		i.c.enter(i.r, i.at, i.from, gateways[0], 443, session{lasts: i.r.around(3*time.Hour, 0.6), ends: byOriginator, up: i.r.amount(20e6, 1), down: i.r.amount(200e6, 1)})
	})
	lease := netip.AddrFrom4([4]byte{i.c.pool[0], i.c.pool[1], i.c.pool[2], byte(i.r.count(10, 249))})
	i.take(&host{name: "vpn client", kind: officeDesk, zone: offices, windows: i.r.chance(0.5), life: window{-day, i.c.calendar.end + day}, spells: []spell{{address: lease}}})
	return true
}

// byRemoteDesktop comes in through a desktop that answers the internet.
func (i *intruder) byRemoteDesktop() bool {
	i.entry = "remote-desktop"
	hosts := i.c.of(terminalServer, windowsServer)
	if len(hosts) == 0 {
		return false
	}
	h := pick(i.r, hosts)
	if h.down(i.at) {
		return false
	}
	if i.stealth == 0 {
		i.do("entry", false, func() {
			for range i.r.count(10, 150) {
				i.c.enter(i.r, i.at, i.from, h, 3389, session{lasts: i.r.around(2*time.Second, 0.4), ends: pick(i.r, []ending{byOriginator, abortedByOrigin}), up: i.r.amount(1500, 0.2), down: i.r.amount(1800, 0.2)})
				i.at += i.r.wait(4*time.Second) + 400*time.Millisecond
			}
		})
	}
	i.outerSession(h, 3389)
	return true
}

// byInsider is somebody who sits at a desk of the company: nothing comes in.
func (i *intruder) byInsider() bool {
	i.entry = "insider"
	people := slices.DeleteFunc(slices.Clone(i.c.people), func(p *person) bool { return !p.at(i.at) || p.desk.down(i.at) || len(p.favour) == 0 && i.stealth == 2 })
	if len(people) == 0 {
		return false
	}
	i.take(pick(i.r, people).desk)
	return true
}
