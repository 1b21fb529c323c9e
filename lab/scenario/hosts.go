package scenario

import (
	"fmt"
	"net/netip"
	"strings"

	"headstart/event"
)

// host is a machine of the company.
type host struct {
	name      string
	address   event.Address
	role      string
	monitored bool
}

func at(text string) event.Address { return event.AddressFrom(netip.MustParseAddr(text)) }

// desks is how many people have one. The first two are administrators'.
const desks = 8

// hosts are the servers, which have pollers, and the domain controller.
var hosts = []host{
	{"lb-01", at("10.1.0.10"), "load-balancer", true},
	{"web-01", at("10.1.1.10"), "web", true},
	{"web-02", at("10.1.1.11"), "web", true},
	{"app-01", at("10.1.2.10"), "app", true},
	{"db-01", at("10.1.3.20"), "database", true},
	{"fs-01", at("10.1.5.10"), "file-server", true},
	{"mon-01", at("10.1.8.10"), "monitoring", true},
	{"backup-01", at("10.1.8.20"), "backup", true},
	{"jump-01", at("10.1.8.30"), "jump-host", true},
	{"dc-01", at("10.1.7.10"), "domain-controller", false},
}

// servers are the hosts with a poller.
var servers = hosts[:len(hosts)-1]

// of is the address of a host, or the one that the text is.
func of(name string) event.Address {
	for i := range hosts {
		if hosts[i].name == name {
			return hosts[i].address
		}
	}
	return at(name)
}

func desk(n int) event.Address { return at(fmt.Sprintf("10.1.20.%d", 11+n)) }

// Inventory returns the company's inventory.yaml: addresses, roles, and which
// hosts have no poller.
func Inventory() []byte {
	var b strings.Builder
	b.WriteString("networks:\n  internal: [10.0.0.0/8]\nhosts:\n")
	for _, h := range hosts {
		fmt.Fprintf(&b, "  %s: {addresses: [%s], roles: [%s]", h.name, h.address, h.role)
		if !h.monitored {
			b.WriteString(", monitored: false")
		}
		b.WriteString("}\n")
	}
	for n := range desks {
		fmt.Fprintf(&b, "  pc-%02d: {addresses: [%s], roles: [workstation], monitored: false}\n", n+1, desk(n))
	}
	return []byte(b.String())
}
