package pattern

import (
	"net/netip"
	"slices"

	"headstart/event"
)

// paths are the edges of a path rule and the chains that lead to them.
type paths struct {
	patterns *Patterns
	rule     Rule
	hops     int
	within   int64
	nodes    map[connection]*node
	in, out  map[string][]*node // by the host that they arrive at, or leave from; by their own time

	// Of the match that is fed.
	grown  []*node // nodes with new chains, which their followers don't know yet
	proved []proof
	budget int
}

// node is an edge, as one host reported it.
type node struct {
	*report
	until   int64 // it was last known to be open
	touched int64 // the stream's time when it was last heard of
	fired   bool
	queued  bool

	// chains has by length, from 1 to one less than a path needs, some of the
	// chains that lead here: enough of them that whatever hosts follow, if any
	// chain can be continued by them then one of these can.
	chains  [][]*chain
	longest *chain
}

// proof is an edge with a chain that is long enough.
type proof struct {
	node  *node
	chain *chain
}

// A path that is asked to be longer than maxHops is found from maxHops on.
const maxHops = 20

// maxWork bounds how many chains one match makes worth looking at.
const maxWork = 20_000

func newPaths(p *Patterns, r Rule) *paths {
	return &paths{
		patterns: p, rule: r, hops: min(max(r.Path.Hops, 2), maxHops), within: withinOf(r.Path.Within),
		nodes: map[connection]*node{}, in: map[string][]*node{}, out: map[string][]*node{},
	}
}

func (s *paths) feed(r *report) []Fired {
	if r.Edge.SourceHost == r.Edge.DestinationHost {
		return nil
	}
	until := max(event.Nanoseconds(r.SeenUntil), r.own)
	id := connection{r.Host, r.Connection}
	if s.nodes[id] != nil {
		return s.seen(id, until)
	}
	n := &node{report: r, until: until, touched: s.patterns.clockAt(r.At), chains: make([][]*chain, s.hops)}
	n.longest = &chain{node: n, length: 1}
	n.chains[1] = []*chain{n.longest}
	s.nodes[id] = n
	insertNode(s.in, r.Edge.DestinationHost, n)
	insertNode(s.out, r.Edge.SourceHost, n)
	s.begin()
	for _, before := range s.in[r.Edge.SourceHost] {
		if n.follows(before, s.within) {
			s.extend(before, n)
		}
	}
	s.grow(n)
	fired := s.finish()
	s.makeRoom(n)
	return fired
}

// seen says that an edge was open until a time.
func (s *paths) seen(id connection, until int64) []Fired {
	n := s.nodes[id]
	if n == nil {
		return nil
	}
	n.touched = max(n.touched, s.patterns.clock, until)
	before := n.until
	if until <= before {
		return nil
	}
	n.until = until
	s.begin()
	for _, next := range s.followers(n, before+s.within+1) {
		s.extend(n, next)
	}
	return s.finish()
}

// follows reports whether an edge can be the next one after another, as far as
// time says.
func (n *node) follows(before *node, within int64) bool {
	return n.own > before.began && n.own <= before.until+within
}

// followers returns the edges that can be next after one, of those that began
// at a time or later.
func (s *paths) followers(n *node, from int64) []*node {
	all := s.out[n.Edge.DestinationHost]
	return all[firstNode(all, max(n.began+1, from)):firstNode(all, n.until+s.within+1)]
}

func (s *paths) begin() {
	s.grown, s.proved, s.budget = s.grown[:0], s.proved[:0], maxWork
}

// grow notes that an edge has new chains.
func (s *paths) grow(n *node) {
	if !n.queued {
		n.queued = true
		s.grown = append(s.grown, n)
	}
}

// finish tells the followers of what has grown, and theirs, and returns what is
// proved.
func (s *paths) finish() (fired []Fired) {
	for i := 0; i < len(s.grown); i++ { // it grows meanwhile
		n := s.grown[i]
		n.queued = false
		for _, next := range s.followers(n, 0) {
			s.extend(n, next)
		}
	}
	if s.budget <= 0 {
		s.patterns.dropped.Chains++
	}
	for _, p := range s.proved {
		if f, ok := s.fire(p); ok {
			fired = append(fired, f)
		}
	}
	return fired
}

func (s *paths) fire(p proof) (Fired, bool) {
	n := p.node
	key := netip.AddrPortFrom(n.Edge.Source.Netip(), n.Edge.SourcePort).String() + "-" +
		netip.AddrPortFrom(n.Edge.Destination.Netip(), n.Edge.Port).String()
	id, ok := s.patterns.fire(&s.rule, key, dayOf(n.own), s.within)
	if !ok {
		return Fired{}, false
	}
	whole := p.chain
	if n.longest.length > whole.length {
		whole = n.longest
	}
	edges := whole.nodes()
	reports := make([]*report, len(edges))
	for i, e := range edges {
		reports[i] = s.narrowed(e)
	}
	f := Fired{
		Rule: s.rule.ID, ID: id, Key: key, Matched: len(edges), Reached: float64(len(edges)),
		At: latest(reports), Evidence: some(reports), Path: make([]Match, len(edges)),
	}
	for i, r := range reports {
		f.Path[i] = r.Match
	}
	return f, true
}

// narrowed returns an edge with the bounds that the reports of both ends give
// together, and the earlier of their snapshots.
func (s *paths) narrowed(n *node) *report {
	r := *n.report
	for _, o := range s.in[n.Edge.DestinationHost] {
		if o == n || !o.same(n.report) {
			continue
		}
		if o.OpenedAfter.After(r.OpenedAfter) {
			r.OpenedAfter = o.OpenedAfter
		}
		if !o.OpenedBefore.IsZero() && o.OpenedBefore.Before(r.OpenedBefore) {
			r.OpenedBefore = o.OpenedBefore
		}
		if o.At.Before(r.At) {
			r.At = o.At
		}
		if o.SeenUntil.After(r.SeenUntil) {
			r.SeenUntil = o.SeenUntil
		}
	}
	if r.OpenedAfter.After(r.OpenedBefore) {
		r.OpenedAfter, r.OpenedBefore = n.OpenedAfter, n.OpenedBefore // clocks differ by more than there is between
	}
	return &r
}

func insertNode(to map[string][]*node, host string, n *node) {
	at, _ := slices.BinarySearchFunc(to[host], n, compareNodes)
	to[host] = slices.Insert(to[host], at, n)
}

func compareNodes(a, b *node) int { return a.report.compare(b.report) }

// firstNode returns the place of the first edge that did not begin before a time.
func firstNode(nodes []*node, from int64) int {
	i, _ := slices.BinarySearchFunc(nodes, from, func(n *node, from int64) int {
		if n.own < from {
			return -1
		}
		return 1
	})
	return i
}
