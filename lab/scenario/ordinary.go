package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"headstart/event"
)

// routine is traffic of an ordinary day: pooled connections, which are replaced
// as they end, or connections at random moments. An asterisk in an address
// stands for a random number, [a-b] for one from a to b.
type routine struct {
	name     string // its randomness follows from it
	from, to string
	port     uint16
	other    uint16  // port of a share of the connections
	share    float64 // of them
	pool     [2]int  // how many are open at a time
	hourly   float64 // or how many begin in an hour of the busy part of the day
	tries    int     // at most, in a row; 1 if 0
	lasts    [2]time.Duration
	either   bool // end closes first; otherwise the originator does
}

// routines are the ordinary traffic of one web server (the two %s), and of the
// rest of the company.
var (
	webRoutines = []routine{
		{name: "%s balanced", from: "lb-01", to: "%s", port: 443, other: 80, share: 0.2, pool: [2]int{13, 15},
			lasts: [2]time.Duration{90 * seconds, 8 * minutes}, either: true},
		{name: "%s queries", from: "%s", to: "db-01", port: 5432, hourly: 2.5 * 60,
			lasts: [2]time.Duration{100 * ms, 2 * seconds}},
		{name: "%s outside", from: "%s", to: "198.51.100.[10-17]", port: 443, pool: [2]int{5, 6},
			lasts: [2]time.Duration{minutes, 9 * minutes}},
		{name: "%s asks", from: "%s", to: "app-01", port: 8080, hourly: 60,
			lasts: [2]time.Duration{50 * ms, 4 * seconds}, either: true},
		{name: "%s knocks", from: "192.0.2.[1-250]", to: "%s", port: 22, hourly: 2, tries: 5,
			lasts: [2]time.Duration{800 * ms, 3 * seconds}, either: true},
	}
	companyRoutines = []routine{
		{name: "visitors", from: "198.18.*.*", to: "lb-01", port: 443, hourly: 240,
			lasts: [2]time.Duration{seconds, 40 * seconds}, either: true},
		{name: "pool", from: "app-01", to: "db-01", port: 5432, pool: [2]int{6, 6},
			lasts: [2]time.Duration{20 * minutes, 3 * hours}},
	}
	directory = routine{from: "fs-01", to: "dc-01", port: 389, other: 88, share: 0.5, hourly: 8,
		lasts: [2]time.Duration{20 * ms, 2 * seconds}}
	knocks = routine{name: "knocks at the jump host", from: "192.0.2.[1-250]", to: "jump-01", port: 22, hourly: 2, tries: 5,
		lasts: [2]time.Duration{800 * ms, 3 * seconds}, either: true}
)

// ordinary writes what the company does every day.
func ordinary(l *ledger, seed uint64) {
	for _, web := range []string{"web-01", "web-02"} {
		for _, b := range webRoutines {
			for _, text := range []*string{&b.name, &b.from, &b.to} {
				*text = strings.Replace(*text, "%s", web, 1)
			}
			l.routine(newRandom(seed, b.name), b)
		}
	}
	for _, b := range companyRoutines {
		l.routine(newRandom(seed, b.name), b)
	}
	for _, h := range servers {
		if h.name != "mon-01" {
			reports(l, newRandom(seed, h.name+" reports"), h)
		}
	}
	backups(l, newRandom(seed, "backups"))
	office(l, newRandom(seed, "office"))
	administration(l, newRandom(seed, "administration"))
	l.routine(newRandom(seed, knocks.name), knocks)
}

// routine writes a routine, for all days.
func (l *ledger) routine(r random, b routine) {
	if b.hourly > 0 {
		l.spread(r, b)
		return
	}
	n := b.pool[0]
	if b.pool[1] > n {
		n = r.count(b.pool[0], b.pool[1])
	}
	for range n {
		for at := r.span(0, minutes); at < l.end; {
			c := b.call(r, b.address(r, b.from))
			l.add(at, c)
			at += c.lasts + r.span(100*ms, seconds)
		}
	}
}

// spread writes a routine at random moments: less often at night.
func (l *ledger) spread(r random, b routine) {
	for at := time.Duration(0); ; {
		rate := b.hourly
		if hour := at % day / hours; hour < 7 || hour >= 22 {
			rate /= 5
		}
		if at += time.Duration(r.ExpFloat64() / rate * float64(hours)); at >= l.end {
			return
		}
		from, when := b.address(r, b.from), at
		if b.tries == 0 {
			l.add(when, b.call(r, from))
			continue
		}
		for range r.count(1, b.tries) {
			l.add(when, b.call(r, from))
			when += r.span(2*seconds, 6*seconds)
		}
	}
}

