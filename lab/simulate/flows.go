package simulate

import (
	"net/netip"
	"time"
)

// flow is traffic that fills what is left of a day: the company's own services
// at work for their users.
type flow struct {
	name   string
	weight float64
	curve  curve
	do     func(t traffic, at time.Duration)
}

// daily is how many connections a day a host of a company takes part in.
const daily = 840

// runFlows fills what is left of each day.
func (c *company) runFlows() {
	s := &serviceFlows{traffic: c.traffic("flows"), crowd: people}
	s.collect()
	total := 0.0
	for _, f := range s.all {
		total += f.weight
	}
	wanted := float64(daily * c.options.Hosts)
	left := max(wanted-float64(len(c.rows))/float64(c.options.Days), wanted*0.3)
	for _, f := range s.all {
		t := c.traffic("flow " + f.name)
		t.spread(rate{left * f.weight / total, f.curve, c.calendar.weekend}, func(at time.Duration) { f.do(t, at) })
	}
}

// serviceFlows collects a company's flows.
type serviceFlows struct {
	traffic
	crowd curve // of the company's users
	all   []flow
}

func (s *serviceFlows) add(name string, weight float64, c curve, do func(t traffic, at time.Duration)) {
	s.all = append(s.all, flow{name, weight * s.between(0.6, 1.5), c, do})
}

// between hosts of two lists, whichever are in use.
func (s *serviceFlows) pairs(f flow, from, to []*host, port uint16, k talk) {
	if len(from) > 0 && len(to) > 0 {
		s.add(f.name, f.weight, f.curve, func(t traffic, at time.Duration) {
			t.call(at, edge{t.inUse(at, from), t.inUse(at, to), port}, k)
		})
	}
}

func (s *serviceFlows) collect() {
	lb, web, app, db := s.of(loadBalancer), s.of(webServer), s.of(application), s.of(database)
	if s.business != shop && s.chance(0.5) {
		s.crowd = office
	}
	front, frontPort := s.either(loadBalancer, webServer), uint16(80)
	if s.chance(0.6) {
		frontPort = 443
	}
	visitors := newCrowd(s.random, 300+s.IntN(3000))
	if len(front) > 0 {
		s.add("visitors", 5, s.crowd, func(t traffic, at time.Duration) {
			t.enter(at, inbound{visitors.next(t.random), t.inUse(at, front), t.port(443, 443, 443, 443, 80)},
				talk{12 * seconds, 1.3, "rrooO", 2500, 1, 40e3, 1.6})
		})
	}
	s.pairs(flow{name: "front", weight: 4.5, curve: s.crowd}, lb, web, frontPort, talk{8 * seconds, 1.2, "ro", 3000, 1, 50e3, 1.5})
	s.pairs(flow{name: "middle", weight: 3, curve: s.crowd}, s.either(webServer, loadBalancer), app, 8080,
		talk{1500 * ms, 1.3, "roo", 2000, 1, 20e3, 1.4})
	clients := app
	if s.ways.webDirect || len(app) == 0 {
		clients = s.of(webServer, application)
	}
	if len(clients) > 0 && len(db) > 0 {
		s.queries(clients, db)
	}
	s.backends()
	if workers := s.of(worker); len(workers) > 0 && len(db) > 0 {
		s.add("jobs", 0.6, steady, func(t traffic, at time.Duration) {
			to := db[int(at/time.Minute)%len(db)]
			t.call(at, edge{t.inUse(at, workers), to, to.service()}, talk{6 * seconds, 1.2, "o", 5e3, 1, 80e3, 1.4})
		})
	}
	if len(app) > 1 {
		s.add("between", 0.5, s.crowd, func(t traffic, at time.Duration) {
			two := some(t, app, 2)
			t.call(at, edge{two[0], two[1], 8080}, talk{300 * ms, 1, "o", 900, 1, 4e3, 1})
		})
	}
	s.outside()
	s.mail()
	s.browsing()
}

// queries are the database sessions of clients: pooled, or one for each request.
func (s *serviceFlows) queries(clients, db []*host) {
	primary := map[*host]*host{}
	for _, h := range clients {
		primary[h] = pick(s, db)
	}
	short := clients
	if s.ways.pools {
		short = nil
		if s.ways.pooled {
			short = clients[:len(clients)/2]
		}
		for _, h := range clients[len(short):] {
			s.repeat(3, 10, func() {
				life := pick(s, []time.Duration{30 * minutes, 2 * hours, 10 * hours})
				s.persistent(edge{h, primary[h], primary[h].service()}, keep{life: life, up: 800, down: 6000})
			})
		}
	}
	if len(short) == 0 {
		return
	}
	s.add("queries", 3.5, s.crowd, func(t traffic, at time.Duration) {
		from := t.inUse(at, short)
		to := primary[from]
		if t.chance(0.1) {
			to = t.inUse(at, db)
		}
		k := talk{400 * ms, 0.9, "o", 1500, 0.8, 8e3, 1.5}.draw(t.random)
		if t.chance(0.001) {
			k.lasts = t.around(25*seconds, 0.8) // a slow query
		}
		t.call(at, edge{from, to, to.service()}, k)
	})
}

