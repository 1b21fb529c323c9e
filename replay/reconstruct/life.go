package reconstruct

import (
	"time"

	"headstart/event"
	"headstart/replay/zeek"
)

// timeWait is how long a kernel waits: TCP_TIMEWAIT_LEN in include/net/tcp.h,
// and net.ipv4.tcp_fin_timeout unless it is changed.
const timeWait = int64(60 * time.Second)

// never is later than any poll.
const never = int64(1<<63 - 1)

// kind is what a record was to the kernels on its ends.
type kind uint8

const (
	ignored     kind = iota // nothing that can be told
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

// life is what becomes of a socket, as far as is known by now.
type life struct {
	from  int64 // since when it is there, in nanoseconds since 1970, as all times here
	turn  int64 // until when it is in the state before
	gone  int64 // and from then in the state after until it is gone
	inode uint64

	before, after event.State // after is 0 if there is nothing after
	openEnd       bool        // the record doesn't say that it ended
}

// firstInode is that of the first connection. It grows with the connections,
// as a kernel's does.
const firstInode = 1 << 20

// lifeOf returns the life of an end of a connection, seen by itself.
func (f *Fleet) lifeOf(e end) life {
	r := &f.records[e.record()]
	l := life{from: f.began(e.record()), turn: r.End(), inode: firstInode + uint64(e), before: event.Established}
	if kindOf(r) == attempt {
		l.before = event.SynSent
		l.turn = attemptEnd(r, r.Start)
		l.gone = l.turn
		return l
	}
	switch closers := closersOf(r); {
	case closers == nobody:
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

// closers is who closed a connection.
type closers uint8

const (
	nobody closers = iota // as far as was seen
	reset                 // no matter by whom
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
		return nobody
	}
	// SF, OTH, or unknown. A reset also ends what is in TIME_WAIT, and who
	// sends one has no socket there (tcp_timewait_state_process in
	// net/ipv4/tcp_minisocks.c).
	switch ended := r.State == zeek.SF || r.State == zeek.Unknown && r.History.Empty(); {
	case r.History.Has("Rr"):
		return reset
	case ended && responder >= 0 && (originator < 0 || responder < originator):
		return responderFirst
	case ended:
		return originatorFirst
	case originator < 0 && responder < 0:
		return nobody
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
func (l *life) state(t int64) event.State {
	if t < l.turn {
		return l.before
	}
	return l.after
}

// due returns when its state changes next.
func (l *life) due(t int64) int64 {
	if t < l.turn {
		return l.turn
	}
	return l.gone
}

// show sets what a row tells at a time. It reports whether a timer runs.
func (l *life) show(row *event.Socket, t int64) (ticking bool) {
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