// call draws one connection.
func (b routine) call(r random, from event.Address) call {
	c := call{from: from, port: b.port}
	if b.other != 0 && r.chance(b.share) {
		c.port = b.other
	}
	c.to = b.address(r, b.to)
	c.lasts = r.span(b.lasts[0], b.lasts[1])
	if b.either {
		c.ends = ending(r.IntN(2))
	}
	return c
}

// address is the one of a host or a pattern.
func (b routine) address(r random, pattern string) event.Address {
	head, random, ok := strings.Cut(pattern, "[")
	if ok {
		var low, high int
		fmt.Sscanf(random, "%d-%d]", &low, &high)
		return at(head + strconv.Itoa(r.count(low, high)))
	}
	for strings.Contains(pattern, "*") {
		pattern = strings.Replace(pattern, "*", strconv.Itoa(r.IntN(256)), 1)
	}
	return of(pattern)
}

// reports is the one connection on which a server reports to monitoring. It is
// opened again in the night, when monitoring is updated.
func reports(l *ledger, r random, h host) {
	at := time.Duration(0)
	for night := time.Duration(0); at < l.end; night += day {
		until := night + 3*hours + 20*minutes + r.span(0, 10*seconds)
		l.add(at, call{from: h.address, to: of("mon-01"), port: 10051, lasts: until - at, ends: byResponder})
		at = until + r.span(5*seconds, 40*seconds)
	}
}

func backups(l *ledger, r random) {
	for night := time.Duration(0); night < l.end; night += day {
		at := night + 2*hours + r.span(0, 2*minutes)
		for _, h := range servers {
			if h.name != "backup-01" {
				l.add(at, call{from: of("backup-01"), to: h.address, port: 22, lasts: r.span(16*minutes, 40*minutes)})
				at += r.span(30*seconds, 2*minutes)
			}
		}
	}
}

// office is what desks do between morning and evening.
func office(l *ledger, r random) {
	for morning := time.Duration(0); morning < l.end; morning += day {
		for n := range desks {
			at, home := morning+r.span(7*hours+45*minutes, 9*hours), morning+r.span(16*hours+30*minutes, 18*hours)
			for at < home {
				lasts := min(r.span(20*minutes, 3*hours), home-at)
				l.add(at, call{from: desk(n), to: of("fs-01"), port: 445, lasts: lasts})
				l.add(at-r.span(50*ms, seconds), call{from: desk(n), to: of("dc-01"), port: 88, lasts: 20 * ms})
				at += lasts + r.span(seconds, 10*minutes)
			}
		}
	}
	l.routine(r, directory)
}

// administration is two people who administer the servers over the jump host.
func administration(l *ledger, r random) {
	jump := of("jump-01")
	for morning := time.Duration(0); morning < l.end; morning += day {
		for n := range 2 {
			l.add(morning+r.span(8*hours+30*minutes, 9*hours), call{from: desk(n), to: jump, port: 22, lasts: r.span(3*hours, 7*hours)})
		}
		release := morning + 10*hours + 40*minutes
		for _, name := range []string{"web-01", "web-02", "app-01"} {
			l.add(release+r.span(0, 10*seconds), call{from: jump, to: of(name), port: 22, lasts: r.span(4*minutes, 7*minutes)})
			release += r.span(minutes, 2*minutes)
		}
		for _, n := range r.Perm(len(servers)) {
			if h := servers[n]; h.address != jump {
				l.add(morning+r.span(9*hours, 16*hours), call{from: jump, to: h.address, port: 22, lasts: r.span(5*minutes, 25*minutes)})
			}
		}
	}
}

// activities are what the company does on the day of the incident, for people.
func activities(day time.Time) (all []Activity) {
	for _, a := range []struct {
		clock time.Duration
		text  string
	}{
		{2 * hours, "backup-01 fetches from every server over SSH"},
		{9 * hours, fmt.Sprintf("%d people at their desks, with shares on fs-01 open; the administrators are on jump-01", desks)},
		{10*hours + 40*minutes, "a release: jump-01 logs in to web-01, web-02 and app-01"},
		{14*hours + 25*minutes, "on web-01 as always: a dozen connections from lb-01, 2-3 database sessions a minute of 0.1-2.0 s"},
	} {
		all = append(all, Activity{day.Add(a.clock), a.text})
	}
	return all
}
