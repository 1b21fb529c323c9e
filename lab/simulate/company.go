package simulate

import (
	"net/netip"
	"time"
)

// company is a company while its traffic is generated.
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
	later    []func() // traffic of changes
}

// ways are how a company works, on all of its days.
type ways struct {
	pools        bool // applications keep database connections
	pooled       bool // some do
	dbPort       uint16
	queuePort    uint16
	push         bool // configuration is pushed over ssh, otherwise pulled
	pullPort     uint16
	configEvery  time.Duration
	backupPull   bool // the backup server fetches over ssh
	backupPort   uint16
	monitorPorts []uint16
	monitorSSH   bool // checks that ssh answers, on everything
	scrapeAnew   bool // a new connection for each round of checks
	logPort      uint16
	viaBastion   bool // administrators go through it
	exposedSSH   bool // the bastion's ssh answers the internet
	segmented    bool // firewalls between zones drop
	sssd         bool // Linux hosts use the domain controllers
	remoteWork   float64
	deploysADay  float64
	scanDay      int
	scanHour     float64
	scanEvery    int
	cloudMeta    bool
	webDirect    bool    // web servers query the database themselves
	busy         float64 // how much changes, 1 is normal
	sloppy       float64 // how much fails, 1 is normal
	agents       bool    // pollers on Windows too
}

func newWays(o Options) ways {
	r := newRandom(o.Seed, "ways")
	return ways{
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
}

// note adds to the list of harmless events.
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

// either lists the hosts of one kind, or of another if there are none.
func (c *company) either(first, second kind) []*host {
	if all := c.of(first); len(all) > 0 {
		return all
	}
	return c.of(second)
}

// cast lists the hosts for each of several needs; ok is false if one can't be
// met.
func (c *company) cast(needs needs) (lists [][]*host, ok bool) {
	for _, kinds := range needs {
		all := c.of(kinds...)
		if len(all) == 0 {
			return nil, false
		}
		lists = append(lists, all)
	}
	return lists, true
}

// where lists the hosts that meet a condition.
func (c *company) where(is func(*host) bool) []*host {
	var all []*host
	for _, h := range c.hosts {
		if is(h) {
			all = append(all, h)
		}
	}
	return all
}

// groups are kinds across all others.
var groups = map[kind]func(*host) bool{
	linux:   func(h *host) bool { return !h.windows && !h.kind.desk() && !h.kind.appliance() },
	windows: func(h *host) bool { return h.windows },
	exposed: func(h *host) bool { return h.exposed },
	shells:  func(h *host) bool { return !h.kind.desk() && (h.listens(22) || h.listens(3389)) },
}
