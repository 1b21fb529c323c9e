// Package heartbeat tells which hosts have fallen silent. Each host's snapshots
// come at an interval; when none has come for a while the host is late, and
// when none comes for longer it is gone. It is a pure state machine: snapshots
// and the stream's time in, changes out.
//
// It guarantees:
//   - A host is late after 3 of its intervals, at least 2 minutes, without a
//     snapshot, and gone after 20, at least 15 minutes. Each stage is reported
//     once, and so is that the host is back.
//   - A silence of one of the lengths that are asked for ([Presence.Ask]) is
//     reported once, when it is reached and the host is late.
//   - Time is event time: the largest that any host has reported. When nobody
//     reports, it stands still, and nobody is accused. When it then goes on with a
//     leap, of more than 2 minutes and twice the interval of the host that goes
//     on, the leap counts for nobody.
//   - The changes of one call are in a fixed order: who is back, then by the
//     time at which a stage was due, then by name.
//   - A host that has been silent for [Expiry] is forgotten. There is a cap on
//     hosts: beyond it those that were gone longest are forgotten, and if none is
//     gone a new host is refused, and counted.
//
// What it can't tell: snapshots that wait in the spools of all pollers while the
// stream is away come in the order in which the pollers find back to it. The
// first to empty its spool moves the time on, and the others are late until
// theirs have come.
//
// A host takes about 200 bytes. A snapshot costs a look into a map; the hosts
// are looked at when one of them is due.
package heartbeat

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"
)

// Expiry is how long a silent host is remembered.
const Expiry = 30 * 24 * time.Hour

// DefaultHosts is how many hosts are remembered, unless said otherwise.
const DefaultHosts = 200_000

// maxInterval bounds what a host says of its interval: one of a year would never
// be late.
const maxInterval = time.Hour

// Stage is how long a host has been silent.
type Stage uint8

// The stages, in order.
const (
	Present Stage = iota
	Late
	Gone
)

// String returns the name in lower case.
func (s Stage) String() string { return [...]string{"present", "late", "gone"}[s] }

// Change is that a host has come to another stage, or has been silent for one of
// the lengths that are asked for. One that is back is Present.
type Change struct {
	Host     string
	Stage    Stage
	Silence  time.Duration // that the silence has reached; 0: the stage is another
	Since    time.Time     // of the host's last snapshot; of the first again, when it is back
	At       time.Time     // the stream's time
	Interval time.Duration
}

// Monitor knows who is present. One goroutine uses it at a time.
type Monitor struct {
	most      int
	hosts     map[string]*host
	queue     queue
	now       int64 // the largest event time, nanoseconds since 1970, as all times here
	moved     int64 // how far time has come without leaps
	leap      struct{ from, to int64 }
	pace      time.Duration // interval of the host that was heard last
	back      []Change
	silent    map[string]*host
	gone      int
	refused   int
	durations []time.Duration // that are asked for, the shortest first
}

// host is one host. Its time is that without leaps.
type host struct {
	name     string
	last     int64 // event time of its last snapshot
	heard    int64
	interval time.Duration
	stage    Stage
	told     time.Duration // the longest length of this silence that is reported
	due      int64         // not later than there is something to report
	place    int           // in the queue
}

// New returns a presence of at most so many hosts; 0: DefaultHosts.
func New(most int) *Monitor {
	if most <= 0 {
		most = DefaultHosts
	}
	return &Monitor{most: most, hosts: map[string]*host{}, silent: map[string]*host{}}
}

// lateAfter and goneAfter are for how long a host is silent before that is said.
func lateAfter(interval time.Duration) int64 { return int64(max(3*interval, 2*time.Minute)) }
func goneAfter(interval time.Duration) int64 { return int64(max(20*interval, 15*time.Minute)) }

// Observe says that a host has reported a snapshot of a time, and its interval.
func (p *Monitor) Observe(name string, at time.Time, interval time.Duration) {
	when := nanoseconds(at)
	interval = min(max(interval, 0), maxInterval)
	p.pace = interval
	p.move(when)
	h := p.hosts[name]
	if h == nil {
		if len(p.hosts) >= p.most && !p.makeRoom() {
			p.refused++
			return
		}
		h = &host{name: strings.Clone(name), last: when, heard: p.without(when), interval: interval}
		p.hosts[h.name] = h
		h.due = h.heard + lateAfter(interval)
		heap.Push(&p.queue, h)
		return
	}
	if when < h.last {
		return
	}
	sooner := lateAfter(interval) < lateAfter(h.interval)
	h.last, h.heard, h.interval = when, max(h.heard, p.without(when)), interval
	if h.stage != Present && p.moved-h.heard < lateAfter(interval) {
		p.setStage(h, Present)
		p.back = append(p.back, Change{Host: h.name, Since: timeAt(when), At: timeAt(p.now), Interval: interval})
		sooner = true
	}
	if sooner {
		// The queue may hold a later moment: that of another stage or interval.
		h.due = h.heard + lateAfter(interval)
		p.queue.fix(h)
	}
}