// backends are the connections of applications to caches, queues and search.
func (s *serviceFlows) backends() {
	backs := s.of(application, worker)
	if len(backs) == 0 {
		backs = s.of(webServer)
	}
	if len(backs) == 0 {
		return
	}
	for _, to := range s.of(cache, queue, search) {
		for _, h := range backs {
			s.repeat(0, 2, func() {
				s.persistent(edge{h, to, to.service()}, keep{life: s.around(5*hours, 1), up: 3000, down: 9000})
			})
		}
		if to.kind == search && s.chance(0.7) {
			s.add("search", 0.5, s.crowd, func(t traffic, at time.Duration) {
				t.call(at, edge{t.inUse(at, backs), to, 9200}, talk{200 * ms, 1, "o", 900, 1, 15e3, 1})
			})
		}
	}
}

// outside is calls to partners, and what the internet sends unsolicited.
func (s *serviceFlows) outside() {
	public := append(append(s.either(loadBalancer, webServer), s.of(mailServer, vpnGateway)...), s.of(exposed)...)
	scanners := newCrowd(s.random, 150)
	ports := []uint16{22, 23, 80, 443, 445, 3389, 8080, 8443, 5900, 6379, 3306, 5432, 1433, 2222, 25, 21, 9200, 27017}
	if len(public) > 0 {
		s.add("noise", 2.5, steady, func(t traffic, at time.Duration) {
			to, port := pick(t, public), ports[t.rank(len(ports))]
			k := session{ends: silent, syns: 1}
			switch {
			case to.listens(port) && (port != 22 || to.exposed):
				k = talk{400 * ms, 1, "orO", 300, 1, 900, 1}.draw(t.random)
			case t.chance(0.15):
				k = session{ends: refused, lasts: t.span(30*time.Microsecond, 300*time.Microsecond)}
			}
			t.enter(at, inbound{scanners.next(t.random), to, port}, k)
		})
	}
	for _, h := range s.of(exposed) {
		s.guessing(h)
	}
	backs := s.of(application, worker, webServer)
	if len(backs) == 0 {
		return
	}
	partners := newCrowd(s.random, s.count(3, 15)).regulars
	uses := map[*host][]netip.Addr{}
	for _, h := range backs {
		uses[h] = some(s, partners, s.count(1, 4))
	}
	s.add("partners", 0.7, people, func(t traffic, at time.Duration) {
		from := t.inUse(at, backs)
		t.leave(at, outbound{from, pick(t, uses[from]), 443}, talk{2 * seconds, 1.2, "or", 2500, 1, 6e3, 1.2})
	})
}

// guessing is passwords tried on ssh from everywhere, all day.
func (s *serviceFlows) guessing(h *host) {
	s.spread(rate{s.between(4, 25), steady, 1}, func(at time.Duration) {
		from := outsider(s.random)
		pace := s.span(2*seconds, 40*seconds)
		for range 1 + int(s.ExpFloat64()*18) {
			s.enter(at, inbound{from, h, 22}, talk{1800 * ms, 0.4, "roo", 1300, 0.2, 2100, 0.2})
			at += s.wait(pace) + time.Second
		}
	})
}

// mail comes in, goes out, and is relayed.
func (s *serviceFlows) mail() {
	mails := s.of(mailServer)
	if len(mails) == 0 {
		return
	}
	world, message := newCrowd(s.random, 400), talk{2 * seconds, 1, "o", 30e3, 1.5, 600, 0}
	s.add("mail-in", 0.5, people, func(t traffic, at time.Duration) {
		t.enter(at, inbound{world.next(t.random), pick(t, mails), 25}, message)
	})
	s.add("mail-out", 0.25, office, func(t traffic, at time.Duration) {
		t.leave(at, outbound{pick(t, mails), world.next(t.random), 25}, message)
	})
	if senders := s.of(application, worker, monitoring, webServer); len(senders) > 0 {
		s.add("mail-relay", 0.15, people, func(t traffic, at time.Duration) {
			t.call(at, edge{t.inUse(at, senders), pick(t, mails), t.port(25, 587)}, talk{500 * ms, 0.7, "o", 9e3, 1, 500, 0})
		})
	}
}

// browsing is what people at desks look at.
func (s *serviceFlows) browsing() {
	if len(s.people) == 0 {
		return
	}
	sites := newCrowd(s.random, 400)
	s.add("browsing", 2.5, office, func(t traffic, at time.Duration) {
		p := pick(t, t.people)
		for try := 0; try < 6 && !p.at(at); try++ {
			p = pick(t, t.people)
		}
		site := outbound{p.desk, sites.next(t.random), t.port(443, 443, 443, 443, 443, 80)}
		t.leave(at, site, talk{20 * seconds, 1.5, "orO", 4e3, 1.2, 60e3, 1.8})
	})
}

// inUse picks one of the servers that are up.
func (t traffic) inUse(at time.Duration, list []*host) *host {
	h := pick(t, list)
	for try := 0; try < 8 && !h.alive(at); try++ {
		h = pick(t, list)
	}
	return h
}
