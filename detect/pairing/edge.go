package pairing

import (
	"time"

	"headstart/event"
)

// Edge is a connection as its witnesses know it together.
type Edge struct {
	Originator, Responder         event.Address
	OriginatorPort, ResponderPort uint16
	OriginatorHost, ResponderHost string
	From                          event.DirectionSource // what says who began it
	Witnesses                     int                   // 1 or 2

	// The narrowest bounds: it began after OpenedAfter, zero when nothing is
	// known, and not later than OpenedBefore, and was last seen open at SeenUntil.
	OpenedAfter, OpenedBefore, SeenUntil time.Time

	At time.Time // of the first snapshot that shows it
}

// Edge returns what is known of a connection that a host has reported; false if
// it is not remembered.
func (w *Pairs) Edge(host string, c *event.Connection) (Edge, bool) {
	key, _ := endsOf(c)
	one := w.links[key].find(host, c.ID)
	if one == nil {
		return Edge{}, false
	}
	other := one.partner()
	after, before, until, at := one.after, one.before, one.until(), one.at
	if other != nil {
		before, until, at = min(before, other.before), max(until, other.until()), min(at, other.at)
		// Bounds that contradict each other are of clocks, or of readings that
		// have missed the connection at first.
		if later := max(after, other.after); later < before {
			after = later
		}
	}
	lesser, from := one.originator(other)
	e := Edge{
		From: from, Witnesses: 1,
		OpenedAfter: timeAt(after), OpenedBefore: timeAt(before), SeenUntil: timeAt(until), At: timeAt(at),
	}
	if other != nil {
		e.Witnesses = 2
	}
	k := one.link.ends
	e.Originator, e.OriginatorPort, e.Responder, e.ResponderPort = k.a, k.portA, k.b, k.portB
	e.OriginatorHost, e.ResponderHost = one.host.name, one.peer.name
	if !one.local {
		e.OriginatorHost, e.ResponderHost = e.ResponderHost, e.OriginatorHost
	}
	if !lesser {
		e.Originator, e.OriginatorPort, e.Responder, e.ResponderPort = k.b, k.portB, k.a, k.portA
		e.OriginatorHost, e.ResponderHost = e.ResponderHost, e.OriginatorHost
	}
	return e, true
}

// partner returns the other end's report of the same connection: of those whose
// lives may meet, the one whose beginning is closest.
func (r *report) partner() (best *report) {
	for _, other := range r.link.reports {
		if other.host != r.peer || other.overBefore(r) || r.overBefore(other) {
			continue
		}
		if best == nil || distance(other, r) < distance(best, r) {
			best = other
		}
	}
	return best
}

func distance(a, b *report) int64 { return max(a.before-b.before, b.before-a.before) }

// lesserBegan reports whether, by this report, the lesser of the ends began the
// connection.
func (r *report) lesserBegan() bool { return r.local == (r.direction == event.Outbound) }

// originator returns whether the lesser of the ends began the connection, and
// what says so; other can be nil.
func (r *report) originator(other *report) (lesser bool, from event.DirectionSource) {
	switch {
	case other == nil || other.directionFrom == 0:
		return r.lesserBegan(), r.directionFrom
	case r.directionFrom == 0 || other.directionFrom < r.directionFrom:
		return other.lesserBegan(), other.directionFrom
	case r.directionFrom < other.directionFrom || r.lesserBegan() == other.lesserBegan():
		return r.lesserBegan(), r.directionFrom
	}
	return r.link.ends.portA >= r.link.ends.portB, event.FromPorts
}
