// Package baseline learns what is normal: which host reaches which on which
// port, on how many days, at which hours, for how long; how many others an
// originator usually reaches; and what hosts of a role have in common. It is a
// pure state machine: sightings in, answers out.
//
// It guarantees:
//   - An answer about a moment rests on whole days before it (and whole hours,
//     for the fan-out), and a day counts only once [Lateness] has passed since
//     its end. So in which order the reports of several hosts arrive changes no
//     answer, as long as none is later than that.
//   - An edge is known when it was seen on [Options.KnownDays] distinct days
//     before, or when an analyst has approved it; never for having been seen
//     often in one day.
//   - What is not seen for [expiry] is forgotten. There is a cap on edges, in
//     all and of one originator; what it refuses is counted.
//   - Every entry can say why it is there ([Baseline.Explain]).
//
// Cost: an edge takes about 200 bytes, and about 400 more once one of its
// connections has ended; an end with a port about 250. Learning a connection of
// an edge that is there allocates nothing.
package baseline

import (
	"math"
	"time"

	"headstart/event"
)

// Lateness is by how much a report may be later than those of other hosts.
const Lateness = 5 * time.Minute

const (
	expiry   = 35 * 24 * time.Hour
	day      = 24 * time.Hour
	maxRoles = 4 // of one end, that carry over
)

// Options say how much it takes for something to be normal.
type Options struct {
	// Learning is the learning period of a new host, during which nothing counts as
	// unusual. Below a day it never ends: a baseline of less knows nothing, and only
	// what is suspicious by itself is left.
	Learning time.Duration

	KnownDays int // distinct days before an edge is known; 0: 2, or 1 when Learning is less than two days
	MaxEdges  int // 0: 500,000
	MaxOfOne  int // edges of one originator; 0: 20,000
}

// End is one end of an edge.
type End struct {
	Host     string // name; empty where only the address is known
	Address  event.Address
	Roles    []string
	External bool
}

// Sighting is a connection as the baseline sees it.
type Sighting struct {
	Originator, Responder End
	Port                  uint16    // the responder's
	At                    time.Time // when it was opened or tried, on the stream's clock

	// Again says that the originator reports its connections too, so that this
	// one, which the responder reports, is counted already.
	Again bool
}

// Baseline knows what is normal. One goroutine uses it at a time.
type Baseline struct {
	options    Options
	ids        ids
	edges      map[edgeKey]*edge
	from       map[endKey]*activity // originators by port
	to         map[endKey]*group    // responders by port
	roles      map[edgeKey]*group   // what roles have in common
	perOne     map[id]int           // edges of each originator
	hosts      map[string]int64     // when each reporting host had its first connection, unix seconds
	lastReport map[string]int64     // when each was last heard
	started    int64                // when any host had a connection
	sources    int                  // internal ends that have begun a connection
	swept      int64
	rejected   int
	approve    func(Sighting) (why string, ok bool)
}

// id is the number of an end, or of what ends have in common.
type id uint32

// edgeKey is an edge; of roles, either end can be a role instead of a host.
type edgeKey struct {
	from, to id
	port     uint16
}

type endKey struct {
	end  id
	port uint16
}

// anyPort stands for all ports together, in the activity of an originator with
// internal responders.
const anyPort = 0

// New returns a baseline that knows nothing.
func New(o Options) *Baseline {
	if o.KnownDays == 0 {
		o.KnownDays = 2
		if o.Learning < 2*day {
			o.KnownDays = 1
		}
	}
	if o.MaxEdges == 0 {
		o.MaxEdges = 500_000
	}
	if o.MaxOfOne == 0 {
		o.MaxOfOne = 20_000
	}
	return &Baseline{
		options: o, ids: newIDs(), edges: map[edgeKey]*edge{}, from: map[endKey]*activity{}, to: map[endKey]*group{},
		roles: map[edgeKey]*group{}, perOne: map[id]int{}, hosts: map[string]int64{}, lastReport: map[string]int64{},
		approve: func(Sighting) (string, bool) { return "", false },
	}
}

