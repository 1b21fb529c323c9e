package baseline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/detect/rule"
)

const (
	// manyPeers is the number of known responders on a port from which one more is
	// not unusual for an originator.
	manyPeers = 5

	// manyPoolPeers is likewise for a network of originators without names.
	manyPoolPeers = 2

	// common is from which part of all originators a responder is one that
	// most hosts reach: monitoring, name service, a mirror.
	common = 0.5

	// commonLeast is how many those must be at least.
	commonLeast = 5

	// popular is from how many known originators a responder has many.
	popular = 10

	// wide is from how many internal responders an hour, on all ports
	// together, an originator is one whose work is to reach others.
	wide = 12

	// manyOfRole is the number of edges of a role from which they are the role's.
	manyOfRole = 2
)

// Lookup returns what is normal for a connection. hostIsOriginator says which of
// its ends reported it.
func (b *Baseline) Lookup(s Sighting, hostIsOriginator bool) rule.Baseline {
	at := s.At
	today := unfinishedDay(at)
	key := b.key(&s)
	var u rule.Baseline
	if e := b.edges[key]; e != nil {
		u.Days = e.days.before(today)
		u.PerDay = float64(e.count) / float64(max(1, e.days.before(e.days.last+1)))
		u.HourUsual = e.hours.normal(at.Unix(), today)
		if n := e.lengths.count(); n > 0 {
			u.Length = rule.UsualLength{P50: e.lengths.at(0.5), P99: e.lengths.at(0.99), Count: n}
		}
	}
	u.Known = u.Days >= b.options.KnownDays
	if !u.Known {
		_, u.Known = b.approve(s)
	}
	if a := b.from[endKey{key.from, key.port}]; a != nil {
		u.Originator.Peers = a.before(today)
		u.Fanout.P99, u.Fanout.Now = a.fanout.normal(at)
	}
	if g := b.to[endKey{key.to, key.port}]; g != nil {
		u.Responder.Peers = g.before(today)
	}
	if b.sources > 0 {
		u.Prevalence = min(1, float64(u.Responder.Peers)/float64(b.sources))
	}
	u.RoleKnown = b.roleKnown(&s, key, today)
	host, peer := &s.Originator, &s.Responder
	if !hostIsOriginator {
		host, peer = peer, host
	}
	u.Host.Learning, u.Peer.Learning = b.learning(host, at), b.learning(peer, at)
	u.Unusual = !u.Known && !u.RoleKnown && !u.Host.Learning && !u.Peer.Learning && !b.expected(&s, key, &u)
	return u
}

// expected reports whether an edge that was never seen is nothing to wonder
// about, because of what its ends are like.
func (b *Baseline) expected(s *Sighting, key edgeKey, u *rule.Baseline) bool {
	today := unfinishedDay(s.At)
	if u.Originator.Peers >= manyPeers || u.Responder.Peers >= popular || u.Prevalence >= common && u.Responder.Peers >= commonLeast {
		return true
	}
	if g := b.to[endKey{key.to, key.port}]; g != nil && g.open(today) {
		return true
	}
	if a := b.from[endKey{key.from, key.port}]; a != nil && a.group.open(today) {
		return true
	}
	if pool, ok := b.pool(&s.Originator); ok {
		if a := b.from[endKey{pool, key.port}]; a != nil && a.before(today) >= manyPoolPeers {
			return true
		}
	}
	all := b.from[endKey{key.from, anyPort}]
	if all == nil {
		return false
	}
	p99, _ := all.fanout.normal(s.At)
	return p99 >= wide
}

func (b *Baseline) roleKnown(s *Sighting, key edgeKey, today int32) (known bool) {
	if s.Originator.External || s.Responder.External {
		return false
	}
	b.roleKeys(s, key, func(k edgeKey) bool {
		g := b.roles[k]
		known = g != nil && g.before(today) >= manyOfRole && g.days.before(today) >= b.options.KnownDays
		return !known
	})
	return known
}

// Explain returns why an edge is in the baseline, or that it isn't.
func (b *Baseline) Explain(s Sighting) string {
	if why, ok := b.approve(s); ok {
		return "approved: " + why
	}
	e := b.edges[b.key(&s)]
	if e == nil {
		return "never seen"
	}
	return fmt.Sprintf("seen on %d days from %s to %s, %d connections",
		e.days.before(e.days.last+1), date(e.first), date(e.last), e.count)
}

func date(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.DateOnly) }

// Reach is where a host normally connects to.
type Reach struct {
	Host string // or address
	Port uint16
	Days int
}

// Reached returns where a host is known to connect to, most days first, at
// most limit.
func (b *Baseline) Reached(host string, at time.Time, limit int) []Reach {
	from, ok := b.ids.texts[anEnd][host]
	if !ok {
		return nil
	}
	today := unfinishedDay(at)
	var all []Reach
	for key, e := range b.edges {
		if n := e.days.before(today); key.from == from && n >= b.options.KnownDays {
			all = append(all, Reach{b.ids.list[key.to].String(), key.port, n})
		}
	}
	slices.SortFunc(all, func(x, y Reach) int {
		switch {
		case x.Days != y.Days:
			return y.Days - x.Days
		case x.Host != y.Host:
			return strings.Compare(x.Host, y.Host)
		}
		return int(x.Port) - int(y.Port)
	})
	return all[:min(len(all), limit)]
}

// Learning reports whether a host is in its learning period.
func (b *Baseline) Learning(host string, at time.Time) bool {
	return b.learning(&End{Host: host}, at)
}
