package pairing

import (
	"slices"
	"strings"
)

// host is one that reports, or the other end of one.
type host struct {
	name     string
	last     int64   // its last snapshot
	beats    []int64 // its last snapshots, ascending
	activeAt int64   // the clock when it was last heard of
	reports  int     // of its own
	refs     int     // of others, of which it is the other end
	lost     int64   // until when there was something no room for

	pending  queue      // reports of others, for this host's third snapshot
	unseen   queue      // reports of this host, for its being open long enough
	retained []retained // of this host: over, or attempts
}

// retained is when it was said that something is over, or was attempted.
type retained struct {
	report *report
	at     int64 // the clock
}

// maxBeats is how many snapshots are remembered: of a host that takes one in
// three seconds, those of more than Lateness.
const maxBeats = 128

// host returns a host, made if it isn't there; nil if there is no room.
func (w *Pairs) host(name string) *host {
	h := w.hosts[name]
	if h == nil && len(w.hosts) < w.limits.Hosts {
		h = &host{name: strings.Clone(name), activeAt: w.clock}
		w.hosts[h.name] = h
	}
	return h
}

func (h *host) beat(at int64) {
	h.last = at
	if len(h.beats) == 2*maxBeats {
		h.beats = append(h.beats[:0], h.beats[maxBeats:]...)
	}
	h.beats = append(h.beats, at)
}

// lastBeats returns the snapshots that are remembered.
func (h *host) lastBeats() []int64 { return h.beats[max(0, len(h.beats)-maxBeats):] }

// since returns those that are not before a time.
func (h *host) since(at int64) []int64 {
	beats := h.lastBeats()
	i, _ := slices.BinarySearch(beats, at)
	return beats[i:]
}

// queue has reports that wait at some stage. What is past it stays until the
// queue is gone through.
type queue struct {
	reports []*report
	full    int
}

func (q *queue) add(one *report) {
	if len(q.reports) >= max(q.full, 64) {
		q.keep(one.stage)
		q.full = 2 * len(q.reports)
	}
	q.reports = append(q.reports, one)
}

// keep leaves only what is at a stage.
func (q *queue) keep(at stage) {
	q.reports = slices.DeleteFunc(q.reports, func(one *report) bool { return one.stage != at })
}

// retain has a report forgotten after a while.
func (w *Pairs) retain(one *report) {
	one.endedAt = w.clock
	one.host.retained = append(one.host.retained, retained{one, w.clock})
}

// expire forgets what was over long enough ago.
func (w *Pairs) expire(h *host) {
	for len(h.retained) > 0 && h.retained[0].at+int64(retention) < w.clock {
		w.dropRetained(h)
	}
}

// dropRetained forgets the first report that is kept. One that was an attempt and
// has become a connection stands in the list once more, when it is over.
func (w *Pairs) dropRetained(h *host) {
	first := h.retained[0]
	h.retained[0] = retained{}
	h.retained = h.retained[1:]
	if one := first.report; first.at == one.endedAt && (one.over || one.stage == attempted) {
		w.remove(one)
	}
}

// makeRoom drops what a host has kept longest when it, or all, have too much. It
// returns false if that isn't enough.
func (w *Pairs) makeRoom(h *host) bool {
	for h.reports >= w.limits.ReportsPerHost || w.reports >= w.limits.Reports {
		if len(h.retained) == 0 {
			return false
		}
		h.lost = max(h.lost, w.clock)
		w.dropRetained(h)
	}
	return true
}

// sweep removes hosts that have not reported for long.
func (w *Pairs) sweep() {
	w.swept = w.clock
	gone := func(h *host) bool { return h.activeAt+int64(silence) < w.clock }
	orphans := false
	for _, h := range w.hosts {
		w.expire(h)
		orphans = orphans || gone(h) && h.reports > 0
	}
	if orphans {
		w.removeAll(func(one *report) bool { return gone(one.host) })
	}
	for name, h := range w.hosts {
		if gone(h) && h.reports == 0 && h.refs == 0 {
			delete(w.hosts, name)
		}
	}
}

func (w *Pairs) removeAll(which func(*report) bool) {
	for _, l := range w.links {
		for _, one := range slices.Clone(l.reports) {
			if which(one) {
				w.remove(one)
			}
		}
	}
}
