package pattern

import "slices"

// chain is a path, by its last edge and what comes before it. It never changes.
type chain struct {
	prev   *chain
	node   *node
	length int
}

const (
	// maxChains of one length lead to an edge, at most.
	maxChains = 64

	// maxLength is how long the path is that is shown, at most.
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

// before returns the hosts of a chain but for those of its last edge.
func (c *chain) before(to []string) []string {
	for c = c.prev; c != nil; c = c.prev {
		to = append(to, c.node.Edge.SourceHost)
	}
	return to
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

// extend makes the chains of an edge those of one that follows, too.
func (s *paths) extend(n, next *node) {
	if s.budget <= 0 {
		return
	}
	s.budget--
	host, grew := next.Edge.DestinationHost, false
	for length := s.hops - 1; length > 0; length-- {
		for _, c := range n.chains[length] {
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
	if c := n.longest; c.length+1 > next.longest.length && c.length < maxLength && !c.visits(host) {
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
	hosts := c.before(make([]string, 0, maxHops))
	if !continues(hosts, others, s.hops-c.length, nil) {
		return false
	}
	if len(others) >= maxChains {
		s.patterns.dropped.Chains++
		return false
	}
	n.chains[c.length] = append(others, c)
	return true
}

// continues reports whether there are a number of further hosts, not on a
// chain, of which each of the others visits one. Any of the hosts of the first
// chain that is not visited yet has to be among them.
func continues(chain []string, others []*chain, further int, chosen []string) bool {
	for i, o := range others {
		hosts := o.before(make([]string, 0, maxHops))
		if slices.ContainsFunc(hosts, func(host string) bool { return slices.Contains(chosen, host) }) {
			continue
		}
		if further == 0 {
			return false
		}
		for _, host := range hosts {
			if !slices.Contains(chain, host) && continues(chain, others[i+1:], further-1, append(chosen, host)) {
				return true
			}
		}
		return false
	}
	return true
}