// Approve sets what an analyst has approved: it returns why an edge is known
// whatever was seen of it.
func (b *Baseline) Approve(approved func(Sighting) (why string, ok bool)) { b.approve = approved }

// Report notes that a host reports its connections. It begins to learn with
// the first of them.
func (b *Baseline) Report(host string, at time.Time) {
	b.lastReport[host] = at.Unix()
	if _, ok := b.hosts[host]; !ok {
		b.hosts[host] = never
	}
}

// never is when a host began to learn that has had no connection yet.
const never = math.MaxInt64

// Active notes that the ends of an edge have a connection.
func (b *Baseline) Active(s Sighting) {
	at := s.At.Unix()
	if b.started == 0 || at < b.started {
		b.started = at
	}
	for _, host := range [...]string{s.Originator.Host, s.Responder.Host} {
		if first, reports := b.hosts[host]; reports && at < first {
			b.hosts[host] = at
		}
	}
}

// learning reports whether an end is in its learning period. For an end that
// doesn't report, the whole baseline's age counts.
func (b *Baseline) learning(e *End, at time.Time) bool {
	if b.options.Learning < day {
		return true
	}
	first, reports := b.hosts[e.Host]
	if !reports {
		first = b.started
	}
	return first == never || at.Unix() < first+int64(b.options.Learning/time.Second)
}

// Opened learns that a connection was opened.
func (b *Baseline) Opened(s Sighting) {
	e := b.learn(&s)
	if e == nil {
		return
	}
	at := s.At.Unix()
	if !s.Again {
		e.count++
	}
	e.first, e.last = min(e.first, at), max(e.last, at)
	if d := dayOf(at); e.days.last != d || e.days.seen == 0 {
		e.days.add(d)
		e.hours.roll(d)
		for _, g := range b.groupsOf(&s, e) {
			g.days.add(d)
		}
	}
	e.hours.add(at)
	e.activity.fanout.add(e.key.to, at)
	b.reached(&s, e.key.from, e.key.to)
}

// Attempted learns that a connection was attempted in vain. That doesn't make an edge,
// but it counts in the originator's fan-out.
func (b *Baseline) Attempted(s Sighting) {
	from := b.ids.of(&s.Originator)
	if len(b.from) < b.options.MaxEdges {
		to := b.ids.of(&s.Responder)
		b.activity(endKey{from, s.Port}).fanout.add(to, s.At.Unix())
		b.reached(&s, from, to)
	}
}

// reached counts an internal responder in what its originator reaches on all
// ports together.
func (b *Baseline) reached(s *Sighting, from, to id) {
	if !s.Responder.External && !s.Originator.External {
		b.activity(endKey{from, anyPort}).fanout.add(to, s.At.Unix())
	}
}

// Closed learns how long a connection lived, given both bounds.
func (b *Baseline) Closed(s Sighting, least, most time.Duration) {
	if most == event.Unbounded || s.Again {
		return
	}
	if e := b.edges[b.key(&s)]; e != nil {
		e.lengths.add((least + most) / 2)
	}
}

func (b *Baseline) key(s *Sighting) edgeKey {
	return edgeKey{b.ids.of(&s.Originator), b.ids.of(&s.Responder), s.Port}
}

