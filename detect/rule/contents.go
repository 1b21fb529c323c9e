package rule

import (
	"maps"
	"slices"

	"headstart/detect/rule/schema"
)

// Contents returns what the lists and macros say: the entries of each list, and
// the text of each macro, by kind and name: ports.database. Overlapping entries
// of a list of ports or networks are one.
func (s *Set) Contents() map[string][]string {
	all := map[string][]string{}
	l := s.language.Lists
	for name, ports := range l.Ports {
		all[schema.PortLists+"."+name] = ports.Texts()
	}
	for name, networks := range l.Networks {
		all[schema.NetworkLists+"."+name] = networks.Texts()
	}
	for name, roles := range l.Roles {
		all[schema.RoleLists+"."+name] = slices.Sorted(maps.Keys(roles))
	}
	for name, hosts := range l.Hosts {
		all[schema.HostLists+"."+name] = slices.Sorted(slices.Values(hosts.Texts()))
	}
	for name, m := range s.language.Macros.All {
		all[schema.MacroGroup+"."+name] = []string{m.Text}
	}
	return all
}

// Entries are those of a list of lists.yaml, in order, written as there; nil when
// there is no such list. Kind is ports, networks, roles or hosts.
func (s *Set) Entries(kind, name string) []string {
	l := s.language.Lists
	if !l.Has(kind, name) {
		return nil
	}
	return l.Texts(kind, []string{name})
}