// Advance says that the stream has come to a time, and returns who is back, late
// or gone since the last call.
func (p *Monitor) Advance(now time.Time) []Change {
	p.move(nanoseconds(now))
	changes := p.back
	p.back = nil
	returned := len(changes)
	var due []int64
	for len(p.queue) > 0 && p.queue[0].due <= p.moved {
		h := p.queue[0]
		for stage := h.stage + 1; stage <= Gone && p.moved >= h.deadline(stage); stage++ {
			p.setStage(h, stage)
			due = append(due, h.deadline(stage))
			changes = append(changes, p.change(h))
		}
		for length := p.asked(h); length > 0 && p.moved >= h.reaches(length); length = p.asked(h) {
			h.told = length
			due = append(due, h.reaches(length))
			change := p.change(h)
			change.Silence = length
			changes = append(changes, change)
		}
		if p.moved >= h.heard+int64(Expiry) {
			p.forget(h)
			heap.Pop(&p.queue)
			continue
		}
		h.due = p.next(h)
		heap.Fix(&p.queue, 0)
	}
	sortByDue(changes[returned:], due)
	return changes
}

// Watch says of which lengths silences are reported. One that is reached when it is
// first asked for is reported with the next Advance.
func (p *Monitor) Watch(lengths ...time.Duration) {
	p.durations = slices.Compact(slices.Sorted(slices.Values(lengths)))
	for _, h := range p.silent {
		h.due = p.next(h)
		p.queue.fix(h)
	}
}

// asked returns the next length that a host's silence can reach; 0: there is
// none, or the host isn't late.
func (p *Monitor) asked(h *host) time.Duration {
	if h.stage == Present {
		return 0
	}
	for _, length := range p.durations {
		if length > h.told {
			return length
		}
	}
	return 0
}

// reaches is when a host's silence reaches a length; who is not yet late is not
// silent.
func (h *host) reaches(length time.Duration) int64 {
	return h.heard + max(int64(length), lateAfter(h.interval))
}

// next is when there will be something to report of a host.
func (p *Monitor) next(h *host) int64 {
	next := h.deadline(h.stage + 1)
	if length := p.asked(h); length > 0 {
		next = min(next, h.reaches(length))
	}
	return next
}

// Silent returns the hosts that are late or gone, by name: each with its last
// change, of which only At is the present time.
func (p *Monitor) Silent() []Change {
	all := make([]Change, 0, len(p.silent))
	for _, h := range p.silent {
		all = append(all, p.change(h))
	}
	slices.SortFunc(all, func(a, b Change) int { return cmp.Compare(a.Host, b.Host) })
	return all
}

// Len returns how many hosts are known, and how many were refused for the cap.
func (p *Monitor) Len() (hosts, refused int) { return len(p.hosts), p.refused }

func (p *Monitor) change(h *host) Change {
	return Change{Host: h.name, Stage: h.stage, Since: timeAt(h.last), At: timeAt(p.now), Interval: h.interval}
}

// deadline is when a stage begins; after the last one, when the host is
// forgotten.
func (h *host) deadline(stage Stage) int64 {
	switch stage {
	case Late:
		return h.heard + lateAfter(h.interval)
	case Gone:
		return h.heard + goneAfter(h.interval)
	}
	return h.heard + int64(Expiry)
}

func (p *Monitor) setStage(h *host, stage Stage) {
	if h.stage == Gone {
		p.gone--
	}
	if stage == Gone {
		p.gone++
	}
	h.stage = stage
	if stage == Present {
		h.told = 0
		delete(p.silent, h.name)
	} else {
		p.silent[h.name] = h
	}
}

func (p *Monitor) forget(h *host) {
	p.setStage(h, Present)
	delete(p.hosts, h.name)
}

// makeRoom forgets hosts that are gone, those first that are longest.
func (p *Monitor) makeRoom() bool {
	if p.gone == 0 {
		return false
	}
	gone := make([]*host, 0, p.gone)
	for _, h := range p.silent {
		if h.stage == Gone {
			gone = append(gone, h)
		}
	}
	slices.SortFunc(gone, func(a, b *host) int { return cmp.Or(cmp.Compare(a.heard, b.heard), cmp.Compare(a.name, b.name)) })
	for _, h := range gone[:min(p.most/32+1, len(gone))] {
		p.forget(h)
		p.queue.remove(h)
	}
	return true
}
