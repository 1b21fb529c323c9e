package pattern

// chain is a path, by its last edge and what comes before it. It never changes.
type chain struct {
	prev   *chain
	node   *node
	length int
}

const (
	// maxChains of one length that lead to an edge are kept. Paths of up to 7
	// edges never need more: there are sets A1, A2, … of hosts, those of the
	// chains, and B1, B2, …, those that make each worth keeping, of which no Ai
	// meets Bi and all before it do. By Bollobás there are at most as many as
	// there are ways to choose the one out of both, of 6 hosts: 20.
	maxChains = 20

	// maxLength is how long the path is that is shown, at most. Of a longer one
	// the later half is.
	maxLength = 64
)

// visits reports whether a host is on a chain.
func (c *chain) visits(host string) bool {
	for ; ; c = c.prev {
		if c.node.Edge.DestinationHost == host {
			return true
		}
		if c.prev == nil {
			return c.node.Edge.SourceHost == host
		}
	}
}

// nodes returns the edges in their order.
func (c *chain) nodes() []*node {
	all := make([]*node, c.length)
	for i := c.length - 1; i >= 0; i-- {
		all[i] = c.node
		c = c.prev
	}
	return all
}

// last returns the end of a chain, as a chain.
func (c *chain) last(length int) *chain {
	var short *chain
	for i, n := range c.nodes()[c.length-length:] {
		short = &chain{prev: short, node: n, length: i + 1}
	}
	return short
}

// extend makes the chains of an edge those of one that follows, too.
func (s *paths) extend(n, next *node) {
	host, grew := next.Edge.DestinationHost, false
	for length := s.hops - 1; length > 0; length-- {
		for _, c := range n.chains[length] {
			if s.budget--; s.budget <= 0 {
				break
			}
			if c.visits(host) {
				continue
			}
			longer := &chain{prev: c, node: next, length: length + 1}
			switch {
			case length+1 < s.hops:
				grew = s.keep(next, longer) || grew
			case !next.fired:
				next.fired = true
				s.proved = append(s.proved, proof{next, longer})
			}
			grew = next.lengthen(longer) || grew
		}
	}
	if c := n.longest; c.length+1 > next.longest.length && s.budget > 0 && !c.visits(host) {
		if c.length == maxLength {
			c = c.last(maxLength / 2)
		}
		grew = next.lengthen(&chain{prev: c, node: next, length: c.length + 1}) || grew
	}
	if grew {
		s.grow(next)
	}
}

func (n *node) lengthen(c *chain) bool {
	if c.length <= n.longest.length {
		return false
	}
	n.longest = c
	return true
}

// keep adds a chain to those of an edge if there are hosts that could continue
// it and none of the others of its length.
func (s *paths) keep(n *node, c *chain) bool {
	others := n.chains[c.length]
	if !s.needed(c, others, s.hops-c.length, nil) {
		return false
	}
	if len(others) >= maxChains {
		s.patterns.dropped.Chains++
		return false
	}
	n.chains[c.length] = append(others, c)
	return true
}

// needed reports whether there are a number of further hosts, not on a chain,
// of which each of the others visits one. One of the hosts of the first that
// visits none yet has to be among them.
func (s *paths) needed(c *chain, others []*chain, further int, chosen []string) bool {
	for i, o := range others {
		s.budget--
		if o.passesAny(chosen) {
			continue
		}
		if further == 0 || s.budget <= 0 {
			return false
		}
		for at := o.prev; at != nil; at = at.prev {
			host := at.node.Edge.SourceHost
			if !c.passes(host) && s.needed(c, others[i+1:], further-1, append(chosen, host)) {
				return true
			}
		}
		return false
	}
	return true
}

// passes reports whether a host is on a chain before its last edge.
func (c *chain) passes(host string) bool {
	for at := c.prev; at != nil; at = at.prev {
		if at.node.Edge.SourceHost == host {
			return true
		}
	}
	return false
}

func (c *chain) passesAny(hosts []string) bool {
	for _, host := range hosts {
		if c.passes(host) {
			return true
		}
	}
	return false
}
