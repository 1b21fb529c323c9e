package rule

import (
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/event"
	"headstart/yamlsrc"
)

// roleSet is a set of roles.
type roleSet map[string]struct{}

func newRoleSet(roles ...string) roleSet {
	s := make(roleSet, len(roles))
	for _, role := range roles {
		s[role] = struct{}{}
	}
	return s
}

func (s roleSet) has(role string) bool {
	_, ok := s[role]
	return ok
}

func (s roleSet) hasAny(roles []string) bool { return slices.ContainsFunc(roles, s.has) }

func uniteRoles(sets ...roleSet) roleSet {
	if len(sets) == 1 {
		return sets[0]
	}
	all := roleSet{}
	for _, s := range sets {
		maps.Copy(all, s)
	}
	return all
}

// nameSet is a set of hosts by their names, of which some can be patterns:
// web-*, db-0?.
type nameSet struct {
	names    map[string]struct{}
	patterns []string
}

func (s *nameSet) has(name string) bool {
	if name == "" {
		return false
	}
	if _, ok := s.names[name]; ok {
		return true
	}
	return slices.ContainsFunc(s.patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return err == nil && ok
	})
}

func uniteNames(sets ...*nameSet) *nameSet {
	if len(sets) == 1 {
		return sets[0]
	}
	all := &nameSet{names: map[string]struct{}{}}
	for _, s := range sets {
		maps.Copy(all.names, s.names)
		all.patterns = append(all.patterns, s.patterns...)
	}
	return all
}

func unitePorts(sets ...*portSet) *portSet {
	if len(sets) == 1 {
		return sets[0]
	}
	all := new(portSet)
	for _, s := range sets {
		for i := range all {
			all[i] |= s[i]
		}
	}
	return all
}

func uniteNetworks(sets ...*networkSet) *networkSet {
	if len(sets) == 1 {
		return sets[0]
	}
	all := new(networkSet)
	for _, s := range sets {
		all.v4, all.v6 = append(all.v4, s.v4...), append(all.v6, s.v6...)
	}
	all.v4, all.v6 = merge(all.v4), merge(all.v6)
	return all
}

func (s *source) portList(entries []*yaml.Node) *portSet {
	set := new(portSet)
	for _, n := range entries {
		if text, ok := s.Text(n, "a port"); ok {
			if err := set.addText(text); err != nil {
				s.Errorf(yamlsrc.PlaceOf(n), "%v", err)
			}
		}
	}
	return set
}

func (s *source) networkList(entries []*yaml.Node) *networkSet {
	var prefixes []netip.Prefix
	for _, n := range entries {
		if text, ok := s.Text(n, "a network"); ok {
			p, err := parseNetwork(text)
			if err != nil {
				s.Errorf(yamlsrc.PlaceOf(n), "%v", err)
				continue
			}
			prefixes = append(prefixes, p)
		}
	}
	return newNetworkSet(prefixes)
}

func (s *source) roleList(entries []*yaml.Node) roleSet {
	set := make(roleSet, len(entries))
	for _, n := range entries {
		if role, ok := s.OneLine(n, "a role", event.MaxName); ok {
			set[role] = struct{}{}
		}
	}
	return set
}

// Each name with * is compared with the host's, letter by letter.
const (
	maxPatterns = 32 // in a list
	maxPattern  = 64 // bytes
)

func (s *source) hostList(entries []*yaml.Node) *nameSet {
	set := &nameSet{names: make(map[string]struct{}, len(entries))}
	for _, n := range entries {
		name, ok := s.OneLine(n, "a host", event.MaxName)
		switch {
		case !ok:
		case !strings.ContainsAny(name, "*?[\\"):
			set.names[name] = struct{}{}
		case len(name) > maxPattern:
			s.Errorf(yamlsrc.PlaceOf(n), "a name with * has at most %d characters", maxPattern)
		case len(set.patterns) == maxPatterns:
			s.Errorf(yamlsrc.PlaceOf(n), "more than %d names with * in a list", maxPatterns)
			return set
		default:
			if _, err := path.Match(name, ""); err != nil {
				s.Errorf(yamlsrc.PlaceOf(n), "%q is not a name such as web-01, or web-* for all that begin so", yamlsrc.Short(name))
				continue
			}
			set.patterns = append(set.patterns, name)
		}
	}
	return set
}
