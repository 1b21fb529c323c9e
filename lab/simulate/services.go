package simulate

import "time"

// persistent keeps a connection open between two hosts for the whole of a
// time: it comes back when it breaks.
func (c *company) persistent(r random, from, to *host, port uint16, k keep) {
	w := k.during
	if w == (window{}) {
		w = window{0, c.calendar.end}
	}
	at := max(w.from, from.life.from, 0)
	until := min(w.to, from.life.to)
	if at == 0 {
		// It is open when the log begins, or restarts soon.
		life := time.Duration(r.Float64() * float64(r.around(k.life, 0.8)))
		if r.chance(0.5) && !from.down(0) && !to.down(0) {
			s := k.session(r, min(life, until))
			if s.lasts > time.Second {
				s.ends = fromBefore
				c.call(r, 0, from, to, port, s)
			}
			at = s.lasts
		} else {
			at = r.span(0, min(life, 6*time.Hour)+time.Second)
		}
	}
	for failed := 0; at < until; {
		if from.down(at) {
			at += r.span(20*time.Second, 90*time.Second)
			continue
		}
		if to.down(at) || to.shut(port, at) {
			c.call(r, at, from, to, port, session{})
			if failed++; !to.alive(at) && (at < to.life.from || failed > 60) {
				at = max(until, 0)
				if to.life.from > w.from && to.life.from < until && failed < 60 {
					at = to.life.from + r.span(0, 10*time.Minute)
				}
				continue
			}
			at += min(time.Duration(1<<min(failed, 6))*r.span(4*time.Second, 8*time.Second), 5*time.Minute)
			continue
		}
		failed = 0
		s := k.session(r, min(r.around(k.life, 0.8)+time.Second, until-at))
		c.call(r, at, from, to, port, s)
		broken := min(to.cut(port, at), from.cut(0, at))
		at = min(at+s.lasts, broken) + r.span(200*time.Millisecond, 6*time.Second)
	}
}

// keep is what a persistent connection is like.
type keep struct {
	during   window        // all the time, if zero
	life     time.Duration // until it is opened anew: the median
	up, down float64       // bytes a second
}

func (k keep) session(r random, lasts time.Duration) session {
	return session{
		lasts: lasts, ends: pick(r, []ending{byOriginator, byOriginator, byResponder, abortedByPeer}),
		up: r.amount(k.up*lasts.Seconds()+200, 0.3), down: r.amount(k.down*lasts.Seconds()+200, 0.3),
	}
}

// flow is traffic that there is the more of, the more room there is in a day.
type flow struct {
	weight float64
	curve  curve
	name   string
	do     func(r random, at time.Duration)
}

