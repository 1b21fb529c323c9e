package rule

import (
	"net/netip"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/event"
	"headstart/yamlsrc"
)

func (s *source) portList(entries []*yaml.Node) *condition.PortSet {
	set := new(condition.PortSet)
	for _, n := range entries {
		if text, ok := s.Text(n, "a port"); ok {
			if err := set.AddText(text); err != nil {
				s.Errorf(yamlsrc.PlaceOf(n), "%v", err)
			}
		}
	}
	return set
}

func (s *source) networkList(entries []*yaml.Node) *condition.NetworkSet {
	var prefixes []netip.Prefix
	for _, n := range entries {
		if text, ok := s.Text(n, "a network"); ok {
			p, err := condition.ParseNetwork(text)
			if err != nil {
				s.Errorf(yamlsrc.PlaceOf(n), "%v", err)
				continue
			}
			prefixes = append(prefixes, p)
		}
	}
	return condition.NewNetworkSet(prefixes)
}

func (s *source) roleList(entries []*yaml.Node) condition.RoleSet {
	set := make(condition.RoleSet, len(entries))
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

func (s *source) hostList(entries []*yaml.Node) *condition.NameSet {
	set := condition.NewNameSet()
	for _, n := range entries {
		name, ok := s.OneLine(n, "a host", event.MaxName)
		switch {
		case !ok:
		case !strings.ContainsAny(name, "*?[\\"):
			set.Names[name] = struct{}{}
		case len(name) > maxPattern:
			s.Errorf(yamlsrc.PlaceOf(n), "a name with * has at most %d characters", maxPattern)
		case len(set.Patterns) == maxPatterns:
			s.Errorf(yamlsrc.PlaceOf(n), "more than %d names with * in a list", maxPatterns)
			return set
		default:
			if _, err := path.Match(name, ""); err != nil {
				s.Errorf(yamlsrc.PlaceOf(n), "%q is not a name such as web-01, or web-* for all that begin so", yamlsrc.Short(name))
				continue
			}
			set.Patterns = append(set.Patterns, name)
		}
	}
	return set
}
