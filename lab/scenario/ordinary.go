package scenario

import (
	"fmt"
	"time"
)

// ordinary writes down what the company does every day.
func ordinary(l *ledger, seed uint64) {
	c := newCompany()
	for _, w := range []host{c.web1, c.web2} {
		habit := func(name string) random { return newRandom(seed, w.name+" "+name) }
		balanced(l, habit("balanced"), c.lb, w)
		queries(l, habit("queries"), w, c.db)
		outside(l, habit("outside"), w)
		asks(l, habit("asks"), w, c.app)
		knocks(l, habit("knocks"), w)
	}
	visitors(l, newRandom(seed, "visitors"), c.lb)
	pool(l, newRandom(seed, "pool"), c.app, c.db)
	for _, h := range c.servers() {
		if h.name != c.monitor.name {
			reports(l, newRandom(seed, h.name+" reports"), h, c.monitor)
		}
	}
	backups(l, newRandom(seed, "backups"), &c)
	office(l, newRandom(seed, "office"), &c)
	administration(l, newRandom(seed, "administration"), &c)
	knocks(l, newRandom(seed, "knocks at the jump host"), c.jump)
}

// slots keeps so many connections open all the time: as one ends the next
// begins.
func (l *ledger) slots(r random, n int, next func() call) {
	for range n {
		for at := r.span(0, time.Minute); at < l.end; {
			c := next()
			l.add(at, c)
			at += c.lasts + r.span(100*time.Millisecond, time.Second)
		}
	}
}

// now and then calls do at random moments: so many an hour in the busy part of
// a day, a fifth of that at night.
func (l *ledger) spread(r random, hourly float64, do func(at time.Duration)) {
	for at := time.Duration(0); ; {
		rate := hourly
		if hour := at % day / time.Hour; hour < 7 || hour >= 22 {
			rate /= 5
		}
		if at += time.Duration(r.ExpFloat64() / rate * float64(time.Hour)); at >= l.end {
			return
		}
		do(at)
	}
}

// balanced are the connections that a load balancer keeps to a web server.
func balanced(l *ledger, r random, lb, web host) {
	l.slots(r, r.count(13, 15), func() call {
		port := uint16(443)
		if r.chance(0.2) {
			port = 80
		}
		return call{from: lb.address, to: web.address, port: port, lasts: r.span(90*time.Second, 8*time.Minute), ends: ending(r.IntN(2))}
	})
}

// queries are the web server's own sessions on the database: opened for a
// request and closed again.
func queries(l *ledger, r random, web, db host) {
	l.spread(r, 2.5*60, func(at time.Duration) {
		l.add(at, call{from: web.address, to: db.address, port: 5432, lasts: r.span(100*time.Millisecond, 2*time.Second)})
	})
}

// outside are the services that the web server asks: payments, maps, mail.
func outside(l *ledger, r random, web host) {
	l.slots(r, r.count(5, 6), func() call {
		return call{from: web.address, to: at(fmt.Sprintf("198.51.100.%d", r.count(10, 17))), port: 443, lasts: r.span(time.Minute, 9*time.Minute)}
	})
}

func asks(l *ledger, r random, web, app host) {
	l.spread(r, 60, func(at time.Duration) {
		l.add(at, call{from: web.address, to: app.address, port: 8080, lasts: r.span(50*time.Millisecond, 4*time.Second), ends: ending(r.IntN(2))})
	})
}

// knocks are the internet's guesses at passwords.
func knocks(l *ledger, r random, h host) {
	l.spread(r, 2, func(when time.Duration) {
		from := at(fmt.Sprintf("192.0.2.%d", r.count(1, 250)))
		for range r.count(1, 5) {
			l.add(when, call{from: from, to: h.address, port: 22, lasts: r.span(800*time.Millisecond, 3*time.Second), ends: ending(r.IntN(2))})
			when += r.span(2*time.Second, 6*time.Second)
		}
	})
}

func visitors(l *ledger, r random, lb host) {
	l.spread(r, 240, func(when time.Duration) {
		l.add(when, call{from: at(fmt.Sprintf("198.18.%d.%d", r.IntN(256), r.IntN(256))), to: lb.address, port: 443, lasts: r.span(time.Second, 40*time.Second), ends: ending(r.IntN(2))})
	})
}