// flows are the company's own services at work for their users.
func (c *company) flows() []flow {
	r := newRandom(c.options.Seed, "flows")
	var all []flow
	add := func(name string, weight float64, e curve, do func(r random, at time.Duration)) {
		all = append(all, flow{weight * r.between(0.6, 1.5), e, name, do})
	}
	lb, web, app, db := c.of(loadBalancer), c.of(webServer), c.of(application), c.of(database)
	crowd := people
	if c.business != shop && r.chance(0.5) {
		crowd = office
	}
	front, tls := lb, r.chance(0.6)
	if len(front) == 0 {
		front = web
	}
	visitors := newCrowd(r, 300+r.IntN(3000))
	if len(front) > 0 {
		add("visitors", 5, crowd, func(r random, at time.Duration) {
			c.enter(r, at, visitors.next(r), inUse(r, at, front), pick(r, []uint16{443, 443, 443, 443, 80}), session{
				lasts: r.around(12*time.Second, 1.3), ends: pick(r, []ending{byResponder, byResponder, byOriginator, byOriginator, abortedByOrigin}),
				up: r.amount(2500, 1), down: r.amount(40e3, 1.6),
			})
		})
	}
	if len(lb) > 0 && len(web) > 0 {
		port := uint16(443)
		if !tls {
			port = 80
		}
		add("front", 4.5, crowd, func(r random, at time.Duration) {
			c.call(r, at, inUse(r, at, lb), inUse(r, at, web), port, session{
				lasts: r.around(8*time.Second, 1.2), ends: pick(r, []ending{byResponder, byOriginator}), up: r.amount(3000, 1), down: r.amount(50e3, 1.5),
			})
		})
	}
	if len(front) > 0 && len(app) > 0 {
		from := web
		if len(web) == 0 {
			from = lb
		}
		add("middle", 3, crowd, func(r random, at time.Duration) {
			c.call(r, at, inUse(r, at, from), inUse(r, at, app), 8080, session{
				lasts: r.around(1500*time.Millisecond, 1.3), ends: pick(r, []ending{byResponder, byOriginator, byOriginator}), up: r.amount(2000, 1), down: r.amount(20e3, 1.4),
			})
		})
	}
	clients := app
	if c.ways.webDirect || len(app) == 0 {
		clients = append(append([]*host{}, web...), app...)
	}
	if len(clients) > 0 && len(db) > 0 {
		primary := map[*host]*host{}
		for _, h := range clients {
			primary[h] = pick(r, db)
		}
		short := clients
		if c.ways.pools {
			short = nil
			if c.ways.pooled {
				short = clients[:len(clients)/2]
			}
			for _, h := range clients[len(short):] {
				for range r.count(3, 10) {
					c.persistent(r, h, primary[h], primary[h].service(), keep{life: pick(r, []time.Duration{30 * time.Minute, 2 * time.Hour, 10 * time.Hour}), up: 800, down: 6000})
				}
			}
		}
		if len(short) > 0 {
			add("queries", 3.5, crowd, func(r random, at time.Duration) {
				from := inUse(r, at, short)
				to := primary[from]
				if r.chance(0.1) {
					to = inUse(r, at, db)
				}
				s := session{lasts: r.around(400*time.Millisecond, 0.9), ends: byOriginator, up: r.amount(1500, 0.8), down: r.amount(8e3, 1.5)}
				if r.chance(0.001) {
					s.lasts = r.around(25*time.Second, 0.8) // a slow query
				}
				c.call(r, at, from, to, to.service(), s)
			})
		}
	}
	backs := append(append([]*host{}, app...), c.of(worker)...)
	if len(backs) == 0 {
		backs = web
	}
	for _, to := range c.of(cache, queue, search) {
		if len(backs) == 0 {
			break
		}
		for _, h := range backs {
			for range r.count(0, 2) {
				c.persistent(r, h, to, to.service(), keep{life: r.around(5*time.Hour, 1), up: 3000, down: 9000})
			}
		}
		if to.kind == search && r.chance(0.7) {
			add("search", 0.5, crowd, func(r random, at time.Duration) {
				c.call(r, at, inUse(r, at, backs), to, 9200, session{lasts: r.around(200*time.Millisecond, 1), ends: byOriginator, up: r.amount(900, 1), down: r.amount(15e3, 1)})
			})
		}
	}
	if workers := c.of(worker); len(workers) > 0 && len(db) > 0 {
		add("jobs", 0.6, steady, func(r random, at time.Duration) {
			to := db[int(at/time.Minute)%len(db)]
			c.call(r, at, inUse(r, at, workers), to, to.service(), session{lasts: r.around(6*time.Second, 1.2), ends: byOriginator, up: r.amount(5e3, 1), down: r.amount(80e3, 1.4)})
		})
	}
	if len(app) > 1 {
		add("between", 0.5, crowd, func(r random, at time.Duration) {
			two := some(r, app, 2)
			c.call(r, at, two[0], two[1], 8080, session{lasts: r.around(300*time.Millisecond, 1), ends: byOriginator, up: r.amount(900, 1), down: r.amount(4e3, 1)})
		})
	}
	c.outside(r, add)
	c.officeFlows(r, add)
	return all
}

// inUse picks one of the servers that are there.
func inUse(r random, at time.Duration, list []*host) *host {
	h := pick(r, list)
	for try := 0; try < 8 && !h.alive(at); try++ {
		h = pick(r, list)
	}
	return h
}

// service is the port that a server is there for: the last of its ports that
// is neither for administrators nor for monitoring.
func (h *host) service() uint16 {
	for i := len(h.ports) - 1; i >= 0; i-- {
		switch p := h.ports[i]; p {
		case 22, 5985, 9100, 9256, 9187, 10050, 5666, 6556, 9300, 3389, 135, 139:
		default:
			return p
		}
	}
	return 22
}
