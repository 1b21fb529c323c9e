package pattern

import "slices"

// makeRoom drops edges when there are too many: of one host those that were
// heard of least lately, and in all those of the host that has the most.
func (s *paths) makeRoom(n *node) {
	limits := &s.patterns.limits
	if from := s.out[n.Edge.SourceHost]; len(from) > limits.EdgesPerHost {
		s.dropOldest(from)
	}
	if to := s.in[n.Edge.DestinationHost]; len(to) > limits.EdgesPerHost {
		// Of those that arrive, the source of the most gives up its oldest.
		s.dropOldest(s.ofGreediest(to))
	}
	if len(s.nodes) > limits.Edges {
		greediest := ""
		for host, from := range s.out {
			if most := len(s.out[greediest]); len(from) > most || len(from) == most && host < greediest {
				greediest = host
			}
		}
		for range limits.Edges/64 + 1 {
			s.dropOldest(s.out[greediest])
		}
	}
}

func (s *paths) ofGreediest(nodes []*node) []*node {
	counts := map[string]int{}
	host := ""
	for _, n := range nodes {
		counts[n.Edge.SourceHost]++
	}
	for h, n := range counts {
		if n > counts[host] || n == counts[host] && h < host {
			host = h
		}
	}
	return slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool { return n.Edge.SourceHost != host })
}

func (s *paths) dropOldest(nodes []*node) {
	if len(nodes) == 0 {
		return
	}
	oldest := nodes[0]
	for _, n := range nodes {
		if n.touched < oldest.touched || n.touched == oldest.touched && n.until < oldest.until {
			oldest = n
		}
	}
	s.remove(oldest)
	s.patterns.dropped.Edges++
}

// remove forgets an edge. Chains that it is part of keep it.
func (s *paths) remove(n *node) {
	delete(s.nodes, connection{n.Host, n.Connection})
	removeNode(s.in, n.Edge.DestinationHost, n)
	removeNode(s.out, n.Edge.SourceHost, n)
}

func removeNode(from map[string][]*node, host string, n *node) {
	at, found := slices.BinarySearchFunc(from[host], n, compareNodes)
	if !found {
		return
	}
	if from[host] = slices.Delete(from[host], at, at+1); len(from[host]) == 0 {
		delete(from, host)
	}
}

// expire forgets the edges that nothing follows any more.
func (s *paths) expire() {
	horizon := s.patterns.limits.horizon(s.within)
	for _, n := range s.nodes {
		n.touched = min(n.touched, s.patterns.clock)
		if n.touched+horizon < s.patterns.clock {
			s.remove(n)
		}
	}
}
