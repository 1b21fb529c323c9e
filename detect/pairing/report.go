package pairing

import (
	"headstart/event"
)

// report is a connection as one of its ends has reported it.
type report struct {
	link       *link
	host, peer *host
	id         event.ConnectionID
	number     uint64

	local         bool // this end is the lesser of the link's
	direction     event.Direction
	directionFrom event.DirectionSource

	at            int64 // of the snapshot that first showed it
	after, before int64 // it began after the one, 0 if nothing is known, and not later than the other
	seen          int64 // it was surely open, when it was reported or, of one that is over, at the end
	closed        int64 // and not later than this it was closed
	over          bool
	saidAt        int64 // the clock when its end was said, or the attempt was

	stage   stage
	counted int // snapshots of the other end since it began
	first   int64
	third   int64
	shows   *event.Connection // as long as it may be one-sided
}

// stage is how far it is known whether a connection is one-sided.
type stage uint8

const (
	attempted stage = iota // it isn't open
	waits                  // for the third snapshot of the other end
	isUnseen               // the other end has not shown it; was it still open then?
	settled                // it is not one-sided
	proven                 // it is, and that was reported
)

// settle says that a connection is not one-sided.
func (r *report) settle() { r.stage, r.shows = settled, nil }

// began takes over what a host says of the beginning.
func (r *report) began(c *event.Connection) {
	r.after, r.before = nanoseconds(c.OpenedAfter), nanoseconds(c.OpenedBefore)
	r.seen = max(nanoseconds(c.SeenUntil), r.before)
	// What was seen in SYN_SENT stays known.
	if r.directionFrom == 0 || c.DirectionFrom != 0 && c.DirectionFrom <= r.directionFrom {
		r.direction, r.directionFrom = c.Direction, c.DirectionFrom
	}
}

// until is when a connection was last known to be open.
func (r *report) until() int64 {
	if r.over {
		return r.seen
	}
	return max(r.seen, r.host.last)
}

// begin begins to judge a connection that is open, or was.
func (w *Witnesses) begin(one *report, c *event.Connection) []OneSided {
	one.began(c)
	one.stage = waits
	if c.Over() {
		w.end(one, c)
	}
	if one.stage != waits {
		return nil
	}
	for _, at := range one.peer.since(one.before + int64(Margin)) {
		if one.count(at) {
			one.shows = c
			return w.judge(one)
		}
	}
	if one.link.shows(one) {
		one.settle()
		return nil
	}
	shows := *c
	one.shows = &shows
	one.peer.waiting.add(one)
	return nil
}

// count counts a snapshot of the other end, and returns whether it is the third.
func (r *report) count(at int64) bool {
	if at < r.before+int64(Margin) {
		return false
	}
	if r.counted++; r.counted == 1 {
		r.first = at
	}
	if r.counted < enough {
		return false
	}
	r.third = at
	return true
}

// judge says what the third snapshot of the other end means. All that it has
// reported until then is known.
func (w *Witnesses) judge(one *report) []OneSided {
	for _, other := range one.link.reports {
		if other.host == one.peer && other.at <= one.third && !other.overBefore(one) {
			one.settle()
			return nil
		}
	}
	switch {
	case one.peer.lost > 0 && one.peer.lost >= one.before-int64(kept):
		one.settle() // what there was no room for is not silence
	case one.until() >= one.third+int64(Margin):
		return []OneSided{one.prove()}
	case one.over:
		one.settle()
	default:
		shows := *one.shows
		one.stage, one.shows = isUnseen, &shows
		one.host.unseen.add(one)
	}
	return nil
}

// overBefore reports whether a connection was certainly over before another
// began. Nothing was before one of whose beginning nothing is known.
func (r *report) overBefore(other *report) bool {
	return r.over && r.closed+int64(Margin) <= other.after
}

// prove reports a connection as one-sided. Its host's first snapshot after the
// third of the other end shows it, or else its end does.
func (r *report) prove() OneSided {
	at := r.until()
	if beats := r.host.since(r.third + int64(Margin)); len(beats) > 0 {
		at = beats[0]
	}
	found := OneSided{
		Host: r.host.name, Silent: r.peer.name, Connection: *r.shows,
		Since: timeAt(r.first), Until: timeAt(r.third), At: timeAt(at),
	}
	r.stage, r.shows = proven, nil
	return found
}

// end notes that a connection is over, and returns what that proves.
func (w *Witnesses) end(one *report, c *event.Connection) []OneSided {
	if one.over {
		return nil
	}
	w.finish(one, max(nanoseconds(c.SeenUntil), one.before), nanoseconds(c.ClosedBefore))
	switch {
	case one.stage == waits && one.seen < one.before+2*int64(Margin):
		one.settle() // it was over before a third snapshot can have been
	case one.stage == isUnseen && one.seen >= one.third+int64(Margin):
		return []OneSided{one.prove()}
	case one.stage == isUnseen:
		one.settle()
	}
	return nil
}

func (w *Witnesses) finish(one *report, seen, closed int64) {
	one.over, one.seen, one.closed = true, seen, max(seen, closed)
	w.keep(one)
}

// supersede ends a connection whose end was never said: its host has another one
// between the same ends.
func (w *Witnesses) supersede(one, by *report) {
	if one.stage == proven && by.after == 0 {
		by.stage = proven // the tracker has only lost sight of it
	}
	if one.stage == isUnseen {
		one.settle()
	}
	w.finish(one, min(one.until(), by.before), by.before)
}
