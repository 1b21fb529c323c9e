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

	at            int64 // of the snapshot that first showed it
	after, before int64 // it began after the one, 0 if nothing is known, and not later than the other
	seen          int64 // it was surely open, when it was reported or, of one that is over, at the end
	closed        int64 // and not later than this it was closed
	over          bool
	endedAt       int64 // the clock when its end was said, or the attempt was

	stage   stage
	counted int // snapshots of the other end since it began
	first   int64
	third   int64
	shows   *event.Connection // as long as it may be unpaired
}

// stage is how far it is known whether a connection is unpaired.
type stage uint8

const (
	attempted stage = iota // it isn't open
	pending                // for the third snapshot of the other end
	unseen                 // the other end has not shown it; was it still open then?
	resolved               // it is paired, or can't be judged
	reported               // it is, and that was reported
)

// resolve ends the judgement of a connection that is not unpaired.
func (r *report) resolve() { r.stage, r.shows = resolved, nil }

// began takes over what a host says of the beginning.
func (r *report) began(c *event.Connection) {
	r.after, r.before = event.Nanoseconds(c.OpenedAfter), event.Nanoseconds(c.OpenedBefore)
	r.seen = max(event.Nanoseconds(c.SeenUntil), r.before)
}

// until is when a connection was last known to be open.
func (r *report) until() int64 {
	if r.over {
		return r.seen
	}
	return max(r.seen, r.host.last)
}

// begin begins to judge a connection that is open, or was.
func (w *Pairs) begin(one *report, c *event.Connection) []Unpaired {
	one.began(c)
	one.stage = pending
	if c.Over() {
		w.end(one, c)
	}
	if one.stage != pending {
		return nil
	}
	for _, at := range one.peer.since(one.before + int64(Margin)) {
		if one.count(at) {
			one.shows = c
			return w.judge(one)
		}
	}
	if one.link.shows(one) {
		one.resolve()
		return nil
	}
	shows := *c
	one.shows = &shows
	one.peer.pending.add(one)
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
	if r.counted < needed {
		return false
	}
	r.third = at
	return true
}

// judge says what the third snapshot of the other end means. All that it has
// reported until then is known.
func (w *Pairs) judge(one *report) []Unpaired {
	for _, other := range one.link.reports {
		if other.host == one.peer && other.at <= one.third && !other.overBefore(one) {
			one.resolve()
			return nil
		}
	}
	switch {
	case one.peer.lost > 0 && one.peer.lost >= one.before-int64(retention):
		one.resolve() // what there was no room for is not silence
	case one.until() >= one.third+int64(Margin):
		return []Unpaired{one.prove()}
	case one.over:
		one.resolve()
	default:
		shows := *one.shows
		one.stage, one.shows = unseen, &shows
		one.host.unseen.add(one)
	}
	return nil
}

// overBefore reports whether a connection was certainly over before another
// began. Nothing was before one of whose beginning nothing is known.
func (r *report) overBefore(other *report) bool {
	return r.over && r.closed+int64(Margin) <= other.after
}

// prove reports a connection as unpaired. Its host's first snapshot after the
// third of the other end shows it, or else its end does.
func (r *report) prove() Unpaired {
	at := r.until()
	if beats := r.host.since(r.third + int64(Margin)); len(beats) > 0 {
		at = beats[0]
	}
	found := Unpaired{
		Host: r.host.name, Peer: r.peer.name, Connection: *r.shows,
		Since: event.TimeAt(r.first), Until: event.TimeAt(r.third), At: event.TimeAt(at),
	}
	r.stage, r.shows = reported, nil
	return found
}

// end notes that a connection is over, and returns what that proves.
func (w *Pairs) end(one *report, c *event.Connection) []Unpaired {
	if one.over {
		return nil
	}
	w.finish(one, max(event.Nanoseconds(c.SeenUntil), one.before), event.Nanoseconds(c.ClosedBefore))
	switch {
	case one.stage == pending && one.seen < one.before+2*int64(Margin):
		one.resolve() // it was over before a third snapshot can have been
	case one.stage == unseen && one.seen >= one.third+int64(Margin):
		return []Unpaired{one.prove()}
	case one.stage == unseen:
		one.resolve()
	}
	return nil
}

func (w *Pairs) finish(one *report, seen, closed int64) {
	one.over, one.seen, one.closed = true, seen, max(seen, closed)
	w.retain(one)
}

// supersede ends a connection whose end was never said: its host has another one
// between the same ends.
func (w *Pairs) supersede(one, by *report) {
	if one.stage == reported && by.after == 0 {
		by.stage = reported // the tracker has only lost sight of it
	}
	if one.stage == unseen {
		one.resolve()
	}
	w.finish(one, min(one.until(), by.before), by.before)
}
