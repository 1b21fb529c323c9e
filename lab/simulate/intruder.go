package simulate

import (
	"net/netip"
	"slices"
	"time"
)

// intruder is one intrusion while it is made up.
type intruder struct {
	c       *company
	r       random
	id      int
	kind    string
	stealth int
	entry   string
	at      time.Duration
	until   time.Duration // the log's end, with a margin

	from        netip.Addr // where they come from
	control     netip.Addr // where their commands come from
	tools       netip.Addr // where their programs come from
	controlPort uint16
	interactive bool                    // sessions stay open while they are used
	held        []*host                 // taken, in order
	opened      map[*host]int           // row of the session by which a host was taken
	used        map[*host]time.Duration // last use of a host as a source
	taken       map[*host]time.Duration // when
	usual       *usage
}

// pace is how fast each kind goes and how far.
type pace struct {
	hops, reach [2]int           // moves, and hosts that are looked at before each
	think       [2]time.Duration // between two moves
	session     time.Duration    // median of a move's own length
	scans       bool
	guesses     int // passwords tried before a session, at most
}

var paces = map[string]pace{
	"exploratory": {hops: [2]int{3, 7}, reach: [2]int{5, 30}, think: [2]time.Duration{2 * time.Minute, 25 * time.Minute}, session: 12 * time.Minute, scans: true, guesses: 6},
	"aggressive":  {hops: [2]int{6, 16}, reach: [2]int{10, 60}, think: [2]time.Duration{8 * time.Second, 4 * time.Minute}, session: 4 * time.Minute, scans: true, guesses: 4},
	"targeted":    {hops: [2]int{1, 3}, reach: [2]int{1, 4}, think: [2]time.Duration{time.Minute, 20 * time.Minute}, session: 14 * time.Minute, guesses: 1},
	"slow":        {hops: [2]int{2, 5}, reach: [2]int{1, 8}, think: [2]time.Duration{90 * time.Minute, 16 * time.Hour}, session: 25 * time.Minute, scans: true, guesses: 2},
}

// intrude makes up all intrusions, after everything else.
func (c *company) intrude() []Intrusion {
	usual := c.usage()
	n := c.options.Intrusions
	var all []Intrusion
	for k := range n {
		turn := int(c.options.Seed%1e6) + k
		i := &intruder{c: c, id: k, kind: c.options.Kinds[turn%len(c.options.Kinds)], usual: usual}
		i.stealth = c.options.Stealth[(turn/len(c.options.Kinds))%len(c.options.Stealth)]
		if i.kind == "reference" {
			i.stealth = 0 // it is what it is
		}
		slot := (c.calendar.end - c.calendar.learn) / time.Duration(n)
		begins := window{c.calendar.learn + time.Duration(k)*slot, c.calendar.learn + time.Duration(k+1)*slot}
		i.run(begins)
		all = append(all, Intrusion{Kind: i.kind, Stealth: i.stealth, Entry: i.entry})
	}
	return all
}

// run tries until the intrusion takes hold of something: not every first step
// leads on, and one that no poller could see measures nothing.
func (i *intruder) run(begins window) {
	c := i.c
	for try := range 200 {
		i.r = newRandom(c.options.Seed, "intrusion "+string(rune('a'+i.id))+string(rune('a'+try)))
		i.held, i.taken, i.opened, i.used = nil, map[*host]time.Duration{}, map[*host]int{}, map[*host]time.Duration{}
		rows := len(c.rows)
		i.at = i.begin(begins)
		i.until = c.calendar.end - 10*time.Minute
		i.from, i.control, i.tools = outsider(i.r), outsider(i.r), outsider(i.r)
		i.controlPort = pick(i.r, []uint16{443, 443, 443, 8443, 80, 4444, 53, 8080})
		if i.stealth == MaxStealth { // somewhere in a cloud that the company uses too
			i.control, i.controlPort = i.known(), 443
		}
		i.interactive = i.r.chance(0.5)
		if i.kind == "reference" {
			i.reference()
		} else if i.enter() {
			if i.kind == "aggressive" && i.stealth == 0 && i.r.chance(0.3) {
				i.worm()
			} else {
				i.walk()
			}
			i.command()
		}
		if i.visible(c.rows[rows:]) {
			return
		}
		c.rows = c.rows[:rows]
	}
}

// known is an address outside that the company's hosts talk to anyway.
func (i *intruder) known() netip.Addr {
	for range 10_000 {
		if row := &i.c.rows[i.r.IntN(len(i.c.rows))]; row.port == 443 && i.c.inside(row.source) && row.destination.Is4() && !i.c.inside(row.destination) && !row.destination.IsLinkLocalUnicast() {
			return row.destination
		}
	}
	return outsider(i.r)
}

// begin picks the moment of the first step.
func (i *intruder) begin(w window) time.Duration {
	share := map[string]float64{"slow": 0.2}[i.kind]
	if share == 0 {
		share = 0.6
	}
	at := w.from + time.Duration(float64(w.to-w.from)*share*i.r.Float64())
	if i.stealth == 1 || i.stealth == 2 && i.r.chance(0.6) {
		if t, ok := i.c.calendar.after(i.r, at); ok && t < w.to-2*time.Hour {
			at = t
		}
	}
	return at
}

