package simulate

import "time"

// This file has the changes to hosts, and failures.

func newServer(e *episode) func() {
	h := e.grown()
	if h == nil {
		return nil
	}
	at := e.at
	h.life.from = at
	e.noted(0, h)
	return func() {
		e.repeat(1, 5, func() { // set up by hand
			e.reach(at+e.span(2*minutes, 90*minutes), e.person.desk, h, e.around(9*minutes, 1))
		})
		for _, m := range e.of(configManager) {
			e.repeat(2, 6, func() {
				e.call(at+e.span(20*minutes, 2*hours), edge{m, h, 22}, talk{90 * seconds, 0.8, "o", 300e3, 1, 80e3, 1})
			})
		}
		mirror := outsider(e.random)
		e.repeat(5, 40, func() {
			e.leave(at+e.span(5*minutes, 2*hours), outbound{h, mirror, 443}, talk{4 * seconds, 1, "o", 3e3, 1, 9e6, 1.5})
		})
		if peers := e.of(h.kind); len(peers) > 1 && e.chance(0.3) { // its data come from another of its kind
			e.call(at+e.span(30*minutes, 3*hours), edge{h, peers[0], 22}, talk{15 * minutes, 1, "o", 90e3, 0, 2e9, 1})
		}
	}
}

func replacedServer(e *episode) func() {
	h := e.grown()
	if h == nil {
		return nil
	}
	away := e.span(2*minutes, 40*minutes)
	back := e.at + away
	h.shutDown(0, window{e.at, back})
	h.spells = append(h.spells, spell{from: back, address: e.freshAddress(h), known: true})
	e.noted(away, h)
	return func() {
		for _, m := range e.of(configManager) {
			e.call(back+e.span(time.Minute, time.Hour), edge{m, h, 22}, talk{3 * minutes, 0.8, "o", 300e3, 1, 80e3, 1})
		}
		if p := e.anybody(); p != nil {
			e.reach(back+e.span(time.Minute, 30*minutes), p.desk, h, e.around(12*minutes, 1))
		}
	}
}

func newAddress(e *episode) func() {
	if len(e.people) == 0 {
		return nil
	}
	p, known := pick(e, e.people), e.chance(0.5)
	if p.desk.spells[len(p.desk.spells)-1].from > e.at {
		return nil
	}
	p.desk.spells = append(p.desk.spells, spell{from: e.at, address: e.freshAddress(p.desk), known: known})
	e.noted(0, p.desk)
	return nil
}

func decommissioned(e *episode) func() {
	if h := e.grown(); h != nil {
		h.life.to = e.at
		e.noted(0, h)
	}
	return nil
}

func newDeveloper(e *episode) func() {
	developers := e.staff(developerDesk)
	if len(developers) < 2 {
		return nil
	}
	p := pick(e, developers)
	if p.desk.life.from >= 0 {
		return nil
	}
	p.desk.life.from = e.at
	e.noted(0, p.desk)
	return func() {
		for _, h := range some(e, e.of(codeServer, staging, buildServer, bastion, application, compute), e.count(2, 6)) {
			e.reach(e.at+e.span(10*minutes, 6*hours), p.desk, h, e.around(6*minutes, 1))
		}
	}
}

func newJob(e *episode) func() {
	a, b := pick(e, e.cast[0]), pick(e, e.cast[1])
	if a == b {
		return nil
	}
	e.move(0, 24)
	period := pick(e, []time.Duration{7 * day, 7 * day, day, 6 * hours})
	e.noted(0, a, b)
	return func() {
		length := e.around(12*minutes, 1.2)
		for at := e.at; at < e.calendar.end; at += period {
			e.repeat(1, 3, func() {
				e.call(at+e.span(0, time.Minute), edge{a, b, b.service()}, talk{length, 0.3, "o", 90e3, 1, 90e6, 1.5})
			})
		}
	}
}

func newAgent(e *episode) func() {
	hub, port := pick(e, e.cast[0]), e.port(1514, 8443, 4506, 9094, 6060, 55000)
	e.noted(0, hub)
	return func() {
		at := e.at
		for _, h := range e.of(linux) {
			e.persistent(edge{h, hub, port}, keep{12 * hours, 200, 30, window{at, e.calendar.end}})
			at += e.wait(40 * seconds)
		}
	}
}

func newCloudService(e *episode) func() {
	set := some(e, e.cast[0], e.count(1, 6))
	e.noted(0, set...)
	return func() {
		service := newCrowd(e.random, 4).regulars
		mean := e.span(time.Minute, time.Hour)
		for _, h := range set {
			for at := e.at + e.span(0, mean); at < e.calendar.end; at += e.wait(mean) + 30*seconds {
				e.leave(at, outbound{h, pick(e, service), 443}, talk{3 * seconds, 1.3, "o", 3e3, 1, 3e3, 1})
			}
		}
	}
}

