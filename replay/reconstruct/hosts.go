package reconstruct

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"headstart/event"
	"headstart/replay/zeek"
)

// findHosts sets the hosts, and returns the host of each address.
func (f *Fleet) findHosts(o Options) (map[event.Address]int32, error) {
	if o.Inventory != nil {
		for i := range o.Inventory.Hosts {
			if h := &o.Inventory.Hosts[i]; h.Monitored {
				f.hosts = append(f.hosts, host{name: h.Name, addresses: h.Addresses, roles: h.Roles})
			}
		}
		if len(f.hosts) == 0 {
			return nil, errors.New("no host of the inventory is monitored: mark at least one as monitored")
		}
	} else {
		f.hosts, f.LeftOut = privateHosts(f.records, o.MaxHosts)
		if len(f.hosts) == 0 {
			return nil, errors.New("no connection has an end in a private network: assign the addresses to hosts in an inventory")
		}
	}
	slices.SortFunc(f.hosts, func(a, b host) int { return strings.Compare(a.name, b.name) })
	at := make(map[event.Address]int32, len(f.hosts))
	for i := range f.hosts {
		f.Hosts = append(f.Hosts, f.hosts[i].name)
		for _, a := range f.hosts[i].addresses {
			at[a] = int32(i)
		}
	}
	return at, nil
}

// privateHosts returns a host for each private address that sent a packet, up to
// a maximum, those with the most connections first.
func privateHosts(records []zeek.Record, most int) (hosts []host, left int) {
	connections := map[event.Address]int{}
	private := func(a event.Address) bool {
		if _, known := connections[a]; known {
			return true
		}
		return a.Netip().IsPrivate()
	}
	for i := range records {
		r := &records[i]
		if k := kindOf(r); k != ignored && private(r.Originator) {
			connections[r.Originator]++
		}
		if answered(r) && private(r.Responder) {
			connections[r.Responder]++
		}
	}
	all := make([]event.Address, 0, len(connections))
	for a := range connections {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b event.Address) int {
		return cmp.Or(cmp.Compare(connections[b], connections[a]), a.Compare(b))
	})
	left = max(0, len(all)-most)
	for _, a := range all[:len(all)-left] {
		hosts = append(hosts, host{name: a.String(), addresses: []event.Address{a}})
	}
	return hosts, left
}

// answered reports whether the responder sent a packet, as far as known.
func answered(r *zeek.Record) bool {
	return kindOf(r) == established || r.State == zeek.REJ
}
