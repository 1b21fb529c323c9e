package simulate

import (
	"slices"
	"time"
)

// person sits at a desk in the mornings and goes home in the evenings.
type person struct {
	name      string
	desk      *host
	shifts    []window // at work
	favorites []*host  // servers that they log in to, the most frequent first
}

// at reports whether the person works at a moment.
func (p *person) at(at time.Duration) bool {
	return slices.ContainsFunc(p.shifts, func(w window) bool { return w.holds(at) })
}

// moment is a random one of a shift.
func (w window) moment(r random) time.Duration { return r.span(w.from, w.to) }

// shifts are when a person works.
func (c *company) shifts(r random) []window {
	var all []window
	early, late := r.between(-0.8, 0.8), r.between(-0.8, 1.2)
	weekender := r.chance(0.1)
	first, last := c.calendar.days()
	for d := first; d <= last; d++ {
		if !c.calendar.workday(d) && !(weekender && r.chance(0.3)) || r.chance(0.06) {
			continue
		}
		from := c.calendar.clock(d, c.calendar.opens+early+r.between(-0.4, 0.4))
		to := c.calendar.clock(d, c.calendar.closes+late+r.between(-0.6, 0.6))
		if r.chance(0.05) {
			to += r.span(time.Hour, 4*hours) // works late
		}
		all = append(all, window{from, to})
	}
	return all
}

// staff lists the people at desks of some kinds.
func (c *company) staff(kinds ...kind) []*person {
	var all []*person
	for _, k := range kinds {
		for _, p := range c.people {
			if p.desk.kind == k {
				all = append(all, p)
			}
		}
	}
	return all
}

// runLogins is people at work on servers, and what appliances do.
func (c *company) runLogins() {
	t := c.traffic("logins")
	for _, p := range c.people {
		switch p.desk.kind {
		case adminDesk:
			t.administer(p, t.between(2, 9))
		case developerDesk:
			t.administer(p, t.between(0.3, 4))
			t.query(p)
		}
	}
	t.devices()
}

// administer is a person's sessions on servers, on each day at work.
func (t traffic) administer(p *person, daily float64) {
	if len(p.favorites) == 0 {
		return
	}
	all, learn := t.of(shells), t.calendar.learn
	for _, w := range p.shifts {
		for range t.poisson(daily) {
			to := p.favorites[t.rank(len(p.favorites))]
			if t.chance(0.015*t.ways.busy) && p.desk.kind == adminDesk {
				to = pick(t, all) // a server that others administer
			}
			at := w.moment(t.random)
			if !slices.Contains(p.favorites, to) && at > learn {
				t.note("first-login", window{at, at + time.Hour}, "somebody logs into a server that others look after", p.desk, to)
			}
			lasts := t.around(7*minutes, 1.4)
			if t.chance(0.04) {
				lasts = t.span(2*hours, 30*hours) // left open
			}
			t.reach(at, p.desk, to, lasts)
		}
		if p.desk.kind == adminDesk && t.chance(0.06) { // the same command on many
			at, many := w.moment(t.random), some(t, t.of(linux), t.count(5, 30))
			for _, h := range many {
				t.reach(at, p.desk, h, t.around(2*seconds, 0.7))
				at += t.wait(3 * seconds)
			}
			if at > learn {
				w := window{at - 5*minutes, at}
				t.note("command-on-many", w, "an administrator runs one command on many servers", append(many, p.desk)...)
			}
		}
	}
}

// reach is a session from a desk on a server: direct or through a bastion.
func (t traffic) reach(at time.Duration, desk, to *host, lasts time.Duration) {
	s := terminal(lasts).draw(t.random)
	if to.windows {
		port := uint16(3389)
		if t.chance(0.15) && to.listens(5985) {
			port = 5985
			s.lasts = min(lasts, t.around(40*seconds, 1))
		} else {
			s.up, s.down = s.up*10, s.down*300
		}
		t.call(at, edge{desk, to, port}, s)
		return
	}
	bastions := t.of(bastion)
	if !t.ways.viaBastion || len(bastions) == 0 || to.kind == bastion {
		t.call(at, edge{desk, to, 22}, s)
		return
	}
	via := bastions[0]
	if t.chance(0.2) {
		via = pick(t, bastions)
	}
	outer := s
	outer.lasts += t.span(2*seconds, 90*seconds)
	t.call(at, edge{desk, via, 22}, outer)
	t.call(at+t.span(300*ms, 20*seconds), edge{via, to, 22}, s)
	if t.chance(0.04) { // and on from there, to fetch a file
		if next := pick(t, t.of(linux)); next.zone == to.zone || next.kind == backupServer {
			t.call(at+t.span(20*seconds, 20*seconds+lasts), edge{to, next, 22}, terminal(t.around(time.Minute, 1)))
		}
	}
}

// query is a developer's or an analyst's client on a database.
func (t traffic) query(p *person) {
	dbs := t.of(database, warehouse)
	if len(dbs) == 0 || t.chance(0.6) {
		return
	}
	mine := some(t, dbs, t.count(1, 2))
	for _, w := range p.shifts {
		for range t.poisson(1.2) {
			to := pick(t, mine)
			t.call(w.moment(t.random), edge{p.desk, to, to.service()}, talk{35 * minutes, 1.2, "or", 30e3, 1, 2e6, 1.6})
		}
	}
}

// devices is what appliances do, and what is done to them.
func (t traffic) devices() {
	if managers := t.of(configManager, monitoring, backupServer); len(managers) > 0 { // settings are saved every night
		m, hour := pick(t, managers), t.between(0, 6)
		for _, h := range t.of(network) {
			t.daily(hour, 10*minutes, func(_ int, at time.Duration) {
				t.call(at, edge{m, h, 22}, talk{15 * seconds, 0.5, "o", 4000, 0, 60e3, 0.3})
			})
		}
	}
	vendor := outsider(t.random)
	for _, h := range t.of(camera, printer) {
		if t.chance(0.6) {
			t.apart(3*hours, 6*hours, 0, func(at time.Duration) {
				t.leave(at, outbound{h, vendor, 443}, talk{4 * minutes, 1, "r", 9000, 1, 9000, 1})
			})
		}
	}
	files := t.of(fileServer)
	for _, h := range t.of(printer) { // scans paper into a share
		if len(files) > 0 && t.chance(0.7) {
			t.spread(rate{5, office, 0.02}, func(at time.Duration) {
				t.call(at, edge{h, files[0], 445}, talk{5 * seconds, 0.7, "o", 900e3, 1, 9000, 0})
			})
		}
	}
}
