// Package heartbeat detects hosts that have stopped sending snapshots. It is a
// pure state machine: snapshots and the stream's time in, silences out.
//
// It guarantees:
//   - A silence is reported once for each watched duration ([Monitor.Watch]),
//     when it reaches that duration and has lasted at least 3 of the host's
//     intervals and 2 minutes. A snapshot that is younger than that ends it.
//   - Time is event time: the largest time that any host has reported. While no
//     host reports, time stands still and no silence grows. When time then jumps
//     by more than 2 minutes and twice the interval of the host that reports
//     first, the jump counts for no host.
//   - The silences of one call are in a fixed order: by the time at which they
//     were due, then by host, then by duration.
//   - A host that has been silent for [expiry] is forgotten. There is a cap on
//     hosts: beyond it the hosts that have been silent for longest are forgotten,
//     if they have been for 20 intervals and 15 minutes. Without any such host a
//     new one is rejected, and counted.
//
// Limitation: snapshots that wait in the spools of all pollers while the stream
// is away arrive in the order in which the pollers reconnect. The first poller
// to empty its spool moves the time on, and the others are late until theirs
// have arrived.
//
// A host takes about 200 bytes. A snapshot costs a map look-up; a host is
// examined when it is due.
package heartbeat

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"

	"headstart/event"
)

// expiry is how long a silent host is remembered.
const expiry = 30 * 24 * time.Hour

// defaultHosts is the cap on hosts.
const defaultHosts = 200_000

// maxInterval bounds the interval that a host reports: a host with an interval
// of a year would never be late.
const maxInterval = time.Hour

// Silence is a host that has sent no snapshot for a watched duration.
type Silence struct {
	Host     string
	Duration time.Duration // the watched duration
	Since    time.Time     // of the host's last snapshot
	At       time.Time     // the stream's time
}

// Monitor holds the last snapshot of each host. One goroutine uses it at a time.
type Monitor struct {
	limit     int
	hosts     map[string]*host
	queue     queue
	now       int64 // the largest event time, nanoseconds since 1970, as all times here
	moved     int64 // how far time has come without jumps
	jump      struct{ from, to int64 }
	interval  time.Duration // of the host that reported last
	gone      int           // hosts that make room for others
	rejected  int
	durations []time.Duration // watched, the shortest first
}

// host is one host. Its time is that without jumps.
type host struct {
	name     string
	last     int64 // event time of its last snapshot
	seen     int64
	interval time.Duration
	gone     bool
	reported time.Duration // the longest duration of this silence that was reported
	due      int64         // there is nothing to report before
	place    int           // in the queue
}

// New returns a monitor of at most limit hosts; 0: 200,000.
func New(limit int) *Monitor {
	if limit <= 0 {
		limit = defaultHosts
	}
	return &Monitor{limit: limit, hosts: map[string]*host{}}
}

// lateAfter is when a host begins to be silent, goneAfter when it makes room
// for others.
func lateAfter(interval time.Duration) int64 { return int64(max(3*interval, 2*time.Minute)) }
func goneAfter(interval time.Duration) int64 { return int64(max(20*interval, 15*time.Minute)) }

// Observe takes a host's snapshot and its interval.
func (m *Monitor) Observe(name string, at time.Time, interval time.Duration) {
	when := event.Nanoseconds(at)
	interval = min(max(interval, 0), maxInterval)
	m.interval = interval
	m.move(when)
	h := m.hosts[name]
	if h == nil {
		if len(m.hosts) >= m.limit && !m.makeRoom() {
			m.rejected++
			return
		}
		h = &host{name: strings.Clone(name), last: when, seen: m.without(when), interval: interval}
		m.hosts[h.name] = h
		h.due = m.next(h)
		heap.Push(&m.queue, h)
		return
	}
	if when < h.last {
		return
	}
	h.last, h.seen, h.interval = when, max(h.seen, m.without(when)), interval
	if m.moved-h.seen < lateAfter(interval) {
		h.reported = 0
		m.setGone(h, false)
	}
	// The queue may hold a later time: that of a longer silence or interval.
	if next := m.next(h); next < h.due {
		h.due = next
		m.queue.fix(h)
	}
}

// Advance moves the stream's time on and returns the silences that have reached
// a watched duration since the last call.
func (m *Monitor) Advance(now time.Time) (silences []Silence) {
	m.move(event.Nanoseconds(now))
	var due []int64
	for len(m.queue) > 0 && m.queue[0].due <= m.moved {
		h := m.queue[0]
		if m.moved >= h.seen+goneAfter(h.interval) {
			m.setGone(h, true)
		}
		for duration := m.pending(h); duration > 0 && m.moved >= h.reaches(duration); duration = m.pending(h) {
			h.reported = duration
			due = append(due, h.reaches(duration))
			silences = append(silences, Silence{Host: h.name, Duration: duration, Since: event.TimeAt(h.last), At: event.TimeAt(m.now)})
		}
		if m.moved >= h.seen+int64(expiry) {
			m.forget(h)
			continue
		}
		h.due = m.next(h)
		heap.Fix(&m.queue, 0)
	}
	sortByDue(silences, due)
	return silences
}

// Watch sets the durations of silences to report. One that is reached already
// is reported with the next Advance.
func (m *Monitor) Watch(durations ...time.Duration) {
	m.durations = slices.Compact(slices.Sorted(slices.Values(durations)))
	for _, h := range m.hosts {
		h.due = m.next(h)
		m.queue.fix(h)
	}
}

// pending returns the next duration that a host's silence can reach; 0: none.
func (m *Monitor) pending(h *host) time.Duration {
	for _, duration := range m.durations {
		if duration > h.reported {
			return duration
		}
	}
	return 0
}

// reaches is when a host's silence reaches a duration. A host that isn't late
// isn't silent.
func (h *host) reaches(duration time.Duration) int64 {
	return h.seen + max(int64(duration), lateAfter(h.interval))
}

// next is when a host has to be examined again.
func (m *Monitor) next(h *host) int64 {
	next := h.seen + int64(expiry)
	if !h.gone {
		next = min(next, h.seen+goneAfter(h.interval))
	}
	if duration := m.pending(h); duration > 0 {
		next = min(next, h.reaches(duration))
	}
	return next
}

// Len returns the number of hosts, and how many were rejected for the cap.
func (m *Monitor) Len() (hosts, rejected int) { return len(m.hosts), m.rejected }

func (m *Monitor) setGone(h *host, gone bool) {
	if h.gone == gone {
		return
	}
	if h.gone = gone; gone {
		m.gone++
	} else {
		m.gone--
	}
}

func (m *Monitor) forget(h *host) {
	m.setGone(h, false)
	delete(m.hosts, h.name)
	m.queue.remove(h)
}

// makeRoom forgets hosts that are gone, the longest silent first.
func (m *Monitor) makeRoom() bool {
	if m.gone == 0 {
		return false
	}
	gone := make([]*host, 0, m.gone)
	for _, h := range m.hosts {
		if h.gone {
			gone = append(gone, h)
		}
	}
	slices.SortFunc(gone, func(a, b *host) int { return cmp.Or(cmp.Compare(a.seen, b.seen), cmp.Compare(a.name, b.name)) })
	for _, h := range gone[:min(m.limit/32+1, len(gone))] {
		m.forget(h)
	}
	return true
}
