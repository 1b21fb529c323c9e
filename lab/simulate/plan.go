package simulate

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
)

// build creates the hosts, their addresses and their people.
func (c *company) build() {
	r := newRandom(c.options.Seed, "plan")
	c.business = pick(r, []business{shop, shop, officeWork, officeWork, software, software, research, mixed, mixed})
	c.byKind = map[kind][]*host{}
	counts := c.counts(r)
	for i := range tiers {
		for range counts[i] {
			c.hosts = append(c.hosts, c.newHost(r, &tiers[i]))
		}
	}
	c.nameAll(r)
	c.assign(r)
	c.watch(r)
	for _, h := range c.hosts {
		c.byKind[h.kind] = append(c.byKind[h.kind], h)
	}
	for k, is := range groups {
		c.byKind[k] = c.where(is)
	}
	for _, p := range c.people {
		p.favorites = c.favorites(r, p)
	}
}

// counts is how many hosts of each tier there are.
func (c *company) counts(r random) []int {
	counts := make([]int, len(tiers))
	wanted := make([]float64, len(tiers))
	total := 0
	for i := range tiers {
		wanted[i] = tiers[i].share(c.business) * float64(c.options.Hosts) / 50 * r.between(0.7, 1.3)
		// What a company of fifty has one of, a smaller one may lack.
		counts[i] = int(wanted[i])
		if r.chance(wanted[i] - math.Floor(wanted[i])) {
			counts[i]++
		}
		// A thousand hosts don't need twenty scanners.
		if t := tiers[i]; t.zone == management && t.kind != bastion && t.kind != hypervisor {
			counts[i] = min(counts[i], 1+c.options.Hosts/200)
		}
		total += counts[i]
	}
	needed := func(i int) bool {
		switch tiers[i].kind {
		case webServer, database, fileServer, domainController:
			return slices.Contains(c.options.Kinds, "reference")
		}
		return false
	}
	for i := range tiers {
		if needed(i) && counts[i] == 0 {
			counts[i]++
			total++
		}
	}
	elastic := func(i int) bool {
		return tiers[i].share(c.business) >= 2 && tiers[i].zone != management
	}
	for total != c.options.Hosts {
		i := r.IntN(len(tiers))
		switch {
		case total < c.options.Hosts && elastic(i):
			counts[i]++
			total++
		case total > c.options.Hosts && counts[i] > 0 && (counts[i] > 1 || !needed(i) && r.chance(0.1)):
			counts[i]--
			total--
		}
	}
	return counts
}

func (c *company) newHost(r random, t *tier) *host {
	h := &host{kind: t.kind, zone: t.zone, ports: slices.Clone(t.ports), life: window{-day, c.calendar.end + day}}
	switch t.kind {
	case database:
		port := c.ways.dbPort
		if r.chance(0.25) {
			port = pick(r, []uint16{5432, 3306, 27017})
		}
		h.ports = append(h.ports, port)
		h.windows = port == 1433 && r.chance(0.7)
	case queue:
		h.ports[1] = c.ways.queuePort
	case fileServer:
		h.windows = r.chance(0.5)
		if h.windows {
			h.ports = []uint16{135, 139, 445, 3389, 5985, 49669}
		} else {
			h.ports = append(h.ports, 22, 2049)
		}
	case domainController:
		h.windows = r.chance(0.85)
		if !h.windows {
			h.ports = []uint16{22, 53, 88, 135, 139, 389, 445, 464, 636, 3268, 49153}
		}
	case windowsServer, terminalServer, printServer, officeDesk:
		h.windows = true
	case adminDesk, developerDesk:
		h.windows = r.chance(map[business]float64{officeWork: 0.8, shop: 0.5, mixed: 0.4}[c.business])
		if h.windows {
			h.ports = []uint16{135, 139, 445}
		} else {
			h.ports = []uint16{22}
		}
	case configManager:
		if !c.ways.push {
			h.ports = append(h.ports, c.ways.pullPort)
		}
	case backupServer:
		h.ports = []uint16{22, c.ways.backupPort}
	case logServer:
		h.ports = []uint16{22, 443, c.ways.logPort}
	case bastion:
		h.exposed = c.ways.exposedSSH
	}
	if !h.kind.desk() && !h.kind.appliance() && !h.windows {
		h.ports = append(h.ports, c.ways.monitorPorts...)
	}
	if h.windows && c.ways.monitorPorts[0] != 9100 {
		h.ports = append(h.ports, c.ways.monitorPorts[0])
	}
	slices.Sort(h.ports)
	h.ports = slices.Compact(h.ports)
	if t.kind.desk() {
		p := &person{name: pick(r, firstNames), desk: h, shifts: c.shifts(r)}
		h.owner, h.portable = p, r.chance(0.6)
		c.people = append(c.people, p)
	}
	return h
}

