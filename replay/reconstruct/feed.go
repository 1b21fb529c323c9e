package reconstruct

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sort"
	"time"

	"headstart/event"
	"headstart/replay/zeek"
)

// HostFeed is one host's snapshots, in order. It serves one goroutine.
type HostFeed struct {
	fleet  *Fleet
	host   *host
	ends   []end // that begin after the last poll
	random *rand.Rand
	poll   int64 // when the next one is
	until  int64
	boot   int64

	table, spare sockets
	arrivals     arrivals
	due          int64 // when a socket's state changes next
	ticking      bool  // a timer runs

	snapshot event.Snapshot
}

// sockets are rows by key and the lifetime of each.
type sockets struct {
	rows      []event.Socket
	lifetimes []lifetime
}

func (s *sockets) reset() { s.rows, s.lifetimes = s.rows[:0], s.lifetimes[:0] }

func (s *sockets) add(row *event.Socket, l *lifetime) {
	s.rows = append(s.rows, *row)
	s.lifetimes = append(s.lifetimes, *l)
}

// Feeds returns a feed of each host, in the order of Hosts. Each call returns
// new ones, which begin at the beginning.
func (f *Fleet) Feeds() []*HostFeed {
	feeds := make([]*HostFeed, len(f.hosts))
	for i := range f.hosts {
		feeds[i] = f.feed(&f.hosts[i])
	}
	return feeds
}

func (f *Fleet) feed(h *host) *HostFeed {
	seed := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, f.seed), h.name...))
	word := func(i int) uint64 { return binary.BigEndian.Uint64(seed[8*i:]) }
	from := f.From.UnixNano()
	feed := &HostFeed{
		fleet: f, host: h, ends: h.ends,
		random: rand.New(rand.NewPCG(word(0), word(1))),
		poll:   from + int64(word(2)%uint64(f.interval)),
		until:  f.Until.UnixNano(),
		boot:   min(from, f.records[0].Start) - int64(24*time.Hour) - int64(word(3)%uint64(30*24*time.Hour)),
		due:    never,
	}
	for i := range h.listens {
		feed.table.add(&h.listens[i], &lifetime{from: feed.boot, turn: never, gone: never, inode: h.listens[i].Inode, before: event.Listen})
	}
	feed.snapshot = event.Snapshot{
		Host: h.name, BootID: bootID(seed), Run: hex.EncodeToString(seed[:6]), Interval: f.interval,
		Addresses: h.addresses, Roles: h.roles,
		EphemeralLow: ephemeralLow, EphemeralHigh: ephemeralHigh, Part: 1, Parts: 1,
	}
	return feed
}

