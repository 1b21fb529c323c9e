// Package pairing pairs the reports of a connection's two ends. When both ends are
// monitored and only one reports the connection, it is unpaired: a hidden socket,
// a poller that was tampered with or lags, an address that is translated on the
// way. It is a pure state machine: peer reports and heartbeats in, unpaired
// connections out.
//
// It guarantees:
//   - A connection is unpaired when the other end has taken three snapshots
//     while it was surely open, with [Margin] to spare on both sides, and none
//     until the third of them has shown the connection, open or not. Surely open
//     is from its OpenedBefore to its SeenUntil, which moves with the heartbeats
//     of the host that shows it. So what is over sooner never is unpaired, nor
//     what the other end has shown once and no longer does.
//   - It is reported once, with the message that proves it.
//   - The messages of one host come in order, and of each snapshot the reports
//     before the heartbeat. In which order the messages of different hosts come
//     changes nothing about what is reported, as long as none is more than
//     [Lateness] behind.
//   - Two reports are of one connection if they have the same ends and neither
//     was certainly over, by [Margin], before the other began.
//   - Everything is bounded ([Limits]). What there is no room for is counted, and
//     no connection is unpaired for it. What is over, and an attempt, is kept
//     for [Lateness] and a minute; a host without a message for a day is
//     forgotten.
//
// Attempts are never unpaired: a SYN can get lost. A connection that both ends hide
// can't be detected.
//
// A connection takes about 250 bytes for each report, 300 more until it is paired,
// and a host about 2,300.
package pairing

import (
	"time"

	"headstart/event"
)

const (
	// Margin is by how much clocks differ at most, as far as is corrected.
	Margin = 2 * time.Second

	// Lateness is by how much a host's messages may be behind those of others.
	Lateness = 5 * time.Minute

	retention  = Lateness + time.Minute
	silence    = 24 * time.Hour
	needed     = 3 // snapshots
	sweepEvery = 10 * time.Minute
)

// Report is a change of a connection between two monitored hosts, as one of
// them saw it.
type Report struct {
	Host, Peer string           // that reports it, and the other end
	Connection event.Connection // all times on the stream's clock
	At         time.Time        // of the snapshot, on that clock
}

// Unpaired is a connection that one end reports and the other doesn't.
type Unpaired struct {
	Host, Peer   string
	Connection   event.Connection // as Host shows it
	Since, Until time.Time        // the first and the last of three snapshots of Silent without it
	At           time.Time        // of the snapshot that proves it
}

// Limits bound what is remembered. Those that are zero have their default.
type Limits struct {
	Reports        int // 500,000
	ReportsPerHost int // 100,000
	Hosts          int // 100,000
}

// Pairs holds the peer reports. One goroutine uses it at a time.
type Pairs struct {
	limits   Limits
	hosts    map[string]*host
	links    map[ends]*link
	reports  int
	number   uint64 // of the last report
	clock    int64  // the largest heartbeat, nanoseconds since 1970, as all times here
	swept    int64
	rejected int
}

// New returns pairs without reports.
func New(limits Limits) *Pairs {
	for _, d := range []struct {
		to *int
		is int
	}{{&limits.Reports, 500_000}, {&limits.ReportsPerHost, 100_000}, {&limits.Hosts, 100_000}} {
		if *d.to <= 0 {
			*d.to = d.is
		}
	}
	return &Pairs{limits: limits, hosts: map[string]*host{}, links: map[ends]*link{}}
}

// Report takes a change that a host reports, and returns what it proves.
func (w *Pairs) Report(r *Report) []Unpaired {
	c := &r.Connection
	if c.Kind != event.Opened && c.Kind != event.Closed && c.Kind != event.Attempted || r.Host == r.Peer {
		return nil
	}
	key := endsOf(c)
	one := w.links[key].find(r.Host, c.ID)
	if one == nil && c.Kind != event.Closed {
		one = w.add(r)
	}
	if one == nil {
		return nil // there was no room for it, or it was forgotten
	}
	one.host.activeAt = w.clock
	if c.Kind == event.Closed {
		return w.end(one, c)
	}
	var proved []Unpaired
	if c.Kind == event.Opened && one.stage == attempted {
		proved = w.begin(one, c)
	}
	one.link.shown(one)
	return proved
}

// Heartbeat takes the time of a host's snapshot, whose reports have all come, and
// returns what that proves.
func (w *Pairs) Heartbeat(name string, at time.Time) (proved []Unpaired) {
	when := event.Nanoseconds(at)
	h := w.host(name)
	if h == nil || when <= h.last {
		return nil
	}
	h.beat(when)
	w.clock = max(w.clock, when)
	h.activeAt = w.clock
	for _, one := range h.pending.reports {
		if one.stage == pending && one.count(when) {
			proved = append(proved, w.judge(one)...)
		}
	}
	h.pending.keep(pending)
	for _, one := range h.unseen.reports {
		if one.stage == unseen && when >= one.third+int64(Margin) {
			proved = append(proved, one.prove())
		}
	}
	h.unseen.keep(unseen)
	w.expire(h)
	if w.clock-w.swept >= int64(sweepEvery) {
		w.sweep()
	}
	return proved
}

// Reset forgets the open connections of a host that the tracker has forgotten: their
// ends will never be reported.
func (w *Pairs) Reset(name string) {
	w.removeAll(func(one *report) bool { return one.host.name == name && !one.over })
}

// Len returns how many reports are remembered, and how many there was no room
// for.
func (w *Pairs) Len() (reports, refused int) { return w.reports, w.rejected }