// nameAll gives every host a name and roles.
func (c *company) nameAll(r random) {
	taken := map[string]bool{}
	numbers := map[string]int{}
	tierOf := map[kind]*tier{}
	for i := range tiers {
		tierOf[tiers[i].kind] = &tiers[i]
	}
	for i, h := range c.hosts {
		short := c.style.short[h.kind]
		for {
			numbers[short]++
			name := c.style.name(r, h, numbers[short], i)
			if taken[name] && c.style.pattern == 6 {
				name = fmt.Sprintf("%s-%d", name, numbers[short])
			} else if taken[name] && h.kind.desk() {
				name = fmt.Sprintf("%s%d", name, numbers[short])
			}
			if !taken[name] {
				h.name, taken[name] = name, true
				break
			}
		}
		h.roles = c.style.roleNames(r, h, tierOf[h.kind])
	}
}

// assign gives every host its first address.
func (c *company) assign(r random) {
	flat := r.chance(0.25)
	base := [4]byte{10, byte(r.count(0, 250)), 0, 0}
	switch r.IntN(5) {
	case 0:
		base = [4]byte{192, 168, 0, 0}
	case 1:
		base = [4]byte{172, byte(r.count(16, 31)), 0, 0}
	}
	first := byte(r.count(1, 100))
	step := byte(pick(r, []int{1, 1, 2, 10, 20}))
	step = max(step, byte(len(c.hosts)/200+1))
	seen := map[zone]int{}
	for _, h := range c.hosts {
		z := h.zone
		if flat {
			z = 0
		}
		third, fourth := first+byte(z)*step+byte(seen[z]/200), 10+seen[z]%200
		seen[z]++
		h.spells = []spell{{address: netip.AddrFrom4([4]byte{base[0], base[1], third, byte(fourth)}), known: true}}
	}
	switch {
	case base[0] == 192:
		c.internal = prefixes("192.168.0.0/16")
	case base[0] == 172:
		c.internal = prefixes("172.16.0.0/12")
	default:
		c.internal = prefixes("10.0.0.0/8")
	}
	if r.chance(0.4) {
		c.internal = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
	}
	c.pool = [3]byte{base[0], base[1], 250}
	if r.chance(0.2) {
		c.addSix(r)
	}
}

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// addSix gives servers an IPv6 address too.
func (c *company) addSix(r random) {
	prefix := [16]byte{0xfd, byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}
	if r.chance(0.5) {
		prefix = [16]byte{0x2a, byte(r.count(1, 14)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}
	}
	c.internal = append(c.internal, netip.PrefixFrom(netip.AddrFrom16(prefix), 48))
	for n, h := range c.hosts {
		for _, b := range []byte(h.name) {
			h.letters += int(b)
		}
		if !h.kind.desk() && !h.kind.appliance() && r.chance(0.8) {
			a := prefix
			a[7], a[14], a[15] = byte(h.zone)+1, byte((n+16)>>8), byte(n+16)
			h.six = netip.AddrFrom16(a)
		}
	}
}

// watch decides which hosts have a poller: mostly Linux servers.
func (c *company) watch(r random) {
	goal := int(float64(len(c.hosts)) * r.between(0.54, 0.66))
	if r.chance(0.1) {
		goal = len(c.hosts) / 3 // has only begun
	}
	watched := 0
	for _, h := range c.hosts {
		if h.monitored = !h.kind.desk() && (h.windows && c.ways.agents || !h.windows && !h.kind.appliance()); h.monitored {
			watched++
		}
	}
	order := r.Perm(len(c.hosts))
	turn := func(watch bool, is func(h *host) bool) {
		for _, k := range order {
			if h := c.hosts[k]; watched != goal && (watched < goal) == watch && h.monitored != watch && is(h) {
				h.monitored = watch
				if watched++; !watch {
					watched -= 2
				}
			}
		}
	}
	turn(false, func(*host) bool { return true })
	turn(true, func(h *host) bool { return !h.windows && !h.kind.appliance() })
	turn(true, func(h *host) bool { return h.windows && !h.kind.desk() })
	turn(true, func(h *host) bool { return h.windows })
	if slices.Contains(c.options.Kinds, "reference") { // which its web servers and databases see
		for _, h := range c.hosts {
			h.monitored = h.monitored || h.kind == webServer || h.kind == database
		}
	}
}

// favorites are the servers that a person logs in to.
func (c *company) favorites(r random, p *person) []*host {
	var all []*host
	switch p.desk.kind {
	case adminDesk:
		all = c.of(shells)
		return some(r, all, r.count(min(8, len(all)), len(all)))
	case developerDesk:
		all = c.of(staging, compute, buildServer, application, worker)
		return some(r, all, r.count(2, 7))
	}
	return some(r, c.of(terminalServer), 1)
}
