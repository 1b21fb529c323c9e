package hosts

import (
	"slices"

	"headstart/detect/inventory"
	"headstart/detect/rule"
	"headstart/event"
)

// AddInventory adds an inventory: hosts and addresses without a poller, and roles
// that hosts have besides those that they report. The inventory's claim to an
// address overrides a host's.
func (d *Table) AddInventory(inv *inventory.Inventory) {
	d.listed, d.listedAt = map[string]*rule.Host{}, map[event.Address]*rule.Host{}
	for i := range inv.Hosts {
		h := &inv.Hosts[i]
		listed := &rule.Host{Name: h.Name, Roles: slices.Clone(h.Roles), Addresses: slices.Clone(h.Addresses)}
		d.listed[h.Name] = listed
		for _, a := range h.Addresses {
			if ownable(a) {
				d.listedAt[a] = listed
			}
		}
	}
}

// Named returns a host by its name, as it reports or as the inventory lists it;
// nil when neither does.
func (d *Table) Named(name string) *rule.Host {
	if h := d.hosts[name]; h != nil {
		return &h.facts
	}
	return d.listed[name]
}

// withListed returns the roles that a host reports and those that the
// inventory gives it.
func (d *Table) withListed(name string, roles []string) []string {
	all := slices.Clone(roles)
	if listed := d.listed[name]; listed != nil {
		for _, role := range listed.Roles {
			if !slices.Contains(all, role) && len(all) < event.MaxRoles {
				all = append(all, role)
			}
		}
	}
	return all
}