// bootID has the form of a kernel's: a random UUID.
func bootID(seed [32]byte) string {
	b := sha256.Sum256(seed[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Host returns the host's name.
func (h *HostFeed) Host() string { return h.host.name }

// NextAt returns the time of the next snapshot, in nanoseconds since 1970, and
// false after the last one.
func (h *HostFeed) NextAt() (int64, bool) { return h.poll, h.poll <= h.until }

// Next takes the next snapshot, nil after the last one. It and its sockets are
// valid, and must not be changed, until the next call; its addresses and roles
// stay valid.
func (h *HostFeed) Next() *event.Snapshot {
	if h.poll > h.until {
		return nil
	}
	s := h.At(h.poll)
	h.poll += h.jitter()
	return s
}

// At takes a snapshot at a given time, in nanoseconds since 1970, later than that
// of the one before. It is valid like that of Next.
func (h *HostFeed) At(t int64) *event.Snapshot {
	h.advance(t)
	s := &h.snapshot
	s.Sequence++
	s.TakenAt, s.Uptime = time.Unix(0, t).UTC(), time.Duration(t-h.boot)
	s.Sockets = h.table.rows
	return s
}

// jitter returns the time to the next poll: the interval, give or take a fifth at
// random, as the poller does.
func (h *HostFeed) jitter() int64 {
	d := int64(h.fleet.interval)
	return d - d/5 + h.random.Int64N(2*d/5+1)
}

// arrival is an end of a connection that began since the last poll.
type arrival struct {
	row event.Socket // its key
	end end
}

type arrivals []arrival

func (a *arrivals) Len() int      { return len(*a) }
func (a *arrivals) Swap(i, j int) { (*a)[i], (*a)[j] = (*a)[j], (*a)[i] }

func (a *arrivals) Less(i, j int) bool {
	one, other := &(*a)[i], &(*a)[j]
	if c := one.row.CompareKey(&other.row); c != 0 {
		return c < 0
	}
	return one.end < other.end
}

// arrive collects what began until a time, by key and start.
func (h *HostFeed) arrive(t int64) {
	h.arrivals = h.arrivals[:0]
	for len(h.ends) > 0 {
		e := h.ends[0]
		if h.fleet.began(e.record()) > t {
			break
		}
		h.arrivals = append(h.arrivals, arrival{rowOf(&h.fleet.records[e.record()], e.responder()), e})
		h.ends = h.ends[1:]
	}
	if len(h.arrivals) > 1 {
		sort.Sort(&h.arrivals)
	}
}

func rowOf(r *zeek.Record, responder bool) event.Socket {
	if responder {
		return event.Socket{Local: r.Responder, LocalPort: r.ResponderPort, Remote: r.Originator, RemotePort: r.OriginatorPort}
	}
	return event.Socket{Local: r.Originator, LocalPort: r.OriginatorPort, Remote: r.Responder, RemotePort: r.ResponderPort}
}

// advance brings the table to a time. Between most polls nothing happens on most
// hosts, so unchanged sockets cost nothing.
func (h *HostFeed) advance(t int64) {
	h.arrive(t)
	switch {
	case len(h.arrivals) > 0 || t >= h.due || h.snapshot.Sequence == 0:
		h.merge(t)
	case h.ticking:
		for i := range h.table.rows {
			if row := &h.table.rows[i]; row.Timer != event.TimerOff {
				h.table.lifetimes[i].show(row, t)
			}
		}
	}
}

// merge walks the present sockets and the new ones.
func (h *HostFeed) merge(t int64) {
	old, came := &h.table, h.arrivals
	h.spare.reset()
	h.due, h.ticking = never, false
	i, j := 0, 0
	for i < len(old.rows) || j < len(came) {
		order := -1
		if i == len(old.rows) {
			order = 1
		} else if j < len(came) {
			order = old.rows[i].CompareKey(&came[j].row)
		}
		if order < 0 {
			h.keep(&old.rows[i], &old.lifetimes[i], t)
			i++
			continue
		}
		var l lifetime
		row := &came[j].row
		if order == 0 {
			row, l = &old.rows[i], old.lifetimes[i]
			i++
		}
		key := &came[j].row
		for ; j < len(came) && came[j].row.CompareKey(key) == 0; j++ {
			l = h.fleet.succeed(&l, came[j].end)
		}
		h.keep(row, &l, t)
	}
	h.table, h.spare = h.spare, h.table
}

// keep puts a socket into the new table, if it is still there.
func (h *HostFeed) keep(row *event.Socket, l *lifetime, t int64) {
	if t >= l.gone {
		return
	}
	h.spare.add(row, l)
	now := &h.spare.rows[len(h.spare.rows)-1]
	if l.show(now, t) {
		h.ticking = true
	}
	h.due = min(h.due, l.due(t))
}

// doubled bounds the time between two records of one connection that two sensors
// of Zeek saw.
const doubled = second

// succeed returns the lifetime of a socket, if there is one, after a connection
// that begins on its addresses and ports.
func (f *Fleet) succeed(l *lifetime, e end) lifetime {
	n := f.lifetimeOf(e)
	r := &f.records[e.record()]
	if l.before == 0 || n.from > l.gone {
		return n
	}
	switch {
	case l.before == event.SynSent:
		// Zeek ends a record 5 s after a SYN without an answer
		// (tcp_attempt_delay). What comes next is the same socket's next SYN,
		// or its answer.
		n.from, n.inode = l.from, l.inode
		if n.before == event.SynSent {
			n.turn = attemptEnd(r, n.from)
			n.gone = n.turn
		}
	case l.openEnd && midstream(r):
		n.from, n.inode = l.from, l.inode
	case midstream(r) && l.state(n.from) == event.TimeWait:
		return *l // a late packet: only a SYN begins another connection
	case n.from-l.from < doubled && n.before == l.before && n.gone <= l.gone:
		return *l
	}
	return n
}
