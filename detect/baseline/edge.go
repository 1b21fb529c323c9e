package baseline

import (
	"math/bits"
	"time"
)

// edge is what is known of connections from one end to another on a port.
type edge struct {
	key         edgeKey
	first, last int64 // unix seconds
	count       uint32
	days        days
	hours       hours
	lengths     lengths
	activity    *activity // of the originator on the port
	external    bool      // the originator is
	pool        id        // of the originator; zero: none
}

// days are the days on which something was seen: bit n of seen is the day
// last-n.
type days struct {
	last int32 // since 1970
	seen uint64
}

func dayOf(unix int64) int32 { return int32(unix / int64(day/time.Second)) }

// unfinishedDay is the day that has not ended yet, or only just.
func unfinishedDay(at time.Time) int32 { return dayOf(at.Add(-Lateness).Unix()) }

func (d *days) add(n int32) {
	switch back := int64(d.last) - int64(n); {
	case d.seen == 0 || back <= -64:
		d.last, d.seen = n, 1
	case back < 0:
		d.last, d.seen = n, d.seen<<-back|1
	case back < 64:
		d.seen |= 1 << back
	}
}

// before counts the days before one, of the last 64.
func (d *days) before(n int32) int {
	skip := int64(d.last) - int64(n) + 1
	switch {
	case skip <= 0:
		return bits.OnesCount64(d.seen)
	case skip >= 64:
		return 0
	}
	return bits.OnesCount64(d.seen >> skip)
}

// hours are the hours of the day, in UTC, at which something was seen: on days
// past, and on the current one.
type hours struct {
	day         int32
	past, today uint32
}

func (h *hours) roll(day int32) {
	if day > h.day {
		h.past |= h.today
		h.today, h.day = 0, day
	}
}

// hourOfDay is the hour of the day, also of times before 1970, which only a clock
// that is wrong has.
func hourOfDay(unix int64) int64 { return (unix/3600%24 + 24) % 24 }

func (h *hours) add(unix int64) {
	bit := uint32(1) << hourOfDay(unix)
	if dayOf(unix) < h.day {
		h.past |= bit
		return
	}
	h.today |= bit
}

// normal reports whether an hour, or the one before or after, was seen on a day
// before the one given.
func (h *hours) normal(unix int64, settled int32) bool {
	past := h.past
	if h.day < settled {
		past |= h.today
	}
	n := hourOfDay(unix)
	near := uint32(1)<<n | uint32(1)<<((n+1)%24) | uint32(1)<<((n+23)%24)
	return past&near != 0
}

// group counts the edges that have something in common.
type group struct {
	peers    int
	days     days
	arrivals days // on which an edge was new

	// fresh are the edges that came with each of the newest two days: they
	// don't count on that day.
	fresh [2]struct {
		day int32
		n   int
	}
}

func (g *group) arrive(day int32) {
	g.peers++
	g.arrivals.add(day)
	switch f := &g.fresh; {
	case f[0].day == day:
		f[0].n++
	case f[0].day < day:
		f[1] = f[0]
		f[0].day, f[0].n = day, 1
	case f[1].day == day:
		f[1].n++
	}
}

// before counts the edges that were there before a day.
func (g *group) before(day int32) int {
	n := g.peers
	for _, f := range g.fresh {
		if f.day >= day {
			n -= f.n
		}
	}
	return max(n, 0)
}

// open reports whether new edges are not unusual: they came on several days
// before, the first apart, and on half of all.
func (g *group) open(day int32) bool {
	n := g.arrivals.before(day)
	return n > newcomers && 2*n > int(day-g.first())
}

// newcomers is on how many days after the first new edges must have come.
const newcomers = 2

// first is the first day on which an edge came, of those that are remembered.
func (g *group) first() int32 {
	return g.arrivals.last - int32(bits.Len64(g.arrivals.seen)) + 1
}

// activity is what an originator does on a port.
type activity struct {
	group
	fanout fanout
}
