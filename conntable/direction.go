package conntable

import (
	"cmp"
	"slices"

	"headstart/event"
)

// direction is who began a connection, and how that is known.
type direction struct {
	side          event.Direction
	directionFrom event.DirectionSource
}

// listeners are the listening sockets of a snapshot, looked up by port. They
// are collected at the first lookup: most snapshots bring no new connection.
type listeners struct {
	rows   []event.Socket
	sorted []listener
	ready  bool
}

type listener struct {
	port    uint16
	address event.Address
}

func (l *listeners) reset(rows []event.Socket) {
	l.rows, l.sorted, l.ready = rows, l.sorted[:0], false
}

func compareListeners(a, b listener) int {
	return cmp.Or(cmp.Compare(a.port, b.port), a.address.Compare(b.address))
}

// cover reports whether a listening socket accepts connections to an address
// and port. One on 0.0.0.0 accepts IPv4; one on :: accepts that too, unless it
// is IPV6_V6ONLY, which the table doesn't show.
func (l *listeners) cover(address event.Address, port uint16) bool {
	if !l.ready {
		for i := range l.rows {
			if r := &l.rows[i]; r.State == event.Listen {
				l.sorted = append(l.sorted, listener{r.LocalPort, r.Local})
			}
		}
		slices.SortFunc(l.sorted, compareListeners)
		l.ready = true
	}
	i, _ := slices.BinarySearchFunc(l.sorted, listener{port: port}, compareListeners)
	for ; i < len(l.sorted) && l.sorted[i].port == port; i++ {
		a := l.sorted[i].address
		if a == address || a.IsWildcard() && (address.Is4() || !a.Is4()) {
			return true
		}
	}
	return false
}

// Linux's default ip_local_port_range, for the other end and for hosts that
// don't report theirs.
const ephemeralLow, ephemeralHigh = 32768, 60999

// direct concludes who began a connection: from the handshake, else from a
// listening socket on one of its ends (the other end can be this host too, on
// loopback), else from the end with an ephemeral port, else the lower port is
// the service's.
func (d *differ) direct(row *event.Socket) direction {
	low, high := d.s.EphemeralLow, d.s.EphemeralHigh
	if low == 0 || high < low {
		low, high = ephemeralLow, ephemeralHigh
	}
	local := row.LocalPort >= low && row.LocalPort <= high
	remote := row.RemotePort >= ephemeralLow && row.RemotePort <= ephemeralHigh
	switch {
	case row.State == event.SynSent:
		return direction{event.Outbound, event.FromHandshake}
	case d.listeners.cover(row.Local, row.LocalPort):
		return direction{event.Inbound, event.FromListener}
	case d.own(row.Remote) && d.listeners.cover(row.Remote, row.RemotePort):
		return direction{event.Outbound, event.FromListener}
	case local && !remote:
		return direction{event.Outbound, event.FromPorts}
	case remote && !local:
		return direction{event.Inbound, event.FromPorts}
	case row.LocalPort < row.RemotePort:
		return direction{event.Inbound, event.FromPorts}
	}
	return direction{event.Outbound, event.FromPorts}
}

func (d *differ) own(a event.Address) bool {
	return a.Is4() && a.Lo>>24&0xff == 127 || a == event.Address{Lo: 1} || slices.Contains(d.s.Addresses, a)
}
