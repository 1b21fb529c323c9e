package rule

import (
	"headstart/detect/rule/schema"
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
)

// Contents returns what the lists and macros say: the entries of each list, and
// the text of each macro, by kind and name: ports.database. Overlapping entries
// of a list of ports or networks are one.
func (s *Set) Contents() map[string][]string {
	all := map[string][]string{}
	l := s.language.lists
	for name, ports := range l.ports {
		all[schema.PortLists+"."+name] = ports.texts()
	}
	for name, networks := range l.networks {
		all[schema.NetworkLists+"."+name] = networks.texts()
	}
	for name, roles := range l.roles {
		all[schema.RoleLists+"."+name] = slices.Sorted(maps.Keys(roles))
	}
	for name, hosts := range l.hosts {
		names := append(slices.Collect(maps.Keys(hosts.names)), hosts.patterns...)
		slices.Sort(names)
		all[schema.HostLists+"."+name] = names
	}
	for name, m := range s.language.macros.all {
		all[schema.MacroGroup+"."+name] = []string{m.n.Value}
	}
	return all
}

func (s *portSet) texts() (all []string) {
	for port := 0; port <= schema.MaxPort; port++ {
		if !s.has(port) {
			continue
		}
		first := port
		for s.has(port + 1) {
			port++
		}
		text := strconv.Itoa(first)
		if port > first {
			text += "-" + strconv.Itoa(port)
		}
		all = append(all, text)
	}
	return all
}

func (s *networkSet) texts() (all []string) {
	for _, one := range slices.Concat(s.v4, s.v6) {
		all = append(all, one.prefix().String())
	}
	return all
}

// prefix undoes spanOf.
func (s span) prefix() netip.Prefix {
	open := bits.Len64(s.first.Lo ^ s.last.Lo)
	if high := s.first.Hi ^ s.last.Hi; high != 0 {
		open = 64 + bits.Len64(high)
	}
	a := s.first.Netip()
	return netip.PrefixFrom(a, a.BitLen()-open)
}
