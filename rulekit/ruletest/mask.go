package ruletest

import (
	"slices"
	"time"

	"headstart/event"
)

// mask is what a host's table shows besides its connections, and what it hides.
type mask struct {
	listens []event.Socket // from the start
	begins  []begin
	hidden  map[event.Socket]bool // rows with nothing but their key
	rows    []event.Socket
}

type begin struct {
	row event.Socket
	at  time.Time
}

// listenInode is that of the program on port 0; a kernel's are of no order.
const listenInode = 10_000

func (s *stretch) maskOf(m *machine) mask {
	k := mask{hidden: map[event.Socket]bool{}}
	for l := range s.listens {
		if l.machine == m {
			k.listens = append(k.listens, l.row())
		}
	}
	slices.SortFunc(k.listens, func(a, b event.Socket) int { return a.CompareKey(&b) })
	for l, at := range s.begins {
		if l.machine == m {
			k.begins = append(k.begins, begin{l.row(), at})
		}
	}
	slices.SortFunc(k.begins, func(a, b begin) int { return a.row.CompareKey(&b.row) })
	for i := range s.flows {
		f := &s.flows[i]
		if f.hiddenAt != m {
			continue
		}
		if m == f.from {
			k.hidden[event.Socket{Local: f.from.address, LocalPort: f.source, Remote: f.to.address, RemotePort: f.port}] = true
		}
		if m == f.to {
			k.hidden[event.Socket{Local: f.to.address, LocalPort: f.port, Remote: f.from.address, RemotePort: f.source}] = true
		}
	}
	return k
}

// row is the socket of a program that listens on all addresses, or on the loopback
// address.
func (l listening) row() event.Socket {
	any := event.Address{}
	if l.machine.address.Is4() {
		any = event.AddressFrom4(0)
	}
	local := any
	if l.loopback {
		any = event.AddressFrom4(0)
		local = event.AddressFrom4(127<<24 | 1)
	}
	return event.Socket{Local: local, LocalPort: l.port, Remote: any, State: event.Listen, Inode: listenInode + uint64(l.port)}
}

// over returns a table's rows as the host shows them at a time, valid until the
// next call.
func (k *mask) over(rows []event.Socket, at time.Time) []event.Socket {
	k.rows = append(k.rows[:0], k.listens...)
	for i := range k.begins {
		if b := &k.begins[i]; !b.at.After(at) {
			k.rows = append(k.rows, b.row)
		}
	}
	for i := range rows {
		r := &rows[i]
		if r.State == event.Listen || len(k.hidden) > 0 && k.hidden[event.Socket{Local: r.Local, LocalPort: r.LocalPort, Remote: r.Remote, RemotePort: r.RemotePort}] {
			continue
		}
		k.rows = append(k.rows, *r)
	}
	return event.NormalizeSockets(k.rows)
}
