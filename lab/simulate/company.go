package simulate

import (
	"net/netip"
	"time"
)

// company is a company while its days are made up.
type company struct {
	options  Options
	calendar calendar
	business business
	style    style
	ways     ways

	hosts  []*host
	byKind map[kind][]*host
	people []*person

	internal []netip.Prefix
	pool     [3]byte // of addresses for VPN clients and guests
	rows     []connection
	benign   []Benign
	marking  *mark    // that rows get while an intruder acts
	later    []func() // traffic of changes
}

// ways are how a company does things. They hold for all of its days.
type ways struct {
	pools        bool // applications keep database connections
	pooled       bool // some do
	dbPort       uint16
	queuePort    uint16
	push         bool // configuration is pushed over ssh, or else pulled
	pullPort     uint16
	configEvery  time.Duration
	backupPull   bool // the backup server fetches over ssh
	backupPort   uint16
	monitorPorts []uint16
	monitorSSH   bool // checks that ssh answers, on everything
	scrapeAnew   bool // a connection for each round of checks
	logPort      uint16
	viaBastion   bool // administrators go through it
	exposedSSH   bool // the bastion's ssh answers the internet
	segmented    bool // firewalls between zones drop
	sssd         bool // Linux asks the domain controllers
	remoteWork   float64
	deploysADay  float64
	scanDay      int
	scanHour     float64
	scanEvery    int
	cloudMeta    bool
	webDirect    bool    // web servers query the database themselves
	busy         float64 // how much changes, 1 is usual
	sloppy       float64 // how much fails, 1 is usual
	agents       bool    // pollers on Windows too
}

func newWays(o Options) ways {
	r := newRandom(o.Seed, "ways")
	w := ways{
		pools: r.chance(0.35), pooled: r.chance(0.4),
		dbPort:    pick(r, []uint16{5432, 5432, 3306, 3306, 1433, 1521, 27017}),
		queuePort: pick(r, []uint16{5672, 5672, 9092, 61616}),
		push:      r.chance(0.6), pullPort: pick(r, []uint16{8140, 4505, 443}),
		configEvery: pick(r, []time.Duration{30 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour}),
		backupPull:  r.chance(0.55), backupPort: pick(r, []uint16{22, 873, 9103, 443}),
		monitorPorts: pick(r, [][]uint16{{9100}, {9100, 9256}, {10050}, {5666}, {9100, 9187}, {6556}}),
		monitorSSH:   r.chance(0.4), scrapeAnew: r.chance(0.25),
		logPort:    pick(r, []uint16{5044, 514, 6514, 9997, 24224}),
		viaBastion: r.chance(0.6), exposedSSH: r.chance(0.7), segmented: r.chance(0.5),
		sssd: r.chance(0.5), remoteWork: r.between(0, 0.5), deploysADay: r.between(0.3, 4),
		scanDay: r.IntN(7), scanHour: pick(r, []float64{1, 2, 3, 12, 14, 20, 22}), scanEvery: pick(r, []int{1, 7, 7, 7, 7, 14}),
		cloudMeta: r.chance(0.25), webDirect: r.chance(0.5), busy: r.between(0.5, 1.8), sloppy: r.between(0.4, 2),
		agents: r.chance(0.25),
	}
	return w
}

// call connects two of the company's hosts, if the first one is there. What
// came of it depends on the second one: an outage answers nothing, a closed
// port refuses, and what breaks a host breaks its connections.
func (c *company) call(r random, at time.Duration, from, to *host, port uint16, s session) {
	if from == to || from.down(at) || at < to.life.from || !to.alive(at) && r.chance(0.8) {
		return // a server that is gone is asked less and less
	}
	switch {
	case to.down(at):
		s = nobody(r)
	case to.shut(port, at):
		s = session{ends: refused, lasts: r.span(100*time.Microsecond, 2*time.Millisecond)}
	case s.ends != refused && s.ends != silent:
		until := min(to.cut(port, at), from.cut(0, at))
		if at+s.lasts > until {
			s.lasts, s.ends = until-at, abortedByPeer
		} else if r.chance(0.002 * c.ways.sloppy) {
			s.ends = pick(r, []ending{abortedByOrigin, abortedByPeer, abortedByOrigin, halfClosed})
		}
	}
	a, b := c.addresses(at, from, to, port)
	c.add(r, at, a, b, source(r, from.windows), port, s)
}

// addresses are the two ends of a connection between hosts: IPv6 for some pairs
// and ports, where both have it.
func (c *company) addresses(at time.Duration, from, to *host, port uint16) (a, b netip.Addr) {
	if from.six.IsValid() && to.six.IsValid() && (from.letters+to.letters+int(port))%3 == 0 {
		return from.six, to.six
	}
	return from.address(at), to.address(at)
}

