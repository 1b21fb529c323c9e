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

func server(name, address, role string) host { return host{name, at(address), role, true} }

// company lists the hosts by name.
type company struct {
	lb, web1, web2, app, db, files, monitor, backup, jump host
	dc                                                    host
}

func newCompany() company {
	return company{
		lb: server("lb-01", "10.1.0.10", "load-balancer"), web1: server("web-01", "10.1.1.10", "web"), web2: server("web-02", "10.1.1.11", "web"),
		app: server("app-01", "10.1.2.10", "app"), db: server("db-01", "10.1.3.20", "database"), files: server("fs-01", "10.1.5.10", "file-server"),
		monitor: server("mon-01", "10.1.8.10", "monitoring"), backup: server("backup-01", "10.1.8.20", "backup"), jump: server("jump-01", "10.1.8.30", "jump-host"),
		dc: host{"dc-01", at("10.1.7.10"), "domain-controller", false},
	}
}

// servers are those with a poller.
func (c *company) servers() []host {
	return []host{c.lb, c.web1, c.web2, c.app, c.db, c.files, c.monitor, c.backup, c.jump}
}

// desks is how many people have one. The first two are administrators'.
const desks = 8

func desk(n int) event.Address { return at(fmt.Sprintf("10.1.20.%d", 11+n)) }

// Inventory returns the company's inventory.yaml: who has which address, what
// for, and who has no poller.
func Inventory() []byte {
	c := newCompany()
	var b strings.Builder
	b.WriteString("networks:\n  internal: [10.0.0.0/8]\nhosts:\n")
	for _, h := range append(c.servers(), c.dc) {
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
