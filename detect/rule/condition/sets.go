package condition

import (
	"maps"
	"path"
	"slices"

	"headstart/detect/rule/schema"
)

// RoleSet is a set of roles.
type RoleSet map[string]struct{}

func newRoleSet(roles ...string) RoleSet {
	s := make(RoleSet, len(roles))
	for _, role := range roles {
		s[role] = struct{}{}
	}
	return s
}

func (s RoleSet) has(role string) bool {
	_, ok := s[role]
	return ok
}

func (s RoleSet) hasAny(roles []string) bool { return slices.ContainsFunc(roles, s.has) }

func UniteRoles(sets ...RoleSet) RoleSet {
	if len(sets) == 1 {
		return sets[0]
	}
	all := RoleSet{}
	for _, s := range sets {
		maps.Copy(all, s)
	}
	return all
}

// NameSet is a set of hosts by their names, of which some can be patterns:
// web-*, db-0?.
type NameSet struct {
	Names    map[string]struct{}
	Patterns []string
}

func (s *NameSet) has(name string) bool {
	if name == "" {
		return false
	}
	if _, ok := s.Names[name]; ok {
		return true
	}
	return slices.ContainsFunc(s.Patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return err == nil && ok
	})
}

// Texts are the names, then the patterns.
func (s *NameSet) Texts() []string { return append(slices.Sorted(maps.Keys(s.Names)), s.Patterns...) }

// NewNameSet returns an empty set.
func NewNameSet() *NameSet { return &NameSet{Names: map[string]struct{}{}} }

func UniteNames(sets ...*NameSet) *NameSet {
	if len(sets) == 1 {
		return sets[0]
	}
	all := NewNameSet()
	for _, s := range sets {
		maps.Copy(all.Names, s.Names)
		all.Patterns = append(all.Patterns, s.Patterns...)
	}
	return all
}

func UnitePorts(sets ...*PortSet) *PortSet {
	if len(sets) == 1 {
		return sets[0]
	}
	all := new(PortSet)
	for _, s := range sets {
		for i := range all {
			all[i] |= s[i]
		}
	}
	return all
}

func UniteNetworks(sets ...*NetworkSet) *NetworkSet {
	if len(sets) == 1 {
		return sets[0]
	}
	all := new(NetworkSet)
	for _, s := range sets {
		all.v4, all.v6 = append(all.v4, s.v4...), append(all.v6, s.v6...)
	}
	all.v4, all.v6 = merge(all.v4), merge(all.v6)
	return all
}

// Texts are the entries of lists of a kind, in order.
func (l *Lists) Texts(kind string, names []string) []string {
	switch kind {
	case schema.PortLists:
		return UnitePorts(all(names, l.Ports)...).Texts()
	case schema.NetworkLists:
		return UniteNetworks(all(names, l.Networks)...).Texts()
	case schema.HostLists:
		return UniteNames(all(names, l.Hosts)...).Texts()
	default:
		return slices.Sorted(maps.Keys(UniteRoles(all(names, l.Roles)...)))
	}
}
