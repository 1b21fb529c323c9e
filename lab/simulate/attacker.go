package simulate

import (
	"net/netip"
	"slices"
	"time"
)

// attacker is one intrusion while it is generated.
type attacker struct {
	traffic
	id      int
	kind    string
	pace    pace
	stealth int
	entry   string
	at      time.Duration
	until   time.Duration // the log's end, with a margin

	address     netip.Addr // they come from
	control     netip.Addr // their commands come from
	tools       netip.Addr // their programs come from
	controlPort uint16
	interactive bool                    // sessions stay open while they are used
	held        []*host                 // taken, in order
	opened      map[*host]int           // row of the session by which a host was taken
	used        map[*host]time.Duration // last use of a host as a source
	taken       map[*host]time.Duration // when
	usage       *usage
}

// pace is how fast and how far each kind of attacker goes.
type pace struct {
	hops, reach [2]int           // moves, and hosts that are scanned before each
	think       [2]time.Duration // between two moves
	session     time.Duration    // median of a move's own length
	scans       bool
	guesses     int     // passwords tried before a session, at most
	begin       float64 // the first step is in this part of the time there is
}

var paces = map[string]pace{
	"exploratory": {[2]int{3, 7}, [2]int{5, 30}, [2]time.Duration{2 * minutes, 25 * minutes}, 12 * minutes, true, 6, 0.6},
	"aggressive":  {[2]int{6, 16}, [2]int{10, 60}, [2]time.Duration{8 * seconds, 4 * minutes}, 4 * minutes, true, 4, 0.6},
	"targeted":    {[2]int{1, 3}, [2]int{1, 4}, [2]time.Duration{time.Minute, 20 * minutes}, 14 * minutes, false, 1, 0.6},
	"slow":        {[2]int{2, 5}, [2]int{1, 8}, [2]time.Duration{90 * minutes, 16 * hours}, 25 * minutes, true, 2, 0.2},
	"reference":   {begin: 0.6},
}

// intrude generates all intrusions, after everything else.
func (c *company) intrude() []Intrusion {
	usage := c.usage()
	n := c.options.Intrusions
	var all []Intrusion
	for k := range n {
		turn := int(c.options.Seed%1e6) + k
		i := &attacker{traffic: traffic{company: c}, id: k, kind: c.options.Kinds[turn%len(c.options.Kinds)], usage: usage}
		i.pace, i.until = paces[i.kind], c.calendar.end-10*minutes
		i.stealth = c.options.Stealth[(turn/len(c.options.Kinds))%len(c.options.Stealth)]
		if i.kind == "reference" {
			i.stealth = 0 // it is fixed
		}
		slot := (c.calendar.end - c.calendar.learn) / time.Duration(n)
		i.run(window{c.calendar.learn + time.Duration(k)*slot, c.calendar.learn + time.Duration(k+1)*slot})
		all = append(all, Intrusion{Kind: i.kind, Stealth: i.stealth, Entry: i.entry})
	}
	return all
}

// run tries until the intrusion succeeds: not every first step leads on, and an
// intrusion that no poller can see measures nothing.
func (i *attacker) run(begins window) {
	for try := range 200 {
		i.traffic = i.company.traffic("intrusion " + string(rune('a'+i.id)) + string(rune('a'+try)))
		i.held, i.taken, i.opened, i.used = nil, map[*host]time.Duration{}, map[*host]int{}, map[*host]time.Duration{}
		rows := len(i.rows)
		i.at = i.begin(begins)
		i.address, i.control, i.tools = outsider(i.random), outsider(i.random), outsider(i.random)
		i.controlPort = i.port(443, 443, 443, 8443, 80, 4444, 53, 8080)
		if i.stealth == MaxStealth { // in a cloud that the company uses too
			i.control, i.controlPort = i.known(), 443
		}
		i.interactive = i.chance(0.5)
		if i.kind == "reference" {
			i.reference()
		} else if i.breakIn() {
			if i.kind == "aggressive" && i.stealth == 0 && i.chance(0.3) {
				i.worm()
			} else {
				i.walk()
			}
			i.command()
		}
		if i.visible(i.rows[rows:]) {
			return
		}
		i.rows = i.rows[:rows]
	}
}

// known is an address outside that the company's hosts connect to anyway.
func (i *attacker) known() netip.Addr {
	for range 10_000 {
		x := &i.rows[i.IntN(len(i.rows))]
		to := x.destination
		if x.port == 443 && i.inside(x.source) && to.Is4() && !i.inside(to) && !to.IsLinkLocalUnicast() {
			return to
		}
	}
	return outsider(i.random)
}

// begin picks the moment of the first step.
func (i *attacker) begin(w window) time.Duration {
	at := w.from + time.Duration(float64(w.to-w.from)*i.pace.begin*i.Float64())
	if i.stealth == 1 || i.stealth == 2 && i.chance(0.6) {
		if t, ok := i.calendar.after(i.random, at); ok && t < w.to-2*hours {
			at = t
		}
	}
	return at
}

// visible reports whether polls every 30 s are certain to show a move: it lasts
// that long on a host with a poller, or such a host closes it.
func (i *attacker) visible(rows []connection) bool {
	byAddress := i.byAddress()
	monitored := func(a netip.Addr) bool { h := byAddress[a]; return h != nil && h.monitored }
	return slices.ContainsFunc(rows, func(x connection) bool {
		if x.mark == nil || !x.mark.success || !x.established() || x.mark.kind != "move" && x.mark.kind != "goal" {
			return false
		}
		return x.lasts >= 30*seconds && (monitored(x.source) || monitored(x.destination)) ||
			x.ends == byOriginator && monitored(x.source) || x.ends == byResponder && monitored(x.destination)
	})
}