func outage(e *episode) func() {
	e.at = e.span(0, e.calendar.end) // at any hour
	h := pick(e, e.cast[0])
	lasts, port := e.around(12*minutes, 0.9), uint16(0)
	if e.chance(0.6) {
		port = h.service() // the program is down, the host is not
	}
	h.shutDown(port, window{e.at, e.at + lasts})
	e.noted(lasts, h)
	return func() {
		e.repeat(0, 3, func() {
			if p := e.anybody(); p != nil && (e.calendar.working(e.at) || e.chance(0.5)) {
				e.reach(e.at+e.span(time.Minute, lasts+2*minutes), p.desk, h, e.around(12*minutes, 1))
			}
		})
	}
}

func maintenance(e *episode) func() {
	set := some(e, e.cast[0], e.count(1, max(2, len(e.cast[0])/3)))
	at, starts := e.at, []time.Duration(nil)
	for _, h := range set {
		h.shutDown(0, window{at + time.Minute, at + e.span(2*minutes, 12*minutes)})
		starts = append(starts, at)
		at += e.span(2*minutes, 15*minutes)
	}
	e.noted(at-e.at, set...)
	return func() {
		for i, h := range set {
			e.reach(starts[i]-e.span(0, time.Minute), e.person.desk, h, e.around(3*minutes, 0.5))
			if e.chance(0.6) {
				e.reach(starts[i]+13*minutes, e.person.desk, h, e.around(2*minutes, 0.8))
			}
		}
	}
}

func failover(e *episode) func() {
	dbs := e.cast[0]
	if len(dbs) < 2 {
		return nil
	}
	lasts := e.around(90*minutes, 1)
	w := window{e.at, e.at + lasts}
	dbs[0].shutDown(dbs[0].service(), w)
	e.noted(lasts, dbs[:2]...)
	return func() {
		for _, h := range e.cast[1] {
			e.repeat(2, 8, func() {
				e.persistent(edge{h, dbs[1], dbs[1].service()}, keep{40 * minutes, 800, 6000, w})
			})
		}
	}
}

func wrongSetting(e *episode) func() {
	if len(e.cast[0]) < 2 {
		return nil
	}
	two := some(e, e.cast[0], 2)
	port := e.port(5432, 3306, 6379, 8080, 8443, 9093, 5672, 2379, 389, 8125)
	lasts := e.around(5*hours, 1.2)
	e.noted(lasts, two...)
	return func() {
		period := e.span(20*seconds, 10*minutes)
		s := session{ends: refused, lasts: 300 * time.Microsecond}
		if e.chance(0.5) {
			s = unanswered(e.random)
		}
		if two[1].listens(port) {
			s = session{lasts: 200 * ms, ends: byResponder, up: 200, down: 100}
		}
		for at := e.at; at < e.at+lasts; at += period {
			e.call(at+e.span(0, time.Second), edge{two[0], two[1], port}, s)
		}
	}
}

func restore(e *episode) func() {
	h, b := pick(e, e.cast[0]), e.cast[1][0]
	e.noted(0, b, h)
	return func() {
		s := talk{50 * minutes, 0.8, "o", 9e9, 1, 9e6, 1}.draw(e.random)
		switch {
		case e.chance(0.5) && !h.windows:
			s.up, s.down = s.down, s.up
			e.call(e.at, edge{h, b, 22}, s)
		case h.windows:
			e.call(e.at, edge{b, h, 445}, s)
		default:
			e.call(e.at, edge{b, h, 22}, s)
		}
	}
}

func migration(e *episode) func() {
	if len(e.cast[1]) < 2 {
		return nil
	}
	to, h := pick(e, e.cast[0]), pick(e, e.cast[1])
	if h == to {
		return nil
	}
	if e.chance(0.5) {
		e.move(19, 28)
	}
	e.noted(0, h, to)
	return func() {
		e.repeat(1, 8, func() {
			e.call(e.at+e.span(0, 20*minutes), edge{h, to, to.service()}, talk{2 * hours, 0.8, "o", 3e9, 1.5, 90e6, 1.5})
		})
		if p := e.anybody(); p != nil {
			e.reach(e.at-2*minutes, p.desk, h, e.around(2*hours, 0.6))
		}
	}
}

func deploymentToAll(e *episode) func() {
	m := pick(e, e.cast[0])
	e.noted(0, m)
	return func() {
		mirror, at := outsider(e.random), e.at
		for _, h := range e.of(linux) {
			e.repeat(1, 4, func() {
				e.call(at+e.span(0, 90*seconds), edge{m, h, 22}, talk{40 * seconds, 0.8, "o", 900e3, 1, 50e3, 1})
			})
			e.leave(at+e.span(0, 2*minutes), outbound{h, mirror, 443}, talk{5 * seconds, 0.8, "o", 3e3, 0, 9e6, 1.2})
			at += e.wait(10 * seconds)
		}
	}
}

func shareMove(e *episode) func() {
	two := some(e, e.of(fileServer, windowsServer, domainController, backupServer), 2)
	if len(two) < 2 {
		return nil
	}
	e.noted(0, two...)
	return func() {
		port := uint16(445)
		if !two[1].listens(445) {
			port = two[1].service()
		}
		e.repeat(1, 4, func() {
			e.call(e.at+e.span(0, time.Hour), edge{two[0], two[1], port}, talk{3 * hours, 0.7, "o", 20e9, 1, 90e6, 1})
		})
	}
}
