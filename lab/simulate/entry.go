package simulate

import (
	"slices"
	"time"
)

// breakIn takes the first host. It returns false where there is no way in.
func (i *attacker) breakIn() bool {
	entries := []func() bool{
		i.byPassword, i.byKey, i.byWeb, i.byWeb, i.byPhishing, i.byPhishing, i.bySupplyChain, i.byVPN, i.byRemoteDesktop, i.byInsider,
	}
	if i.stealth == 2 {
		entries = []func() bool{i.byKey, i.byWeb, i.byWeb, i.byPhishing, i.byPhishing, i.bySupplyChain, i.byInsider}
	} else if i.stealth == 1 {
		entries = entries[1:]
	}
	return pick(i, entries)()
}

func (i *attacker) holds(h *host) bool { return slices.Contains(i.held, h) }

func (i *attacker) take(h *host) {
	if !i.holds(h) {
		i.held = append(i.held, h)
		i.taken[h] = i.at
	}
}

// door is a host whose ssh the internet reaches: a known one, or one that was
// opened and forgotten. It is nil if there is none.
func (i *attacker) door() *host {
	doors := slices.DeleteFunc(i.of(exposed), func(h *host) bool { return h.down(i.at) })
	if i.stealth < 2 && (len(doors) == 0 || i.chance(0.5)) {
		doors = slices.DeleteFunc(i.of(webServer, staging, application, compute, bastion, mailServer), func(h *host) bool {
			return h.down(i.at) || !h.listens(22)
		})
	}
	if len(doors) == 0 {
		return nil
	}
	return pick(i, doors)
}

// knock tries passwords from outside.
func (i *attacker) knock(e inbound, low, high int, pause time.Duration, k talk) {
	i.repeat(low, high, func() {
		i.as("entry", false).enter(i.at, e, k)
		i.at += i.wait(pause) + 400*ms
	})
}

func (i *attacker) byPassword() bool {
	i.entry = "ssh-password"
	h := i.door()
	if h == nil {
		return false
	}
	i.knock(inbound{i.address, h, 22}, 15, 250, 3*seconds, talk{1800 * ms, 0.4, "or", 1300, 0.2, 2100, 0.2})
	if i.chance(0.5) { // the password was sold to another attacker
		i.address = outsider(i.random)
		i.at += i.span(time.Minute, 40*minutes)
	}
	return i.outerSession(h, 22)
}

func (i *attacker) byKey() bool {
	i.entry = "ssh-key"
	h := i.door()
	return h != nil && i.outerSession(h, 22)
}

func (i *attacker) outerSession(h *host, port uint16) bool {
	rows := len(i.rows)
	i.as("entry", true).enter(i.at, inbound{i.address, h, port}, terminal(i.around(20*minutes, 1)))
	if len(i.rows) > rows {
		i.opened[h] = rows
	}
	i.take(h)
	return true
}

// byWeb sends requests that the web application should have rejected.
func (i *attacker) byWeb() bool {
	i.entry = "web-application"
	front, behind := i.of(loadBalancer), i.of(webServer, application)
	if len(behind) == 0 {
		return false
	}
	h := pick(i, behind)
	door := h
	if len(front) > 0 {
		door = pick(i, front)
	}
	if h.down(i.at) || door.down(i.at) {
		return false
	}
	tries := i.count(20, 120)
	if i.stealth > 0 {
		tries = i.count(2, 12)
	}
	for n := range tries {
		last := n == tries-1
		i.as("entry", last).enter(i.at, inbound{i.address, door, 443}, talk{1500 * ms, 0.8, "or", 3e3, 1, 9e3, 1})
		if !last {
			i.at += i.wait(8 * seconds)
		}
	}
	i.take(h)
	return true
}

// byPhishing takes a desk: its first trace is an outbound connection.
func (i *attacker) byPhishing() bool {
	i.entry = "phishing"
	h := i.someDesk(func(p *person) bool { return p.desk.alive(i.at) })
	if h == nil {
		return false
	}
	i.as("entry", true).leave(i.at, outbound{h, i.control, 443}, talk{4 * seconds, 0.8, "o", 2e3, 0, 900e3, 1})
	i.take(h)
	return true
}

// someDesk is the desk of a person at work who meets a condition; nil if there
// is none. At stealth 2 they log in to servers: others have no edges to use.
func (i *attacker) someDesk(is func(p *person) bool) *host {
	people := slices.DeleteFunc(slices.Clone(i.people), func(p *person) bool {
		return !p.at(i.at) || !is(p) || i.stealth == 2 && len(p.favorites) == 0
	})
	if len(people) == 0 {
		return nil
	}
	return pick(i, people).desk
}

func (i *attacker) bySupplyChain() bool {
	i.entry = "supply-chain"
	builds := i.of(buildServer, staging, configManager)
	if len(builds) == 0 {
		return false
	}
	h := builds[0]
	if i.chance(0.3) {
		h = pick(i, builds)
	}
	if h.down(i.at) {
		return false
	}
	i.as("entry", true).leave(i.at, outbound{h, outsider(i.random), 443}, talk{3 * seconds, 0.8, "o", 2e3, 0, 2e6, 1})
	i.take(h)
	return true
}

// byVPN comes in with a stolen password, and has an address that no inventory
// lists.
func (i *attacker) byVPN() bool {
	i.entry = "vpn"
	gateways := i.of(vpnGateway)
	if len(gateways) == 0 || gateways[0].down(i.at) {
		return false
	}
	i.as("entry", true).enter(i.at, inbound{i.address, gateways[0], 443}, talk{3 * hours, 0.6, "o", 20e6, 1, 200e6, 1})
	address := i.lease(i.count(10, 249))
	i.take(&host{
		name: "vpn client", kind: officeDesk, zone: offices, windows: i.chance(0.5),
		life: window{-day, i.calendar.end + day}, spells: []spell{{address: address}},
	})
	return true
}

// byRemoteDesktop comes in through a desktop that answers the internet.
func (i *attacker) byRemoteDesktop() bool {
	i.entry = "remote-desktop"
	hosts := i.of(terminalServer, windowsServer)
	if len(hosts) == 0 {
		return false
	}
	h := pick(i, hosts)
	if h.down(i.at) {
		return false
	}
	if i.stealth == 0 {
		i.knock(inbound{i.address, h, 3389}, 10, 150, 4*seconds, talk{2 * seconds, 0.4, "oO", 1500, 0.2, 1800, 0.2})
	}
	return i.outerSession(h, 3389)
}

// byInsider is a person at a desk of the company: nothing comes in.
func (i *attacker) byInsider() bool {
	i.entry = "insider"
	h := i.someDesk(func(p *person) bool { return !p.desk.down(i.at) })
	if h == nil {
		return false
	}
	i.take(h)
	return true
}