// as is traffic of the attacker's, marked for the truth.
func (i *attacker) as(kind string, success bool) traffic {
	t := i.traffic
	t.mark = &mark{intrusion: i.id, kind: kind, success: success}
	return t
}

// chanceByStealth is a chance that falls with stealth; it draws only where
// there is one.
func (i *attacker) chanceByStealth(chances ...float64) bool {
	return i.stealth < len(chances) && i.chance(chances[i.stealth])
}

// think lets time pass. A stealthy attacker waits for the next working hour.
func (i *attacker) think() bool {
	i.at += i.span(i.pace.think[0], i.pace.think[1])
	if i.stealth > 0 && i.kind != "aggressive" && (i.stealth == 1 || i.chance(0.7)) {
		if t, ok := i.calendar.after(i.random, i.at); ok && t-i.at > 30*minutes {
			i.at = t
		}
	}
	return i.at < i.until
}

// walk goes from host to host.
func (i *attacker) walk() {
	hops := i.count(i.pace.hops[0], i.pace.hops[1])
	if i.stealth > 0 {
		hops = min(hops, i.pace.hops[0]+2)
	}
	for n, fails := 0, 0; n < hops && fails < 12 && i.think(); {
		if i.hop(n == hops-1) {
			n++
		} else {
			fails++
		}
	}
	if len(i.held) > 1 || i.chance(0.5) {
		i.harvest()
	}
	if i.interactive {
		i.keepOpen()
	}
}

// hop prepares and makes one move, and reports whether it succeeded.
func (i *attacker) hop(last bool) bool {
	from := i.stand()
	if from.down(i.at) {
		return false
	}
	i.prepare(from)
	e, ok := i.next(from, last)
	return ok && i.move(e)
}

// keepOpen extends the sessions by which hosts were taken to their last use.
func (i *attacker) keepOpen() {
	for _, h := range i.held {
		n, opened := i.opened[h]
		if !opened {
			continue
		}
		last, ok := i.used[h]
		x := &i.rows[n]
		if need := last - x.at + i.span(5*seconds, 3*minutes); ok && x.established() && need > x.lasts {
			x.lasts = need
			if x.at+need >= i.calendar.end {
				x.lasts, x.ends = i.calendar.end-x.at, stillOpen
			}
		}
	}
}

// prepare is what comes before a move.
func (i *attacker) prepare(from *host) {
	if i.pace.scans || i.stealth == 0 {
		i.look(from)
	}
	often := []float64{0.15, 0.06, 0.03}[i.stealth]
	if i.chance(often * 1.5) {
		i.enumerate(from)
	}
	if i.kind != "targeted" && i.stealth == 0 && i.chance(often) {
		i.spray(from)
	}
	if i.stealth < 2 && i.chance(often) {
		i.relay(from)
	}
}

// stand is the host from which the next step goes.
func (i *attacker) stand() *host {
	last := i.held[len(i.held)-1]
	switch {
	case i.kind == "targeted" || i.kind == "slow" && i.chance(0.7):
		return last
	case i.kind == "aggressive" && i.chance(0.5):
		return i.held[0]
	case i.chance(0.6):
		return last
	}
	return pick(i, i.held)
}

// next picks the next host and the port that leads onto it.
func (i *attacker) next(from *host, last bool) (edge, bool) {
	if i.stealth == 2 {
		return i.usage.next(i, from, last)
	}
	var near, far, goals []edge
	for _, h := range i.hosts {
		if h.kind.appliance() || h.down(i.at) || i.holds(h) || h == from {
			continue
		}
		e := edge{from, h, i.way(from, h)}
		if e.port == 0 || i.filtered(e) {
			continue
		}
		far = append(far, e)
		if h.valuable() {
			goals = append(goals, e)
		}
		if h.valuable() || h.zone == from.zone {
			near = append(near, e)
		}
	}
	if (last || i.kind == "targeted") && len(goals) > 0 {
		far = goals
	} else if len(near) > 0 && i.chance(0.5) {
		far = near
	}
	if len(far) == 0 {
		return edge{}, false
	}
	return pick(i, far), true
}

// valuable reports whether a host has what attackers look for.
func (h *host) valuable() bool {
	switch h.kind {
	case database, domainController, fileServer, warehouse, backupServer, codeServer:
		return true
	}
	return false
}

// way is a port by which to get from one host onto another, 0 if there is none.
func (i *attacker) way(from, to *host) uint16 {
	var all []uint16
	add := func(weight int, ports ...uint16) {
		for _, p := range ports {
			if to.listens(p) {
				all = append(all, slices.Repeat([]uint16{p}, weight)...)
			}
		}
	}
	if i.stealth == 1 && !from.windows && to.windows && i.chance(0.85) {
		return 0 // such a server doesn't do that
	}
	if to.windows {
		add(4, 445)
		add(2, 3389, 5985)
		add(1, 135)
		if i.stealth == 0 {
			add(1, 1433)
		}
	} else {
		add(6, 22)
		add(1, 445)
		if i.chanceOfHole() {
			add(1, 6379, 8080, 9200, 5900)
		}
	}
	if (to.kind == database || to.kind == warehouse) &&
		(from.kind == webServer || from.kind == application || from.kind == worker || i.chance(0.3)) {
		add(12, to.service())
	}
	if len(all) == 0 {
		return 0
	}
	return pick(i, all)
}

// chanceOfHole decides whether vulnerabilities in services are used.
func (i *attacker) chanceOfHole() bool { return i.stealth == 0 || i.stealth == 1 && i.chance(0.2) }
