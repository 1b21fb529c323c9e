// Package reconstruct computes the snapshots that each monitored host's kernel
// would have shown of the connections in Zeek's conn.log: whole tables of sockets,
// poll by poll. It is pure; the same records, options and seed give the same
// snapshots.
//
//	fleet, err := reconstruct.Build(log.Records, reconstruct.Options{Inventory: inventory})
//	for snapshot := range reconstruct.Merge(fleet.Feeds()) {
//		comparer.Apply(tables[snapshot.Host], snapshot, 0, &changes)
//	}
//
// Feeds are independent: each can be read by its own goroutine, if the snapshots
// are put in order of time again.
//
// # The content of a table
//
//   - A connection is ESTABLISHED on both ends from its first packet to its
//     last. Ended in order, it is in TIME_WAIT for 60 s on the side that sent
//     the first FIN by Zeek's history (without one: the originator), with the
//     timer, no inode and no uid. Reset, it leaves nothing.
//   - Closed by one side only (S2, S3), it is an orphan in FIN_WAIT2 there and
//     in CLOSE_WAIT on the other side, both for 60 s after the last packet: the
//     log lacks how long the other program really took.
//   - Without the beginning (OTH and others), it is there for its duration if
//     both sides spoke; in the log's first five minutes, since the log began. A
//     connection that Zeek gave up for its silence, and that continues without a
//     SYN within a day, was there all the time.
//   - A SYN without an answer is in SYN_SENT on the originator, with retransmits
//     and timer by Linux's schedule (tcp_syn_retries 6), until the next one
//     would have been due and wasn't seen; 127 s if the log lacks it.
//     What Zeek logs as several attempts of one socket is one. A refused one is
//     there for its round trip. The responder shows neither.
//   - A host listens from the beginning on every port that accepts a connection
//     in the log.
//   - The uid is 0 throughout: a network doesn't show it. So are the states of
//     a handshake and a close while packets are on their way, which a poll
//     practically never sees.
package reconstruct

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"headstart/detect/inventory"
	"headstart/event"
	"headstart/replay/zeek"
)

// Defaults of Options.
const (
	DefaultInterval = 30 * time.Second
	defaultMaxHosts = 1000
)

// maxPolls bounds the number of snapshots, such as of a log with a wrong clock.
const maxPolls = 1_000_000_000

// Options define the monitored hosts and their polls.
type Options struct {
	// Inventory says which hosts are monitored. Without one, every private
	// address that sent a packet is a host of that name.
	Inventory *inventory.Inventory

	// MaxHosts bounds the hosts found without an inventory, those with the most
	// connections first; 1000 if zero.
	MaxHosts int

	Interval time.Duration // between two polls, 100 ms to 24 h; DefaultInterval if zero
	Seed     uint64        // of the polls' jitter

	// From and Until bound the polls. Zero are the first connection's beginning,
	// and so long after the last one's end that each host is polled once more;
	// but what lasts for more than an hour after the last one began is not
	// waited for.
	From, Until time.Time
}

// Fleet is the monitored hosts and their connections.
type Fleet struct {
	Hosts []string // names, sorted

	// From and Until are when hosts are polled first and last, but for the
	// jitter.
	From, Until time.Time

	// Unmonitored connections have no monitored host on either end. Ignored
	// ones do not show whether there was a connection.
	Unmonitored, Ignored int

	// LeftOut counts the hosts beyond MaxHosts, Unlistened the ports beyond the
	// maximum of a host.
	LeftOut, Unlistened int

	records  []zeek.Record
	bridged  map[uint32]int64 // until when a record's connection is there, if not its end
	early    map[uint32]bool  // records whose connection was there when the log began
	hosts    []host
	interval time.Duration
	seed     uint64
}

// host is a monitored one.
type host struct {
	name      string
	addresses []event.Address
	roles     []string
	ends      []end // of connections, as they began
	listens   []event.Socket
}

// end is one end of a connection: the index of its record, times two, and one
// more for the responder.
type end uint32

func (e end) record() uint32  { return uint32(e) >> 1 }
func (e end) responder() bool { return e&1 == 1 }

