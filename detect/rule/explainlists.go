package rule

import (
	"headstart/detect/rule/schema"
	"maps"
	"slices"
)

// Entries are those of a list of lists.yaml, in order, written as there; nil when
// there is no such list. Kind is ports, networks, roles or hosts.
func (s *Set) Entries(kind, name string) []string {
	l := s.language.lists
	if !l.has(kind, name) {
		return nil
	}
	switch kind {
	case schema.PortLists:
		return l.ports[name].ranges()
	case schema.NetworkLists:
		return l.networks[name].prefixes()
	case schema.HostLists:
		return append(slices.Sorted(maps.Keys(l.hosts[name].names)), l.hosts[name].patterns...)
	default:
		return slices.Sorted(maps.Keys(l.roles[name]))
	}
}
