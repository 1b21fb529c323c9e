package condition

import (
	"time"

	"headstart/event"
)

// Observation is a change of a connection with what is known of its two ends.
type Observation struct {
	Connection *event.Connection // nil only for [Evaluator.Absent], of a silent host
	At         time.Time         // when it was observed, or of the heartbeat that shows it unchanged; event time
	Host       *Host             // that reported it; nil for an unknown host
	Peer       *Host             // that has the remote address; nil when no host that reports has it

	// Baseline says what is normal for the connection, or the listening
	// socket. It is called at most once, when a rule needs it that could hold for
	// all that is known without it. nil knows nothing.
	Baseline func(*event.Connection) Baseline

	// Fired says when a rule last fired about a host; nil: none ever has.
	Fired func(rule, host string) (time.Time, bool)
}

// peer is the host at the other end; a listening socket has no other end.
func (o *Observation) peer() *Host {
	if isListener(o.Connection) {
		return nil
	}
	return o.Peer
}

func isListener(c *event.Connection) bool {
	return c.Kind == event.Listening || c.Kind == event.StoppedListening
}

func hasEnded(c *event.Connection) bool {
	return c.Kind == event.Closed || c.Kind == event.StoppedListening
}

// isOpen is not all that was opened: what is first seen in TIME_WAIT is opened
// and closed in one step.
func isOpen(c *event.Connection) bool { return c.Kind == event.Opened && !c.Over() }

// Lasts reports whether a connection, attempt or listening socket is still
// there, so that it can get older.
func Lasts(c *event.Connection) bool {
	return isOpen(c) || c.Kind == event.Attempted || c.Kind == event.Listening
}

func isLoopback(c *event.Connection) bool {
	return c.Local.Hi == 0 && (c.Local.Lo == 1 || c.Local.Lo>>24 == 0xffff7f) ||
		!isListener(c) && c.Local == c.Remote
}

func AgeOf(c *event.Connection, at time.Time) (age Age) {
	age.Min, age.Max = c.Age(at)
	return age
}

// baseline is what is normal for the connection. Where nothing is known, both
// ends are learning.
func (o *Observation) baseline() Baseline {
	if o.Baseline == nil || o.Connection == nil {
		return Baseline{Host: LearningHost{true}, Peer: LearningHost{true}}
	}
	return o.Baseline(o.Connection)
}

// change is the observation as the conditions see it.
func (o *Observation) change(internal *NetworkSet) Change {
	c := o.Connection
	if c == nil {
		env := Change{Now: o.At, fired: o.Fired}
		if o.Host != nil {
			env.Host = *o.Host
		}
		return env
	}
	weekday, hour := weekdayAndHour(c.OpenedBefore)
	env := Change{
		fired: o.Fired,
		Now:   o.At,
		Conn: Conn{
			Event:         c.Kind.String(),
			Direction:     c.Direction.String(),
			DirectionFrom: c.DirectionFrom.String(),
			Local:         c.Local,
			Peer:          c.Remote,
			Port:          int(c.ServicePort()),
			LocalPort:     int(c.LocalPort),
			PeerPort:      int(c.RemotePort),
			State:         c.State.String(),
			Age:           AgeOf(c, o.At),
			weekday:       weekday,
			began:         c.OpenedBefore,
			hour:          hour,
			Attempted:     c.Kind == event.Attempted,
			Open:          isOpen(c),
			Closed:        hasEnded(c),
			Reason:        c.Reason.String(),
			BeganBefore:   c.BeganBefore(),
			UID:           int(c.UID),
			Retransmits:   int(c.Retransmits),
			Loopback:      isLoopback(c),
		},
	}
	if o.Host != nil {
		env.Host = *o.Host
	}
	if isListener(c) {
		return env
	}
	env.Peer.Internal = internal.Has(c.Remote)
	env.Peer.External = !env.Peer.Internal
	if peer := o.peer(); peer != nil {
		env.Peer.Name, env.Peer.Roles, env.Peer.Known = peer.Name, peer.Roles, peer.Reports
	}
	return env
}
