package pattern

import (
	"errors"
	"slices"
)

// saver numbers edges and chains as it meets them.
type saver struct {
	state  *ruleState
	nodes  map[*node]int32
	order  []*node
	chains map[*chain]int32
}

func (s *paths) save(state *ruleState) {
	v := saver{state: state, nodes: map[*node]int32{}, chains: map[*chain]int32{}}
	indexed := make([]*node, 0, len(s.nodes))
	for _, n := range s.nodes {
		indexed = append(indexed, n)
	}
	slices.SortFunc(indexed, compareNodes)
	for _, n := range indexed {
		v.node(n)
	}
	for i := 0; i < len(v.order); i++ {
		n := v.order[i]
		saved := nodeState{Match: n.Match, Until: n.until, Touched: n.touched, Fired: n.fired, Longest: -1, Detached: i >= len(indexed)}
		if !saved.Detached {
			saved.Longest = v.chain(n.longest)
			for _, chains := range n.chains {
				var places []int32
				for _, c := range chains {
					places = append(places, v.chain(c))
				}
				saved.Chains = append(saved.Chains, places)
			}
		}
		state.Nodes = append(state.Nodes, saved)
	}
}

func (v *saver) node(n *node) int32 {
	place, ok := v.nodes[n]
	if !ok {
		place = int32(len(v.order))
		v.nodes[n] = place
		v.order = append(v.order, n)
	}
	return place
}

func (v *saver) chain(c *chain) int32 {
	if c == nil {
		return -1
	}
	place, ok := v.chains[c]
	if !ok {
		saved := chainState{Prev: v.chain(c.prev), Node: v.node(c.node)}
		place = int32(len(v.state.Links))
		v.chains[c] = place
		v.state.Links = append(v.state.Links, saved)
	}
	return place
}

var errPlace = errors.New("a place out of range")

func (s *paths) restore(state *ruleState) error {
	nodes := make([]*node, len(state.Nodes))
	for i := range state.Nodes {
		saved := &state.Nodes[i]
		r := newReport(saved.Match, s.patterns.limits.Interval)
		if r == nil {
			return errors.New("an edge without a time")
		}
		nodes[i] = &node{report: r, until: saved.Until, touched: saved.Touched, fired: saved.Fired, chains: make([][]*chain, s.hops)}
	}
	chains := make([]*chain, len(state.Links))
	for i, saved := range state.Links {
		if int(saved.Prev) >= i || saved.Node < 0 || int(saved.Node) >= len(nodes) {
			return errPlace
		}
		chains[i] = &chain{node: nodes[saved.Node], length: 1}
		if saved.Prev >= 0 {
			chains[i].prev = chains[saved.Prev]
			chains[i].length += chains[saved.Prev].length
		}
	}
	for i := range state.Nodes {
		saved, n := &state.Nodes[i], nodes[i]
		if saved.Detached {
			continue
		}
		if saved.Longest < 0 || int(saved.Longest) >= len(chains) || len(saved.Chains) != s.hops {
			return errPlace
		}
		n.longest = chains[saved.Longest]
		for length, places := range saved.Chains {
			for _, place := range places {
				if place < 0 || int(place) >= len(chains) || chains[place].length != length {
					return errPlace
				}
				n.chains[length] = append(n.chains[length], chains[place])
			}
		}
		s.nodes[connection{n.Host, n.Connection}] = n
		insertNode(s.in, n.Edge.DestinationHost, n)
		insertNode(s.out, n.Edge.SourceHost, n)
	}
	return nil
}
