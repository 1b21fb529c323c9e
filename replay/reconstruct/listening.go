package reconstruct

import (
	"cmp"
	"slices"

	"headstart/event"
	"headstart/replay/zeek"
)

// maxListens is above the number of ports that a server listens on.
const maxListens = 512

// The default of Linux's ip_local_port_range. A port below it that accepts a
// connection is listened on. In it, a connection without a handshake can have
// its direction swapped, and a port with a single peer is often one of many.
const ephemeralLow, ephemeralHigh = 32768, 60999

// listening collects the ports on which hosts accept connections.
type listening []map[uint16]*port

type port struct {
	connections int
	first       event.Address // who connected first
	several     bool          // and others did too
	v6          bool
}

func newListening(hosts int) listening { return make(listening, hosts) }

// accepted notes a connection that a host accepted.
func (l listening) accepted(n int32, r *zeek.Record) {
	if midstream(r) && (r.ResponderPort >= ephemeralLow || r.ResponderPort >= r.OriginatorPort) {
		return // the direction may be swapped
	}
	if l[n] == nil {
		l[n] = map[uint16]*port{}
	}
	p := l[n][r.ResponderPort]
	if p == nil {
		p = &port{first: r.Originator}
		l[n][r.ResponderPort] = p
	}
	p.connections++
	p.several = p.several || p.first != r.Originator
	p.v6 = p.v6 || !r.Responder.Is4()
}

// listenInode is that of a host's first listening socket.
const listenInode = 10_000

// rows returns a host's listening sockets, by key, and how many are left out.
func (l listening) rows(n int32) (rows []event.Socket, left int) {
	var ports []uint16
	for number, p := range l[n] {
		if number >= ephemeralLow && !p.several {
			left++
			continue
		}
		ports = append(ports, number)
	}
	slices.SortFunc(ports, func(a, b uint16) int {
		return cmp.Or(cmp.Compare(l[n][b].connections, l[n][a].connections), cmp.Compare(a, b))
	})
	if len(ports) > maxListens {
		left += len(ports) - maxListens
		ports = ports[:maxListens]
	}
	slices.Sort(ports)
	for i, number := range ports {
		any := event.AddressFrom4(0)
		if l[n][number].v6 {
			any = event.Address{}
		}
		rows = append(rows, event.Socket{Local: any, LocalPort: number, Remote: any, State: event.Listen, Inode: listenInode + uint64(i)})
	}
	return event.NormalizeSockets(rows), left
}
