// Package inventory reads the optional file that says which machines a company
// has and which networks are its own. It is pure.
//
//	networks:
//	  internal: [10.0.0.0/8, 192.168.0.0/16]
//	hosts:
//	  web-01: {addresses: [10.1.1.10], roles: [web]}
//	  dc-01:  {addresses: [10.1.7.10], roles: [domain-controller], monitored: false}
//	approved:
//	  - {from: ci-01, to: any, ports: [22], owner: ops@example.com, reason: deploys, expires: 2027-01-31}
//
// It guarantees:
//   - All errors are reported at once, each with file, line and column, and
//     what to write instead. A file with a mistake gives no inventory.
//   - What it doesn't know is a mistake: no key is ignored.
//   - An address belongs to one host.
package inventory

import (
	"net/netip"
	"slices"
	"strings"

	"headstart/event"
)

// Limits of an inventory.
const (
	MaxFile     = 16 << 20 // bytes
	MaxHosts    = 100_000
	MaxNetworks = 10_000
)

// Inventory is what the file says. It is for reading: Parse made it whole.
type Inventory struct {
	Internal []netip.Prefix // as the file lists them; none if it doesn't
	Hosts    []Host         // by name
	Approved []Approved     // edges that are normal, in the order of the file
}

// Host is a machine.
type Host struct {
	Name      string          // 1 to event.MaxName bytes
	Addresses []event.Address // at least one, each once, in the order of the file
	Roles     []string        // what it is for: web, database, …
	Monitored bool            // it runs a poller; true unless the file says otherwise
}

// Host returns the host of a name, nil if there is none.
func (i *Inventory) Host(name string) *Host {
	if i == nil {
		return nil
	}
	n, ok := slices.BinarySearchFunc(i.Hosts, name, func(h Host, name string) int { return strings.Compare(h.Name, name) })
	if !ok {
		return nil
	}
	return &i.Hosts[n]
}
