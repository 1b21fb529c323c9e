package simulate

import (
	"net/netip"
	"slices"
	"time"
)

// usage is which edges a company uses anyway: the stealthiest attacker uses no
// others.
type usage struct {
	edges   map[*host][]edge // by source, in order of first use
	lengths map[edge][]time.Duration
}

// byAddress maps every address that a host has at some time to that host.
func (c *company) byAddress() map[netip.Addr]*host {
	all := map[netip.Addr]*host{}
	for _, h := range c.hosts {
		for _, s := range h.spells {
			if s.known {
				all[s.address] = h
			}
		}
		if h.six.IsValid() {
			all[h.six] = h
		}
	}
	return all
}

// usage lists what was used at least twice in the learning period.
func (c *company) usage() *usage {
	byAddress := c.byAddress()
	u := &usage{edges: map[*host][]edge{}, lengths: map[edge][]time.Duration{}}
	for k := range c.rows {
		x := &c.rows[k]
		if !x.established() || x.at > c.calendar.learn || !slices.Contains(takeable, x.port) || x.lasts < 500*ms {
			continue
		}
		e := edge{byAddress[x.source], byAddress[x.destination], x.port}
		if e.from == nil || e.to == nil {
			continue
		}
		lengths := u.lengths[e]
		if len(lengths) == 1 {
			u.edges[e.from] = append(u.edges[e.from], e)
		}
		if len(lengths) < 50 {
			u.lengths[e] = append(lengths, x.lasts)
		}
	}
	return u
}

// takeable are the ports through which a host or its data can be taken.
var takeable = []uint16{22, 445, 3389, 5985, 3306, 5432, 1433, 1521, 27017, 6379, 8080, 9200}

// next picks an edge that the company uses and that leads on.
func (u *usage) next(i *attacker, from *host, last bool) (edge, bool) {
	var all, good []edge
	for _, e := range u.edges[from] {
		if i.holds(e.to) || e.to.down(i.at) {
			continue
		}
		all = append(all, e)
		if last && e.to.valuable() || !last && len(u.edges[e.to]) > 0 {
			good = append(good, e)
		}
	}
	if len(good) > 0 {
		all = good
	}
	if len(all) == 0 {
		return edge{}, false
	}
	// Most prefer a shell or data to a vulnerable service.
	best := slices.DeleteFunc(slices.Clone(all), func(e edge) bool { return e.port == 8080 || e.port == 9200 || e.port == 6379 })
	if len(best) > 0 && i.chance(0.75) {
		all = best
	}
	return pick(i, all), true
}

// length is as long as the edge is used anyway, or somewhat longer.
func (u *usage) length(r random, e edge) time.Duration {
	lengths := u.lengths[e]
	if len(lengths) == 0 {
		return r.around(5*minutes, 1)
	}
	return time.Duration(float64(pick(r, lengths)) * r.between(0.7, 2.5))
}