// learn returns the edge of a sighting, nil when there is no room for it.
func (b *Baseline) learn(s *Sighting) *edge {
	key := b.key(s)
	if e := b.edges[key]; e != nil {
		return e
	}
	if len(b.edges) >= b.options.MaxEdges || b.perOne[key.from] >= b.options.MaxOfOne {
		b.rejected++
		return nil
	}
	at := s.At.Unix()
	e := &edge{key: key, first: at, last: at, external: s.Originator.External, activity: b.activity(endKey{key.from, key.port})}
	b.edges[key] = e
	b.perOne[key.from]++
	d := dayOf(at)
	if b.perOne[key.from] == 1 && !s.Originator.External {
		b.sources++
	}
	e.activity.group.arrive(d)
	if pool, ok := b.pool(&s.Originator); ok {
		e.pool = pool
		b.activity(endKey{pool, key.port}).group.arrive(d)
	}
	for _, g := range b.groupsOf(s, e) {
		g.arrive(d)
	}
	b.popularity(endKey{key.to, key.port}).arrive(d)
	return e
}

// pool is the network of an internal originator that has no name. Addresses
// there change hands, so what one does says something of the others.
func (b *Baseline) pool(e *End) (id, bool) {
	if e.Host != "" || e.External {
		return 0, false
	}
	return b.ids.address(aRegion, networkOf(e.Address)), true
}

func (b *Baseline) activity(k endKey) *activity {
	a := b.from[k]
	if a == nil {
		a = new(activity)
		b.from[k] = a
	}
	return a
}

func (b *Baseline) popularity(k endKey) *group {
	g := b.to[k]
	if g == nil {
		g = new(group)
		b.to[k] = g
	}
	return g
}

// groupsOf returns what the ends' roles have in common with this edge, made if
// it isn't there: role to role, role to this responder, this originator to role.
func (b *Baseline) groupsOf(s *Sighting, e *edge) []*group {
	if s.Originator.External || s.Responder.External {
		return nil
	}
	var groups []*group
	b.roleKeys(s, e.key, func(k edgeKey) bool {
		g := b.roles[k]
		if g == nil {
			g = new(group)
			b.roles[k] = g
		}
		groups = append(groups, g)
		return true
	})
	return groups
}

func (b *Baseline) roleKeys(s *Sighting, key edgeKey, yield func(edgeKey) bool) {
	var from, to [maxRoles]id
	origins, responders := b.ids.roles(from[:0], &s.Originator), b.ids.roles(to[:0], &s.Responder)
	for _, r := range origins {
		if !yield(edgeKey{r, key.to, key.port}) {
			return
		}
		for _, q := range responders {
			if !yield(edgeKey{r, q, key.port}) {
				return
			}
		}
	}
	for _, q := range responders {
		if !yield(edgeKey{key.from, q, key.port}) {
			return
		}
	}
}

// Expire forgets what was not seen for long. It looks at all of it once a day.
func (b *Baseline) Expire(now time.Time) {
	at := now.Unix()
	if at-b.swept < int64(day/time.Second) {
		return
	}
	b.swept = at
	oldest := at - int64(expiry/time.Second)
	for key, e := range b.edges {
		if e.last >= oldest {
			continue
		}
		delete(b.edges, key)
		if b.perOne[key.from]--; b.perOne[key.from] == 0 {
			delete(b.perOne, key.from)
			if !e.external {
				b.sources--
			}
		}
		e.activity.peers--
		if e.pool != 0 {
			b.activity(endKey{e.pool, key.port}).peers--
		}
		if g := b.to[endKey{key.to, key.port}]; g != nil {
			g.peers--
		}
	}
	for host, heard := range b.lastReport {
		if heard < oldest {
			delete(b.lastReport, host)
			delete(b.hosts, host)
		}
	}
	for k, a := range b.from {
		if a.peers <= 0 && a.fanout.last() < oldest {
			delete(b.from, k)
		}
	}
	for k, g := range b.to {
		if g.peers <= 0 {
			delete(b.to, k)
		}
	}
	for k, g := range b.roles {
		if int64(g.days.last)*int64(day/time.Second) < oldest {
			delete(b.roles, k)
		}
	}
	if len(b.ids.list) > 2*b.options.MaxEdges {
		b.compact()
	}
}

// Edges returns the number of edges, and how many were refused for the cap.
func (b *Baseline) Edges() (n, refused int) { return len(b.edges), b.rejected }