// visible says whether polls every 30 s would show a move for certain: it lasts
// that long on a host with a poller, or such a host closes it.
func (i *intruder) visible(rows []connection) bool {
	byAddress := i.c.byAddress()
	watched := func(a netip.Addr) bool { h := byAddress[a]; return h != nil && h.monitored }
	return slices.ContainsFunc(rows, func(row connection) bool {
		if row.mark == nil || !row.mark.success || !row.established() || row.mark.kind != "move" && row.mark.kind != "goal" {
			return false
		}
		return row.lasts >= 30*time.Second && (watched(row.source) || watched(row.destination)) ||
			row.ends == byOriginator && watched(row.source) || row.ends == byResponder && watched(row.destination)
	})
}

// do marks what the intruder does.
func (i *intruder) do(kind string, success bool, what func()) {
	i.c.marking = &mark{intrusion: i.id, kind: kind, success: success}
	what()
	i.c.marking = nil
}

// think lets time go by. Whoever hides waits for the next working hour.
func (i *intruder) think() bool {
	p := paces[i.kind]
	i.at += i.r.span(p.think[0], p.think[1])
	if i.stealth > 0 && i.kind != "aggressive" && (i.stealth == 1 || i.r.chance(0.7)) {
		if t, ok := i.c.calendar.after(i.r, i.at); ok && t-i.at > 30*time.Minute {
			i.at = t
		}
	}
	return i.at < i.until
}

// walk goes from host to host.
func (i *intruder) walk() {
	p := paces[i.kind]
	hops := i.r.count(p.hops[0], p.hops[1])
	if i.stealth > 0 {
		hops = min(hops, p.hops[0]+2)
	}
	fails := 0
	for n := 0; n < hops && fails < 12; {
		if !i.think() {
			break
		}
		from := i.stand()
		if from.down(i.at) {
			fails++
			continue
		}
		i.prepare(from, p)
		to, port, ok := i.next(from, n == hops-1)
		if !ok {
			fails++
			continue
		}
		if i.move(from, to, port) {
			n++
		} else {
			fails++
		}
	}
	if len(i.held) > 1 || i.r.chance(0.5) {
		i.harvest()
	}
	if i.interactive {
		for _, h := range i.held {
			n, opened := i.opened[h]
			last, ok := i.used[h]
			if !opened {
				continue
			}
			row := &i.c.rows[n]
			if need := last - row.at + i.r.span(5*time.Second, 3*time.Minute); ok && row.established() && need > row.lasts {
				row.lasts = need
				if row.at+need >= i.c.calendar.end {
					row.lasts, row.ends = i.c.calendar.end-row.at, stillOpen
				}
			}
		}
	}
}

// prepare is what comes before a move.
func (i *intruder) prepare(from *host, p pace) {
	if p.scans || i.stealth == 0 {
		i.look(from, p)
	}
	often := []float64{0.15, 0.06, 0.03}[i.stealth]
	if i.r.chance(often * 1.5) {
		i.ask(from)
	}
	if i.kind != "targeted" && i.stealth == 0 && i.r.chance(often) {
		i.spray(from)
	}
	if i.stealth < 2 && i.r.chance(often) {
		i.relay(from)
	}
}

// stand is the host from which the next step goes.
func (i *intruder) stand() *host {
	last := i.held[len(i.held)-1]
	switch {
	case i.kind == "targeted" || i.kind == "slow" && i.r.chance(0.7):
		return last
	case i.kind == "aggressive" && i.r.chance(0.5):
		return i.held[0]
	case i.r.chance(0.6):
		return last
	}
	return pick(i.r, i.held)
}

// next picks the next host and the port that leads onto it.
func (i *intruder) next(from *host, last bool) (*host, uint16, bool) {
	if i.stealth == 2 {
		return i.usual.next(i, from, last)
	}
	type step struct {
		to   *host
		port uint16
	}
	var near, far, goals []step
	for _, h := range i.c.hosts {
		if h.kind.appliance() || h.down(i.at) || slices.Contains(i.held, h) || h == from {
			continue
		}
		port := i.way(from, h)
		if port == 0 || i.c.filtered(from, h, port) {
			continue
		}
		s := step{h, port}
		far = append(far, s)
		if i.goal(h) {
			goals = append(goals, s)
		}
		if i.goal(h) || h.zone == from.zone {
			near = append(near, s)
		}
	}
	if (last || i.kind == "targeted") && len(goals) > 0 {
		far = goals
	} else if len(near) > 0 && i.r.chance(0.5) {
		far = near
	}
	if len(far) == 0 {
		return nil, 0, false
	}
	s := pick(i.r, far)
	return s.to, s.port, true
}

// goal says whether a host has what intruders look for.
func (i *intruder) goal(h *host) bool {
	switch h.kind {
	case database, domainController, fileServer, warehouse, backupServer, codeServer:
		return true
	}
	return false
}

// way is a port by which to get from one host onto another, 0 if there is none.
func (i *intruder) way(from, to *host) uint16 {
	var all []uint16
	add := func(weight int, ports ...uint16) {
		for _, p := range ports {
			for range weight {
				if to.listens(p) {
					all = append(all, p)
				}
			}
		}
	}
	if i.stealth == 1 && !from.windows && to.windows && i.r.chance(0.85) {
		return 0 // not what such a server does
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
		if i.stealth == 0 || i.stealth == 1 && i.r.chance(0.2) { // holes in services
			add(1, 6379, 8080, 9200, 5900)
		}
	}
	if (to.kind == database || to.kind == warehouse) && (from.kind == webServer || from.kind == application || from.kind == worker || i.r.chance(0.3)) {
		add(12, to.service())
	}
	if len(all) == 0 {
		return 0
	}
	return pick(i.r, all)
}
