package conntable_test

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"headstart/event"
)

// history makes snapshots of one host of any bytes: sockets that come, go and
// change as no kernel would have it, and all that can go wrong on the way from
// poller to tracker. Sockets have few keys and few inodes, so that much
// happens to each.
func history(data []byte) []*event.Snapshot {
	h := &host{
		rows: make([]event.Socket, len(keys)), boot: 1, run: 1,
		uptime: time.Hour, wall: time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC),
	}
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	for len(data) > 0 {
		switch op := next(); op % 8 {
		case 0, 1, 2, 3:
			h.set(op/8%len(keys), next(), next())
		case 4:
			h.rows[op/8%len(keys)] = event.Socket{}
		case 5, 6:
			h.report(time.Duration(1+next()) * 250 * time.Millisecond)
		case 7:
			h.disturb(op/8%8, next())
		}
	}
	h.report(30 * time.Second)
	return h.snapshots
}

type host struct {
	rows      []event.Socket // of each of the keys; the zero Socket is none
	boot, run int
	sequence  uint64
	uptime    time.Duration
	wall      time.Time
	snapshots []*event.Snapshot
}

var keys = func() (all []event.Socket) {
	for _, ends := range [][2]string{
		{"0.0.0.0:22", "0.0.0.0:0"},
		{"[::]:443", "[::]:0"},
		{"10.0.0.5:22", "10.0.0.9:51000"},
		{"10.0.0.5:22", "10.0.0.9:51001"},
		{"10.0.0.5:40000", "10.0.0.7:5432"},
		{"127.0.0.1:40001", "127.0.0.1:443"},
		{"[2001:db8::5]:40000", "[2001:db8::9]:445"},
	} {
		local, remote := netip.MustParseAddrPort(ends[0]), netip.MustParseAddrPort(ends[1])
		all = append(all, event.Socket{
			Local: event.AddressFrom(local.Addr()), LocalPort: local.Port(),
			Remote: event.AddressFrom(remote.Addr()), RemotePort: remote.Port(),
		})
	}
	return all
}()

// set puts a row into the table.
func (h *host) set(key, state, rest int) {
	row := keys[key]
	row.State = event.State(1 + state%int(event.NewSynRecv))
	row.Inode = uint64(rest % 3)
	row.Timer = event.Timer(rest / 3 % 5)
	row.Remaining = uint32(rest) * 29 // up to 74 s, which is longer than any TIME_WAIT
	h.rows[key] = row
}

// report takes a snapshot after a time.
func (h *host) report(after time.Duration) {
	h.uptime += after
	h.wall = h.wall.Add(after)
	h.sequence++
	s := &event.Snapshot{
		Host: "web-01", BootID: fmt.Sprint("b", h.boot), Run: fmt.Sprint("r", h.run), Sequence: h.sequence,
		TakenAt: h.wall, Uptime: h.uptime, Interval: 30 * time.Second, Part: 1, Parts: 1,
		Addresses: []event.Address{keys[2].Local}, Roles: []string{"web"},
	}
	for _, row := range h.rows {
		if row.State.Valid() {
			s.Sockets = append(s.Sockets, row)
		}
	}
	s.Sockets = event.NormalizeSockets(s.Sockets)
	h.snapshots = append(h.snapshots, s)
}

// disturb lets something go wrong.
func (h *host) disturb(what, much int) {
	switch what {
	case 0: // snapshots are lost
		h.sequence += uint64(much)
	case 1: // one comes again, soon or late
		if n := len(h.snapshots); n > 0 {
			h.snapshots = append(h.snapshots, h.snapshots[n-1-much%n])
		}
	case 2: // two change places
		if n := len(h.snapshots); n > 1 {
			i := 1 + much%(n-1)
			h.snapshots[i-1], h.snapshots[i] = h.snapshots[i], h.snapshots[i-1]
		}
	case 3: // the poller is restarted
		h.run, h.sequence = h.run+1, 0
	case 4: // the host reboots, less often than a table remembers
		if h.boot < 8 {
			h.boot, h.run, h.sequence, h.uptime = h.boot+1, h.run+1, 0, time.Duration(much)*time.Second
			clear(h.rows)
		}
	case 5: // the clock is set
		h.wall = h.wall.Add(time.Duration(much-128) * time.Hour)
	case 6: // the host is away
		h.uptime += time.Duration(much) * time.Hour
		h.wall = h.wall.Add(time.Duration(much) * time.Hour)
	case 7: // the host lies about its uptime
		h.uptime += min(time.Duration(much)*100*24*time.Hour, max(0, event.MaxUptime/2-h.uptime))
	}
}

// clone returns a snapshot that shares nothing with s.
func clone(s *event.Snapshot) *event.Snapshot {
	c := *s
	c.Addresses, c.Roles, c.Sockets = slices.Clone(s.Addresses), slices.Clone(s.Roles), slices.Clone(s.Sockets)
	return &c
}
