package simulate

import (
	"net/netip"
	"time"
)

// outsider is a random public address.
func outsider(r random) netip.Addr {
	for {
		a := [4]byte{byte(r.count(1, 223)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.count(1, 254))}
		address := netip.AddrFrom4(a)
		if a[0] == 127 || a[0] == 100 || a[0] == 198 || a[0] == 192 || a[0] == 203 || address.IsPrivate() || address.IsLinkLocalUnicast() {
			continue
		}
		return address
	}
}

// crowd is many clients: some come again and again, most are new.
type crowd struct{ regulars []netip.Addr }

func newCrowd(r random, n int) crowd {
	var c crowd
	for range n {
		c.regulars = append(c.regulars, outsider(r))
	}
	return c
}

func (c crowd) next(r random) netip.Addr {
	if r.chance(0.35) {
		return outsider(r)
	}
	return c.regulars[r.rank(len(c.regulars))]
}

// outside is what goes out to the internet and what comes in that nobody asked
// for.
func (c *company) outside(r random, add func(string, float64, curve, func(random, time.Duration))) {
	public := c.of(loadBalancer)
	if len(public) == 0 {
		public = c.of(webServer)
	}
	public = append(public, c.of(mailServer, vpnGateway)...)
	for _, h := range c.hosts {
		if h.exposed {
			public = append(public, h)
		}
	}
	scanners := newCrowd(r, 150)
	ports := []uint16{22, 23, 80, 443, 445, 3389, 8080, 8443, 5900, 6379, 3306, 5432, 1433, 2222, 25, 21, 9200, 27017}
	if len(public) > 0 {
		add("noise", 2.5, steady, func(r random, at time.Duration) {
			to, port := pick(r, public), ports[r.rank(len(ports))]
			s := session{ends: silent, syns: 1}
			switch {
			case to.listens(port) && (port != 22 || to.exposed):
				s = session{lasts: r.around(400*time.Millisecond, 1), ends: pick(r, []ending{byOriginator, byResponder, abortedByOrigin}), up: r.amount(300, 1), down: r.amount(900, 1)}
			case r.chance(0.15):
				s = session{ends: refused, lasts: r.span(30*time.Microsecond, 300*time.Microsecond)}
			}
			c.enter(r, at, scanners.next(r), to, port, s)
		})
	}
	for _, h := range c.hosts {
		if h.exposed {
			c.guessing(r, h)
		}
	}
	backs := c.of(application, worker, webServer)
	if len(backs) > 0 {
		partners := newCrowd(r, r.count(3, 15)).regulars
		uses := map[*host][]netip.Addr{}
		for _, h := range backs {
			uses[h] = some(r, partners, r.count(1, 4))
		}
		add("partners", 0.7, people, func(r random, at time.Duration) {
			from := inUse(r, at, backs)
			c.leave(r, at, from, pick(r, uses[from]), 443, session{lasts: r.around(2*time.Second, 1.2), ends: pick(r, []ending{byOriginator, byResponder}), up: r.amount(2500, 1), down: r.amount(6e3, 1.2)})
		})
	}
	c.mail(r, add)
}

// guessing is passwords tried on ssh from everywhere, all day.
func (c *company) guessing(r random, h *host) {
	c.calendar.spread(r, rate{r.between(4, 25), steady, 1}, func(at time.Duration) {
		from := outsider(r)
		pace := r.span(2*time.Second, 40*time.Second)
		for range 1 + int(r.ExpFloat64()*18) {
			c.enter(r, at, from, h, 22, session{lasts: r.around(1800*time.Millisecond, 0.4), ends: pick(r, []ending{byResponder, byOriginator, byOriginator}), up: r.amount(1300, 0.2), down: r.amount(2100, 0.2)})
			at += r.wait(pace) + time.Second
		}
	})
}

// mail comes in, goes out, and is read.
func (c *company) mail(r random, add func(string, float64, curve, func(random, time.Duration))) {
	mails := c.of(mailServer)
	if len(mails) == 0 {
		return
	}
	world := newCrowd(r, 400)
	add("mail-in", 0.5, people, func(r random, at time.Duration) {
		c.enter(r, at, world.next(r), pick(r, mails), 25, session{lasts: r.around(2*time.Second, 1), ends: byOriginator, up: r.amount(30e3, 1.5), down: 600})
	})
	add("mail-out", 0.25, office, func(r random, at time.Duration) {
		c.leave(r, at, pick(r, mails), world.next(r), 25, session{lasts: r.around(2*time.Second, 1), ends: byOriginator, up: r.amount(30e3, 1.5), down: 600})
	})
	senders := c.of(application, worker, monitoring, webServer)
	if len(senders) > 0 {
		add("mail-relay", 0.15, people, func(r random, at time.Duration) {
			c.call(r, at, inUse(r, at, senders), pick(r, mails), pick(r, []uint16{25, 587}), session{lasts: r.around(500*time.Millisecond, 0.7), ends: byOriginator, up: r.amount(9e3, 1), down: 500})
		})
	}
}
