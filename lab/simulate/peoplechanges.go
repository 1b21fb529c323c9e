package simulate

import (
	"net/netip"
	"time"
)

// This file has the changes in what people and clients do.

func firstLogin(e *episode) func() {
	h := pick(e, e.cast[0])
	e.noted(0, e.person.desk, h)
	return func() {
		at := e.at
		e.repeat(1, 3, func() {
			e.reach(at, e.person.desk, h, e.around(11*minutes, 1.2))
			at += e.wait(20 * minutes)
		})
	}
}

// lease is an address of the pool for VPN clients and guests.
func (c *company) lease(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{c.pool[0], c.pool[1], c.pool[2], byte(n)})
}

func onCallLogin(e *episode) func() {
	set, desk := some(e, e.cast[0], e.count(1, 4)), e.person.desk
	e.noted(0, append(set, desk)...)
	home := outsider(e.random)
	lease := e.lease(e.count(2, 9))
	gateways, bastions, dbs := e.of(vpnGateway), e.of(bastion), e.of(database)
	return func() {
		at := e.at
		for _, h := range set {
			lasts := e.around(8*minutes, 0.9)
			switch {
			case len(bastions) > 0 && bastions[0].exposed && e.chance(0.6):
				e.enter(at, inbound{home, bastions[0], 22}, terminal(lasts+time.Minute))
				e.call(at+e.span(2*seconds, 20*seconds), edge{bastions[0], h, h.remoteShell()}, terminal(lasts))
			case len(gateways) > 0 && !h.down(at):
				e.enter(at-time.Minute, inbound{home, gateways[0], 443}, talk{lasts + 5*minutes, 0, "o", 2e6, 1, 9e6, 1})
				e.add(at, row{lease, h.address(at), source(e.random, desk.windows), h.remoteShell()}, terminal(lasts))
			default:
				e.reach(at, desk, h, lasts)
			}
			if len(dbs) > 0 && h.kind != database && e.chance(0.4) {
				db := pick(e, dbs)
				e.call(at+e.span(30*seconds, 3*minutes), edge{h, db, db.service()}, talk{4 * minutes, 0.9, "o", 5e3, 1, 90e3, 1})
			}
			at += e.wait(6 * minutes)
		}
	}
}

func contractor(e *episode) func() {
	door, from := pick(e, e.cast[0]), outsider(e.random)
	set := some(e, e.of(application, webServer, database, staging, compute, worker), e.count(1, 4))
	e.noted(0, append(set, door)...)
	return func() {
		at := e.at
		e.repeat(1, 3, func() {
			e.repeat(1, 5, func() {
				lasts := e.around(25*minutes, 1)
				e.enter(at, inbound{from, door, 22}, terminal(lasts+time.Minute))
				for _, h := range some(e, set, e.count(1, 2)) {
					e.call(at+e.span(5*seconds, time.Minute), edge{door, h, h.remoteShell()}, terminal(lasts-e.span(0, lasts/2)))
				}
				at += e.wait(time.Hour) + lasts
			})
			at += day - e.span(0, 6*hours)
		})
	}
}

func travelingAdministrator(e *episode) func() {
	p, bastion := e.person, e.cast[0][0]
	if !bastion.exposed || len(p.favorites) == 0 {
		return nil
	}
	from := outsider(e.random)
	e.noted(0, p.desk, bastion)
	return func() {
		at := e.at
		e.repeat(2, 7, func() {
			h := p.favorites[e.rank(len(p.favorites))]
			lasts := e.around(9*minutes, 1.1)
			e.enter(at, inbound{from, bastion, 22}, terminal(lasts+20*seconds))
			if h != bastion {
				e.call(at+e.span(time.Second, 15*seconds), edge{bastion, h, h.remoteShell()}, terminal(lasts))
			}
			at += e.wait(2 * hours)
		})
	}
}

func troubleshooting(e *episode) func() {
	p, all := e.person, e.cast[0]
	if len(all) < 4 {
		return nil
	}
	set := some(e, all, e.count(4, min(12, len(all))))
	e.noted(0, set...)
	return func() {
		e.repeat(1, 3, func() {
			at := e.at
			for _, h := range set {
				lasts := e.around(15*minutes, 0.9)
				e.reach(at, p.desk, h, lasts)
				if e.chance(0.5) { // can it reach the next?
					next := pick(e, all)
					test := edge{h, next, next.service()}
					e.repeat(1, 5, func() { e.call(at+e.span(20*seconds, lasts+30*seconds), test, e.probe(test)) })
				}
				if e.chance(0.15) {
					e.call(at+e.span(20*seconds, lasts+30*seconds), edge{h, pick(e, set), 22}, terminal(e.around(2*minutes, 1)))
				}
				at += e.wait(12 * minutes)
			}
			p = e.anybody()
		})
	}
}

