package reconstruct

import (
	"time"

	"headstart/event"
	"headstart/replay/zeek"
)

// timeWait is the kernel's TCP_TIMEWAIT_LEN (include/net/tcp.h), and the default of
// net.ipv4.tcp_fin_timeout.
const timeWait = int64(60 * time.Second)

// never is later than any poll.
const never = int64(1<<63 - 1)

// kind is the effect of a record on the kernels of its ends.
type kind uint8

const (
	ignored     kind = iota // unknown
	attempt                 // the originator's socket waited for an answer
	established             // both had a connection
)

func kindOf(r *zeek.Record) kind {
	switch r.State {
	case zeek.SF, zeek.S1, zeek.S2, zeek.S3, zeek.RSTO, zeek.RSTR:
		return established
	case zeek.S0:
		return attempt
	case zeek.REJ:
		// Zeek calls that so too if both reset what carried no data.
		if r.History.Has("h") {
			return established
		}
		return attempt
	case zeek.RSTOS0, zeek.SH, zeek.OTH, zeek.RSTRH, zeek.SHR:
		// All of these can be a connection that began before the log did.
		if bothSpoke(r) {
			return established
		}
		if sent := r.History.Empty() || r.History.Has("S"); sent && (r.State == zeek.RSTOS0 || r.State == zeek.SH) {
			return attempt
		}
		return ignored
	}
	if r.History.Has("S") && !r.History.Has("ha") {
		return attempt
	}
	return established
}

func bothSpoke(r *zeek.Record) bool {
	return r.OriginatorBytes > 0 && r.ResponderBytes > 0 || r.History.Has("AD") && r.History.Has("ad")
}

// midstream reports whether no handshake was seen.
func midstream(r *zeek.Record) bool {
	if r.History.Empty() {
		return r.State == zeek.OTH
	}
	return !r.History.Has("SsHh")
}

// lifetime is the states of a socket over time, as far as known.
type lifetime struct {
	from  int64 // since when it is there, in nanoseconds since 1970, as all times here
	turn  int64 // until when it is in the state before
	gone  int64 // and from then in the state after until it is gone
	inode uint64

	before, after event.State // after is 0 if there is nothing after
	openEnd       bool        // the record lacks its end
}

// firstInode is that of the first connection. It grows with the connections,
// as a kernel's does.
const firstInode = 1 << 20

// lifetimeOf returns the lifetime of an end of a connection, seen by itself.
func (f *Fleet) lifetimeOf(e end) lifetime {
	r := &f.records[e.record()]
	l := lifetime{from: f.began(e.record()), turn: r.End(), inode: firstInode + uint64(e), before: event.Established}
	if kindOf(r) == attempt {
		l.before = event.SynSent
		l.turn = attemptEnd(r, r.Start)
		l.gone = l.turn
		return l
	}
	switch closers := closersOf(r); {
	case closers == neither:
		l.openEnd = true
		if later, ok := f.bridged[e.record()]; ok {
			l.turn = later
		}
	case closers == onlyOriginator && !e.responder(), closers == onlyResponder && e.responder():
		l.after = event.FinWait2
	case closers == onlyOriginator, closers == onlyResponder:
		l.after = event.CloseWait
	case closers == originatorFirst && !e.responder(), closers == responderFirst && e.responder():
		l.after = event.TimeWait
	}
	l.gone = l.turn
	if l.after != 0 {
		l.gone += timeWait
	}
	return l
}

// closers is the side that closed a connection.
type closers uint8

const (
	neither closers = iota // no end was seen
	reset                  // by either
	originatorFirst
	responderFirst
	onlyOriginator
	onlyResponder
)

func closersOf(r *zeek.Record) closers {
	originator, responder := r.History.Index('F'), r.History.Index('f')
	switch r.State {
	case zeek.RSTO, zeek.RSTR, zeek.RSTOS0, zeek.RSTRH, zeek.REJ:
		return reset
	case zeek.S2, zeek.SH:
		return onlyOriginator
	case zeek.S3, zeek.SHR:
		return onlyResponder
	case zeek.S1:
		return neither
	}
	// SF, OTH, or unknown. A reset also ends what is in TIME_WAIT, and its
	// sender has no socket there (tcp_timewait_state_process in
	// net/ipv4/tcp_minisocks.c).
	switch ended := r.State == zeek.SF || r.State == zeek.Unknown && r.History.Empty(); {
	case r.History.Has("Rr"):
		return reset
	case ended && responder >= 0 && (originator < 0 || responder < originator):
		return responderFirst
	case ended:
		return originatorFirst
	case originator < 0 && responder < 0:
		return neither
	case originator < 0:
		return onlyResponder
	case responder < 0:
		return onlyOriginator
	case responder < originator:
		return responderFirst
	}
	return originatorFirst
}

// state returns the socket's state at a time at which it is there.
func (l *lifetime) state(t int64) event.State {
	if t < l.turn {
		return l.before
	}
	return l.after
}

// due returns when its state changes next.
func (l *lifetime) due(t int64) int64 {
	if t < l.turn {
		return l.turn
	}
	return l.gone
}

// show sets the columns of a row at a time. It reports whether a timer runs.
func (l *lifetime) show(row *event.Socket, t int64) (ticking bool) {
	row.State = l.state(t)
	row.Timer, row.Retransmits, row.Remaining, row.Inode = event.TimerOff, 0, 0, l.inode
	switch row.State {
	case event.SynSent:
		retransmits, due := schedule(t - l.from)
		row.Timer, row.Retransmits, row.Remaining = event.TimerRetransmit, retransmits, ticks(l.from+due-t)
	case event.TimeWait, event.FinWait2:
		row.Timer, row.Remaining, row.Inode = event.TimerTimeWait, ticks(l.gone-t), 0
	default:
		return false
	}
	return true
}

// ticks returns a time in the kernel's USER_HZ, 1/100 s.
func ticks(d int64) uint32 { return uint32(max(d, 0) / int64(10*time.Millisecond)) }
