package pairing

import (
	"cmp"
	"slices"

	"headstart/event"
)

// ends are the two ends of a connection, whoever began it: the lesser first.
type ends struct {
	a, b         event.Address
	portA, portB uint16
}

func endsOf(c *event.Connection) ends {
	if cmp.Or(c.Local.Compare(c.Remote), cmp.Compare(c.LocalPort, c.RemotePort)) > 0 {
		return ends{c.Remote, c.Local, c.RemotePort, c.LocalPort}
	}
	return ends{c.Local, c.Remote, c.LocalPort, c.RemotePort}
}

// link has the reports between two ends: of the same connection, or of several
// after one another.
type link struct {
	ends    ends
	reports []*report
}

func (l *link) find(host string, id event.ConnectionID) *report {
	if l == nil {
		return nil
	}
	for _, one := range l.reports {
		if one.id == id && one.host.name == host {
			return one
		}
	}
	return nil
}

// shown settles what the other end has reported, and waits for this one to
// report, too.
func (l *link) shown(one *report) {
	for _, other := range l.reports {
		if other.stage == pending && other.host == one.peer && one.answers(other) {
			other.resolve()
		}
	}
}

// shows reports whether the other end has shown a connection.
func (l *link) shows(one *report) bool {
	for _, other := range l.reports {
		if other.host == one.peer && other.answers(one) {
			return true
		}
	}
	return false
}

// answers reports whether one end's connection is for certain not one that was
// over before the other's began. If it may be, the third snapshot decides: by
// then its end is known.
func (r *report) answers(other *report) bool { return r.before > other.after }

// add begins a report; nil if there is no room for it.
func (w *Pairs) add(r *Report) *report {
	h, peer := w.host(r.Host), w.host(r.Peer)
	at := event.Nanoseconds(r.At)
	if h == nil || peer == nil {
		w.rejected++
		return nil
	}
	if !w.makeRoom(h) {
		w.rejected++
		h.lost = max(h.lost, at)
		return nil
	}
	key := endsOf(&r.Connection)
	l := w.links[key]
	if l == nil {
		l = &link{ends: key}
		w.links[key] = l
	}
	w.number++
	w.reports++
	h.reports++
	peer.refs++
	one := &report{link: l, host: h, peer: peer, id: r.Connection.ID, number: w.number, at: at}
	one.began(&r.Connection)
	for _, other := range l.reports {
		if other.host == h && !other.over {
			w.supersede(other, one)
		}
	}
	l.reports = append(l.reports, one)
	if r.Connection.Kind == event.Attempted {
		w.retain(one)
	}
	return one
}

// remove forgets a report.
func (w *Pairs) remove(one *report) {
	one.resolve()
	l := one.link
	at := slices.Index(l.reports, one)
	if at < 0 {
		return
	}
	l.reports = slices.Delete(l.reports, at, at+1)
	if len(l.reports) == 0 {
		delete(w.links, l.ends)
	}
	w.reports--
	one.host.reports--
	one.peer.refs--
}
