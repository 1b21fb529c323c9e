package simulate

import (
	"net/netip"
	"slices"
	"time"
)

// edge is who talks to whom, on which port.
type edge struct {
	from, to *host
	port     uint16
}

// usage is which edges a company uses anyway: what the best intruder confines
// themselves to.
type usage struct {
	edges   map[*host][]edge // by source, in order of first use
	lengths map[edge][]time.Duration
}

// byAddress is who has an address, now or at some other time.
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

// usage looks at what was used at least twice before any intrusion.
func (c *company) usage() *usage {
	byAddress := c.byAddress()
	u := &usage{edges: map[*host][]edge{}, lengths: map[edge][]time.Duration{}}
	for k := range c.rows {
		row := &c.rows[k]
		if !row.established() || row.at > c.calendar.learn || !worthwhile(row.port) || row.lasts < 500*time.Millisecond {
			continue
		}
		from, to := byAddress[row.source], byAddress[row.destination]
		if from == nil || to == nil {
			continue
		}
		e := edge{from, to, row.port}
		lengths := u.lengths[e]
		if len(lengths) == 1 {
			u.edges[from] = append(u.edges[from], e)
		}
		if len(lengths) < 50 {
			u.lengths[e] = append(lengths, row.lasts)
		}
	}
	return u
}

// worthwhile says whether something can be taken through a port.
func worthwhile(port uint16) bool {
	return slices.Contains([]uint16{22, 445, 3389, 5985, 3306, 5432, 1433, 1521, 27017, 6379, 8080, 9200}, port)
}

// next picks an edge that the company uses and that leads on.
func (u *usage) next(i *intruder, from *host, last bool) (*host, uint16, bool) {
	var all, good []edge
	for _, e := range u.edges[from] {
		if slices.Contains(i.held, e.to) || e.to.down(i.at) {
			continue
		}
		all = append(all, e)
		if last && i.goal(e.to) || !last && len(u.edges[e.to]) > 0 {
			good = append(good, e)
		}
	}
	if len(good) > 0 {
		all = good
	}
	if len(all) == 0 {
		return nil, 0, false
	}
	// Most want a shell or data, not a service with a hole.
	if best := slices.DeleteFunc(slices.Clone(all), func(e edge) bool { return e.port == 8080 || e.port == 9200 || e.port == 6379 }); len(best) > 0 && i.r.chance(0.75) {
		all = best
	}
	e := pick(i.r, all)
	return e.to, e.port, true
}

// length is as long as the edge is used anyway, or somewhat longer.
func (u *usage) length(r random, from, to *host, port uint16) time.Duration {
	lengths := u.lengths[edge{from, to, port}]
	if len(lengths) == 0 {
		return r.around(5*time.Minute, 1)
	}
	return time.Duration(float64(pick(r, lengths)) * r.between(0.7, 2.5))
}
