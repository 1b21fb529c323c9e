package simulate

import (
	"net/netip"
	"slices"
	"time"
)

// host is a machine of the company.
type host struct {
	name      string
	kind      kind
	roles     []string
	windows   bool
	monitored bool
	zone      zone
	ports     []uint16   // that listen
	spells    []spell    // addresses, by time
	six       netip.Addr // if it has IPv6 as well
	letters   int        // of its name, added up
	life      window
	outages   []window            // no port answers
	closures  map[uint16][]window // the port is closed
	exposed   bool                // its ssh answers the internet
	owner     *person
	portable  bool // goes home with its owner
}

// spell is the time from which the host has an address.
type spell struct {
	from    time.Duration
	address netip.Addr
	known   bool // the inventory lists it
}

// address is the one that the host has at a moment.
func (h *host) address(at time.Duration) netip.Addr {
	a := h.spells[0].address
	for _, s := range h.spells[1:] {
		if at >= s.from {
			a = s.address
		}
	}
	return a
}

func (h *host) alive(at time.Duration) bool { return h.life.holds(at) }

func (h *host) down(at time.Duration) bool {
	if !h.alive(at) || h.portable && !h.owner.at(at) {
		return true
	}
	return slices.ContainsFunc(h.outages, func(w window) bool { return w.holds(at) })
}

func (h *host) shut(port uint16, at time.Duration) bool {
	return slices.ContainsFunc(h.closures[port], func(w window) bool { return w.holds(at) })
}

// shutDown closes a port for a while, or takes the host down if it is 0.
func (h *host) shutDown(port uint16, w window) {
	if port == 0 {
		h.outages = append(h.outages, w)
		return
	}
	if h.closures == nil {
		h.closures = map[uint16][]window{}
	}
	h.closures[port] = append(h.closures[port], w)
}

// cut is when a connection to the port that is open at a moment breaks at the
// latest, because of what happens to the host.
func (h *host) cut(port uint16, at time.Duration) time.Duration {
	until := h.life.to
	if h.portable {
		for _, w := range h.owner.shifts {
			if w.holds(at) {
				until = min(until, w.to)
			}
		}
	}
	for _, list := range [][]window{h.outages, h.closures[port]} {
		for _, w := range list {
			if w.from > at {
				until = min(until, w.from)
			}
		}
	}
	for _, s := range h.spells {
		if s.from > at {
			until = min(until, s.from)
		}
	}
	return until
}

func (h *host) listens(port uint16) bool { return slices.Contains(h.ports, port) }

// remoteShell is the port through which administrators get onto the host.
func (h *host) remoteShell() uint16 {
	if h.windows {
		return 3389
	}
	return 22
}

// adminPort is the port on which scripts administer the host.
func (h *host) adminPort() uint16 {
	if h.windows {
		return 445
	}
	return 22
}

// dynamic is the host's RPC port.
func (h *host) dynamic() uint16 {
	if p := h.ports[len(h.ports)-1]; p >= 49152 {
		return p
	}
	return 49666
}

// service is the port of what a server is for: the last of its ports that
// serves neither administration nor monitoring.
func (h *host) service() uint16 {
	for i := len(h.ports) - 1; i >= 0; i-- {
		switch p := h.ports[i]; p {
		case 22, 5985, 9100, 9256, 9187, 10050, 5666, 6556, 9300, 3389, 135, 139:
		default:
			return p
		}
	}
	return 22
}
