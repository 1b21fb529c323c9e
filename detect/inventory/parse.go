package inventory

import (
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"headstart/event"
	"headstart/yamlsrc"
)

// Parse reads an inventory. file is its name for messages. The error joins all
// errors in the order of the file, the first hundred of them.
func Parse(file string, data []byte) (*Inventory, error) {
	d := &document{yamlsrc.Document{Name: file}}
	root, err := d.Parse(data, MaxFile, "an inventory", "write networks and hosts")
	if err != nil {
		return nil, err
	}
	i := new(Inventory)
	owners := map[event.Address]owner{}
	d.mapping(root, keys{
		"networks": func(value *yaml.Node) {
			d.mapping(value, keys{"internal": func(list *yaml.Node) { i.Internal = d.networks(list) }})
		},
		"approved": func(value *yaml.Node) { i.Approved = d.approved(value) },
		"hosts": func(value *yaml.Node) {
			if n := len(yamlsrc.Resolve(value).Content) / 2; n > MaxHosts {
				d.Errorf(value, "%d hosts, more than %d", n, MaxHosts)
				return
			}
			d.Entries(value, func(key, value *yaml.Node) {
				if h, ok := d.host(key, value, owners); ok {
					i.Hosts = append(i.Hosts, h)
				}
			})
		},
	})
	if err := d.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(i.Hosts, func(a, b Host) int { return strings.Compare(a.Name, b.Name) })
	return i, nil
}

// owner is which host has an address, and where the file says so.
type owner struct {
	host string
	line int
}

func (d *document) host(name, node *yaml.Node, owners map[event.Address]owner) (Host, bool) {
	h := Host{Name: name.Value, Monitored: true}
	if complaint := badName(name.Value); complaint != "" {
		d.Errorf(name, "host %.64q: %s", name.Value, complaint)
	}
	addresses := false
	ok := d.mapping(node, keys{
		"addresses": func(list *yaml.Node) {
			addresses = true
			h.Addresses = d.addresses(h.Name, list, owners)
		},
		"roles":     func(list *yaml.Node) { h.Roles = d.roles(list) },
		"monitored": func(value *yaml.Node) { h.Monitored = d.yesOrNo(value) },
	})
	if ok && !addresses {
		d.Errorf(node, "%.64s has no addresses; write addresses: [10.1.1.10]", h.Name)
	}
	return h, ok
}

// badName says what is wrong with the name of a host or a role.
func badName(name string) string {
	switch {
	case name == "":
		return "a name has at least one letter"
	case len(name) > event.MaxName:
		return "a name has at most 255 bytes"
	case !utf8.ValidString(name):
		return "a name is text in UTF-8"
	}
	for _, r := range name {
		if !unicode.IsPrint(r) || unicode.IsSpace(r) {
			return "a name has no spaces and no control characters"
		}
	}
	return ""
}

func (d *document) addresses(host string, node *yaml.Node, owners map[event.Address]owner) []event.Address {
	items, ok := d.list(node, "addresses", "10.1.1.10", event.MaxAddresses)
	if !ok {
		return nil
	}
	if len(items) == 0 {
		d.Errorf(node, "no address; write the addresses that the host has, such as [10.1.1.10]")
	}
	all := make([]event.Address, 0, len(items))
	for _, item := range items {
		text, ok := d.Text(item)
		if !ok {
			continue
		}
		a, complaint := hostAddress(text)
		if complaint != "" {
			d.Errorf(item, "address %.64q: %s", text, complaint)
			continue
		}
		if o, taken := owners[a]; taken {
			if o.host == host {
				d.Errorf(item, "%s is in line %d already; leave one out", a, o.line)
			} else {
				d.Errorf(item, "%s is %.64s's in line %d; an address belongs to one host", a, o.host, o.line)
			}
			continue
		}
		owners[a] = owner{host, yamlsrc.Resolve(item).Line}
		all = append(all, a)
	}
	return all
}

// hostAddress reads an address that one host can have for itself.
func hostAddress(text string) (a event.Address, complaint string) {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		if p, err := netip.ParsePrefix(text); err == nil {
			return a, "a host has addresses, not networks; write " + p.Addr().String()
		}
		return a, "write an IP address such as 10.1.1.10 or 2001:db8::10"
	}
	if ip.Zone() != "" {
		return a, "write it without the zone: " + ip.WithZone("").String()
	}
	switch ip = ip.Unmap(); {
	case ip.IsUnspecified():
		return a, "no host has it"
	case ip.IsLoopback():
		return a, "every host has it; leave it out"
	case ip.IsMulticast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return a, "it is for many hosts; leave it out"
	}
	return event.AddressFrom(ip), ""
}

func (d *document) roles(node *yaml.Node) []string {
	items, ok := d.list(node, "roles", "web", event.MaxRoles)
	if !ok {
		return nil
	}
	lines := map[string]int{}
	var all []string
	for _, item := range items {
		role, ok := d.Text(item)
		if !ok {
			continue
		}
		line, twice := lines[role]
		switch complaint := badName(role); {
		case complaint != "":
			d.Errorf(item, "role %.64q: %s", role, complaint)
		case twice:
			d.Errorf(item, "role %.64s is in line %d already; leave one out", role, line)
		default:
			lines[role] = yamlsrc.Resolve(item).Line
			all = append(all, role)
		}
	}
	return all
}

func (d *document) networks(node *yaml.Node) []netip.Prefix {
	items, ok := d.list(node, "networks", "10.0.0.0/8", MaxNetworks)
	if !ok {
		return nil
	}
	var all []netip.Prefix
	for _, item := range items {
		text, ok := d.Text(item)
		if !ok {
			continue
		}
		p, complaint := network(text)
		if complaint != "" {
			d.Errorf(item, "network %.64q: %s", text, complaint)
			continue
		}
		all = append(all, p)
	}
	return all
}

func network(text string) (p netip.Prefix, complaint string) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		if ip, err := netip.ParseAddr(text); err == nil && ip.Zone() == "" {
			return p, "write " + netip.PrefixFrom(ip, ip.BitLen()).String() + " for this one address"
		}
		return p, "write a network such as 10.0.0.0/8 or fd00::/8"
	}
	if p.Addr().Is4In6() {
		return p, "write the IPv4 network itself"
	}
	if p != p.Masked() {
		return p, "write " + p.Masked().String()
	}
	return p, ""
}