// enter connects an address outside with a host.
func (c *company) enter(r random, at time.Duration, from netip.Addr, to *host, port uint16, s session) {
	if to.down(at) {
		s = nobody(r)
	} else if until := to.cut(port, at); established(s) && at+s.lasts > until {
		s.lasts, s.ends = until-at, abortedByPeer
	}
	destination := to.address(at)
	if to.six.IsValid() && port == 443 && c.marking == nil && r.chance(0.15) {
		from, destination = sixth(from), to.six
	}
	c.add(r, at, from, destination, source(r, r.chance(0.4)), port, s)
}

// sixth is the address that somebody outside has in IPv6.
func sixth(a netip.Addr) netip.Addr {
	b := a.As4()
	return netip.AddrFrom16([16]byte{0x2a, 0x02, b[0], b[1], b[2], b[3], 0, 1, b[3], b[2], 0, 0, 0, b[1], b[0], 1})
}

// leave connects a host with an address outside.
func (c *company) leave(r random, at time.Duration, from *host, to netip.Addr, port uint16, s session) {
	if from.down(at) {
		return
	}
	if until := from.cut(0, at); established(s) && at+s.lasts > until {
		s.lasts, s.ends = until-at, abortedByOrigin
	}
	c.add(r, at, from.address(at), to, source(r, from.windows), port, s)
}

func established(s session) bool { return s.ends != refused && s.ends != silent }

// add writes a row, if it begins in the log, and cuts it where the log ends.
func (c *company) add(r random, at time.Duration, from, to netip.Addr, sourcePort, port uint16, s session) {
	if !c.calendar.within(at) {
		return
	}
	row := connection{at: at, lasts: max(0, s.lasts), source: from, destination: to, sourcePort: sourcePort, port: port, up: s.up, down: s.down, ends: s.ends, syns: s.syns, mark: c.marking}
	if row.ends == silent {
		if row.syns == 0 {
			row.syns = uint8(r.count(1, 6))
		}
		row.lasts, row.up, row.down = retransmission(row.syns-1)+time.Duration(r.IntN(5e6)), 0, 0
	}
	if row.ends == refused {
		row.up, row.down = 0, 0
	}
	if left := c.calendar.end - at; row.lasts >= left && row.ends != silent {
		row.lasts, row.ends = left, stillOpen
	}
	c.rows = append(c.rows, row)
}

// datagram writes a row of UDP.
func (c *company) datagram(r random, at time.Duration, from, to netip.Addr, port uint16, s session) {
	if !c.calendar.within(at) || at+s.lasts >= c.calendar.end {
		return
	}
	sourcePort := source(r, r.chance(0.5))
	if port == 123 {
		sourcePort = 123
	}
	c.rows = append(c.rows, connection{at: at, lasts: s.lasts, source: from, destination: to, sourcePort: sourcePort, port: port, up: s.up, down: s.down, ends: s.ends, udp: true})
}

// source is a port that a system chooses for what it begins.
func source(r random, windows bool) uint16 {
	if windows {
		return uint16(r.count(49152, 65535))
	}
	return uint16(r.count(32768, 60999))
}

// nobody is an attempt that nobody answers, for as long as the program waits.
func nobody(r random) session { return session{ends: silent, syns: uint8(r.count(1, 7))} }

// note adds to the list of what is harmless.
func (c *company) note(kind string, w window, text string, hosts ...*host) {
	if w.from >= c.calendar.end || w.to <= 0 {
		return
	}
	b := Benign{Kind: kind, Start: c.time(max(0, w.from)), End: c.time(min(w.to, c.calendar.end)), Hosts: []string{}, Note: text}
	for _, h := range hosts {
		b.Hosts = append(b.Hosts, h.name)
	}
	c.benign = append(c.benign, b)
}

func (c *company) time(at time.Duration) time.Time {
	return c.calendar.start.Add(at.Truncate(time.Microsecond))
}

// of lists the hosts of some kinds.
func (c *company) of(kinds ...kind) []*host {
	var all []*host
	for _, k := range kinds {
		all = append(all, c.byKind[k]...)
	}
	return all
}

// where lists the hosts that are so.
func (c *company) where(is func(*host) bool) []*host {
	var all []*host
	for _, h := range c.hosts {
		if is(h) {
			all = append(all, h)
		}
	}
	return all
}

// linux are servers that administrators reach with ssh.
func (c *company) linux() []*host {
	return c.where(func(h *host) bool { return !h.windows && !h.kind.desk() && !h.kind.appliance() })
}