func fileCopy(e *episode) func() {
	two, p := some(e, e.of(linux), 2), e.anybody()
	if p == nil || len(two) < 2 {
		return nil
	}
	e.noted(0, two...)
	return func() {
		lasts := e.around(14*minutes, 1.2)
		e.reach(e.at, p.desk, two[0], lasts+3*minutes)
		e.call(e.at+e.span(20*seconds, 2*minutes), edge{two[0], two[1], 22}, talk{lasts, 0, "o", 900e6, 1.5, 300e3, 1})
	}
}

func portCheck(e *episode) func() {
	from := e.person.desk
	if l := e.of(linux); len(l) > 0 && e.chance(0.5) {
		from = pick(e, l)
	}
	set := some(e, e.hosts, e.count(3, 15))
	ports := some(e, scanned, e.count(1, 3))
	e.noted(0, append(set, from)...)
	return func() {
		at := e.at
		for _, h := range set {
			for _, port := range ports {
				e.call(at, edge{from, h, port}, e.probe(edge{from, h, port}))
				at += e.wait(2 * seconds)
			}
		}
	}
}

func helpdesk(e *episode) func() {
	from, set := pick(e, e.cast[0]), some(e, e.cast[1], e.count(1, 3))
	e.noted(0, append(set, from)...)
	return func() {
		at := e.at
		for _, h := range set {
			e.call(at, edge{from, h, e.port(3389, 5985, 445, 5900)}, talk{12 * minutes, 1, "o", 900e3, 1, 20e6, 1})
			at += e.wait(20 * minutes)
		}
	}
}

func tunnel(e *episode) func() {
	desk, via, db := pick(e, e.cast[0]), pick(e, e.cast[1]), pick(e, e.cast[2])
	e.noted(0, desk, via, db)
	return func() {
		lasts := e.around(2*hours, 0.8)
		e.call(e.at, edge{desk, via, 22}, talk{lasts, 0, "o", 900e3, 1, 30e6, 1})
		e.repeat(1, 5, func() {
			at := e.at + e.span(0, lasts/2)
			e.call(at, edge{via, db, db.service()}, talk{e.span(time.Minute, lasts/2+2*minutes), 0, "o", 90e3, 1, 9e6, 1})
		})
	}
}

func forgottenPassword(e *episode) func() {
	if len(e.people) == 0 {
		return nil
	}
	p := pick(e, e.people)
	if len(p.favorites) == 0 {
		return nil
	}
	h := pick(e, p.favorites)
	e.noted(0, p.desk, h)
	return func() {
		at := e.at
		e.repeat(3, 12, func() {
			e.call(at, edge{p.desk, h, h.remoteShell()}, talk{6 * seconds, 0.7, "ro", 1500, 0.2, 2200, 0.2})
			at += e.wait(25 * seconds)
		})
	}
}

func report(e *episode) func() {
	db, h := pick(e, e.cast[0]), pick(e, e.cast[1])
	e.noted(0, h, db)
	return func() { e.call(e.at, edge{h, db, db.service()}, talk{11 * minutes, 0.9, "ooOR", 9e3, 1, 20e6, 2}) }
}

func partnerTransfer(e *episode) func() {
	h := pick(e, e.cast[0])
	e.noted(0, h)
	return func() {
		e.leave(e.at, outbound{h, outsider(e.random), e.port(22, 443, 21)}, talk{40 * minutes, 0.8, "o", 3e9, 1, 3e6, 1})
	}
}

func extraScan(e *episode) func() {
	s := e.cast[0][0]
	set := some(e, e.hosts, e.count(5, len(e.hosts)))
	e.noted(0, s)
	return func() { e.scanAll(s, e.at, set) }
}

func crawler(e *episode) func() {
	h := e.cast[0][0]
	e.noted(0, h)
	return func() {
		from, at := outsider(e.random), e.at
		e.repeat(50, 400, func() {
			e.enter(at, inbound{from, h, 443}, talk{2 * seconds, 1, "or", 1500, 1, 20e3, 1})
			at += e.wait(8 * seconds)
		})
	}
}

func popularDay(e *episode) func() {
	h, webs := e.cast[0][0], e.cast[1]
	e.noted(0, h)
	return func() {
		e.repeat(1000, 4000, func() {
			at := e.at + e.wait(50*minutes)
			e.enter(at, inbound{outsider(e.random), h, 443}, talk{12 * seconds, 1.3, "or", 2500, 1, 40e3, 1.6})
			e.call(at+10*ms, edge{h, pick(e, webs), webs[0].service()}, talk{8 * seconds, 1.2, "o", 3000, 1, 50e3, 1.5})
		})
	}
}

func visitor(e *episode) func() {
	prints := e.of(printer)
	e.noted(0, e.cast[0][0])
	lease := e.lease(e.count(251, 254))
	return func() {
		e.repeat(3, 12, func() {
			to, port := e.cast[0][0], uint16(445)
			if len(prints) > 0 && e.chance(0.2) {
				to, port = prints[0], 9100
			}
			if at := e.at + e.span(0, 6*hours); !to.down(at) {
				e.add(at, row{lease, to.address(at), source(e.random, true), port}, talk{9 * minutes, 1.2, "o", 90e3, 1, 9e6, 1.5})
			}
		})
	}
}