// maxRecords is the number of records that an end can index.
const maxRecords = 1 << 30

// Build assigns connections to hosts. The records are sorted by Start, as
// zeek.Read returns them, and must not change while the Fleet is used.
func Build(records []zeek.Record, o Options) (*Fleet, error) {
	if o.Interval == 0 {
		o.Interval = DefaultInterval
	}
	if o.MaxHosts == 0 {
		o.MaxHosts = defaultMaxHosts
	}
	f := &Fleet{records: records, interval: o.Interval, seed: o.Seed}
	switch {
	case len(records) == 0:
		return nil, errors.New("no TCP connection to build tables from")
	case len(records) > maxRecords:
		return nil, fmt.Errorf("%d connections, more than %d", len(records), maxRecords)
	case o.Interval < 100*time.Millisecond || o.Interval > 24*time.Hour:
		return nil, fmt.Errorf("interval %s: want 100ms to 24h", o.Interval)
	case o.MaxHosts < 0:
		return nil, fmt.Errorf("at most %d hosts: want more than zero", o.MaxHosts)
	}
	f.bound(o)
	at, err := f.findHosts(o)
	if err != nil {
		return nil, err
	}
	if polls := int64(f.Until.Sub(f.From)/o.Interval) * int64(len(f.hosts)); polls > maxPolls {
		return nil, fmt.Errorf("%d hosts every %s from %s to %s are %d snapshots, more than %d; choose a shorter time, or check the log for a wrong clock",
			len(f.hosts), o.Interval, f.From.Format(time.RFC3339), f.Until.Format(time.RFC3339), polls, maxPolls)
	}
	if f.Until.Before(f.From) {
		return nil, fmt.Errorf("until %s is before from %s", f.Until.Format(time.RFC3339), f.From.Format(time.RFC3339))
	}
	f.bridge()
	f.lookBack()
	f.assign(at)
	return f, nil
}

// trailing is for how long after the last connection began hosts are polled.
const trailing = time.Hour

func (f *Fleet) bound(o Options) {
	first, last := f.records[0].Start, f.records[len(f.records)-1].Start
	until := last
	for i := range f.records {
		until = max(until, f.records[i].End())
	}
	f.From = time.Unix(0, first).UTC()
	f.Until = time.Unix(0, min(until, last+int64(trailing))).UTC().Add(o.Interval + o.Interval/5)
	if !o.From.IsZero() {
		f.From = o.From.UTC()
	}
	if !o.Until.IsZero() {
		f.Until = o.Until.UTC()
	}
}

// assign gives each host its ends of the connections, and finds out where it
// listens.
func (f *Fleet) assign(at map[event.Address]int32) {
	counts := make([]int, len(f.hosts))
	listening := newListening(len(f.hosts))
	for i := range f.records {
		r := &f.records[i]
		if kindOf(r) == ignored {
			f.Ignored++
			continue
		}
		originator, from := at[r.Originator]
		responder, to := at[r.Responder]
		if from {
			counts[originator]++
		}
		if to && kindOf(r) == established {
			counts[responder]++
			listening.accepted(responder, r)
		}
		if !from && !to {
			f.Unmonitored++
		}
	}
	for i := range f.hosts {
		f.hosts[i].ends = make([]end, 0, counts[i])
	}
	give := func(i int) {
		r := &f.records[i]
		k := kindOf(r)
		if k == ignored {
			return
		}
		if n, ok := at[r.Originator]; ok {
			f.hosts[n].ends = append(f.hosts[n].ends, end(i<<1))
		}
		if n, ok := at[r.Responder]; ok && k == established {
			f.hosts[n].ends = append(f.hosts[n].ends, end(i<<1|1))
		}
	}
	for _, i := range slices.Sorted(maps.Keys(f.early)) {
		give(int(i))
	}
	for i := range f.records {
		if !f.early[uint32(i)] {
			give(i)
		}
	}
	for i := range f.hosts {
		var left int
		f.hosts[i].listens, left = listening.rows(int32(i))
		f.Unlistened += left
	}
}