// pool are the sessions that the application keeps on its database.
func pool(l *ledger, r random, app, db host) {
	l.slots(r, 6, func() call {
		return call{from: app.address, to: db.address, port: 5432, lasts: r.span(20*time.Minute, 3*time.Hour)}
	})
}

// reports is the one connection on which a server tells monitoring how it is.
// It is made anew in the night, when monitoring is updated.
func reports(l *ledger, r random, h, monitor host) {
	at := time.Duration(0)
	for night := time.Duration(0); at < l.end; night += day {
		until := night + 3*time.Hour + 20*time.Minute + r.span(0, 10*time.Second)
		l.add(at, call{from: h.address, to: monitor.address, port: 10051, lasts: until - at, ends: byResponder})
		at = until + r.span(5*time.Second, 40*time.Second)
	}
}

func backups(l *ledger, r random, c *company) {
	for night := time.Duration(0); night < l.end; night += day {
		at := night + 2*time.Hour + r.span(0, 2*time.Minute)
		for _, h := range c.servers() {
			if h.name != c.backup.name {
				l.add(at, call{from: c.backup.address, to: h.address, port: 22, lasts: r.span(16*time.Minute, 40*time.Minute)})
				at += r.span(30*time.Second, 2*time.Minute)
			}
		}
	}
}

// office is what people's desks do between morning and evening.
func office(l *ledger, r random, c *company) {
	for morning := time.Duration(0); morning < l.end; morning += day {
		for n := range desks {
			at, home := morning+r.span(7*time.Hour+45*time.Minute, 9*time.Hour), morning+r.span(16*time.Hour+30*time.Minute, 18*time.Hour)
			for at < home {
				lasts := min(r.span(20*time.Minute, 3*time.Hour), home-at)
				l.add(at, call{from: desk(n), to: c.files.address, port: 445, lasts: lasts})
				l.add(at-r.span(50*time.Millisecond, time.Second), call{from: desk(n), to: c.dc.address, port: 88, lasts: 20 * time.Millisecond})
				at += lasts + r.span(time.Second, 10*time.Minute)
			}
		}
	}
	l.spread(r, 8, func(at time.Duration) { // the file server asks who may
		port := uint16(389)
		if r.chance(0.5) {
			port = 88
		}
		l.add(at, call{from: c.files.address, to: c.dc.address, port: port, lasts: r.span(20*time.Millisecond, 2*time.Second)})
	})
}

// administration is two people who look after the servers, over the jump host.
func administration(l *ledger, r random, c *company) {
	for morning := time.Duration(0); morning < l.end; morning += day {
		for n := range 2 {
			l.add(morning+r.span(8*time.Hour+30*time.Minute, 9*time.Hour), call{from: desk(n), to: c.jump.address, port: 22, lasts: r.span(3*time.Hour, 7*time.Hour)})
		}
		release := morning + 10*time.Hour + 40*time.Minute
		for _, h := range []host{c.web1, c.web2, c.app} {
			l.add(release+r.span(0, 10*time.Second), call{from: c.jump.address, to: h.address, port: 22, lasts: r.span(4*time.Minute, 7*time.Minute)})
			release += r.span(time.Minute, 2*time.Minute)
		}
		servers := c.servers()
		for _, n := range r.Perm(len(servers)) {
			if h := servers[n]; h.name != c.jump.name {
				l.add(morning+r.span(9*time.Hour, 16*time.Hour), call{from: c.jump.address, to: h.address, port: 22, lasts: r.span(5*time.Minute, 25*time.Minute)})
			}
		}
	}
}

// scenes say what the company does, on the day that the story is about.
func scenes(day time.Time) []Scene {
	var all []Scene
	scene := func(hour, minute int, text string) {
		all = append(all, Scene{day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute), text})
	}
	scene(2, 0, "backup-01 fetches from every server over SSH")
	scene(9, 0, fmt.Sprintf("%d people at their desks, with shares on fs-01 open; the administrators are on jump-01", desks))
	scene(10, 40, "a release: jump-01 logs in to web-01, web-02 and app-01")
	scene(14, 25, "on web-01 as always: a dozen connections from lb-01, 2-3 database sessions a minute of 0.1-2.0 s")
	return all
}
