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
	outages   []window            // nobody answers
	closures  map[uint16][]window // the port is closed
	exposed   bool                // its ssh answers the internet
	owner     *person
	portable  bool // goes home with its owner
}

// spell is a time with an address.
type spell struct {
	from    time.Duration
	address netip.Addr
	known   bool // the inventory lists it
}

// address is what the host has at a moment.
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

// shutDown makes nobody answer on a port, or at all if it is 0, for a while.
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

// cut is when a connection to the port that is open at a moment is broken at
// the latest by what befalls the host.
func (h *host) cut(port uint16, at time.Duration) time.Duration {
	until := h.life.to
	if h.portable {
		for _, w := range h.owner.shifts {
			if w.holds(at) {
				until = min(until, w.to)
			}
		}
	}
	for _, w := range h.outages {
		if w.from > at {
			until = min(until, w.from)
		}
	}
	for _, w := range h.closures[port] {
		if w.from > at {
			until = min(until, w.from)
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
