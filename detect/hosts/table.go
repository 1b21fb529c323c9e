// Package hosts holds which host has which address, as the hosts' pollers report
// it.
//
// It guarantees that an address is attributed to a host only when no other host
// claims it: container networks give many hosts the same address, and an attacker
// on one host may claim another's. An address claimed by two hosts is attributed
// to neither, and counted. An address that means another host everywhere
// (loopback, link-local, multicast) is attributed to none, uncounted. It is a pure state machine and has a cap.
package hosts

import (
	"slices"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// Table holds the hosts. One goroutine uses it at a time.
type Table struct {
	limit     int
	hosts     map[string]*host
	owners    map[event.Address][]*host
	contested int
	listed    map[string]*rule.Host // by the inventory
	listedAt  map[event.Address]*rule.Host
}

type host struct {
	facts    rule.Host
	reported []string  // roles, as the host reports them
	seen     time.Time // on the stream's clock
}

// New returns an empty table for at most limit hosts.
func New(limit int) *Table {
	return &Table{limit: limit, hosts: map[string]*host{}, owners: map[event.Address][]*host{}}
}

// Update takes what a host reports of itself, and returns the host as rules see it
// and whether something is new. A host without room is returned but not found by
// others.
func (d *Table) Update(c *event.Changes) (facts *rule.Host, news bool) {
	h := d.hosts[c.Host]
	if h != nil && slices.Equal(h.facts.Addresses, c.Addresses) && slices.Equal(h.reported, c.Roles) {
		h.seen = c.StreamTime(c.ObservedAt)
		return &h.facts, false
	}
	if h != nil {
		d.forget(h)
	}
	h = &host{
		facts:    rule.Host{Name: c.Host, Roles: d.withListed(c.Host, c.Roles), Addresses: slices.Clone(c.Addresses), Reports: true},
		reported: slices.Clone(c.Roles), seen: c.StreamTime(c.ObservedAt),
	}
	if len(d.hosts) >= d.limit {
		return &h.facts, true
	}
	d.hosts[c.Host] = h
	for _, a := range h.facts.Addresses {
		owners := d.owners[a]
		if !ownable(a) || len(owners) > 0 && owners[len(owners)-1] == h {
			continue
		}
		d.owners[a] = append(owners, h)
		if len(owners) == 1 {
			d.contested++
		}
	}
	return &h.facts, true
}

// ownable reports whether an address can be one host's.
func ownable(a event.Address) bool {
	ip := a.Netip()
	return !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast() && !a.IsWildcard()
}

func (d *Table) forget(h *host) {
	delete(d.hosts, h.facts.Name)
	for _, a := range h.facts.Addresses {
		owners := d.owners[a]
		i := slices.Index(owners, h)
		switch {
		case i < 0:
		case len(owners) == 1:
			delete(d.owners, a)
		default:
			d.owners[a] = slices.Delete(owners, i, i+1)
			if len(owners) == 2 {
				d.contested--
			}
		}
	}
}

// Expire forgets the hosts without a message since a time of the stream, and
// returns their names.
func (d *Table) Expire(before time.Time) []string {
	var names []string
	for name, h := range d.hosts {
		if h.seen.Before(before) {
			d.forget(h)
			names = append(names, name)
		}
	}
	return names
}

// At returns the host that has an address, nil when none or several claim it.
// Reports is false of a host that only the inventory lists.
func (d *Table) At(a event.Address) *rule.Host {
	if listed := d.listedAt[a]; listed != nil {
		if h := d.hosts[listed.Name]; h != nil {
			return &h.facts
		}
		return listed
	}
	if owners := d.owners[a]; len(owners) == 1 {
		return &owners[0].facts
	}
	return nil
}

// Len returns the number of hosts.
func (d *Table) Len() int { return len(d.hosts) }

// Contested returns the number of addresses that several hosts claim.
func (d *Table) Contested() int { return d.contested }
