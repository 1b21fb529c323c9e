package rule

import (
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/event"
)

// The file with the lists, and the kinds of list in it.
const (
	listsFile         = "lists.yaml"
	portLists         = "ports"
	networkLists      = "networks"
	roleLists         = "roles"
	internalNetworks  = "internal"
	maxListName       = 64
	wordsOfExpression = "and or not in matches contains startsWith endsWith let if else true false nil"
)

var listNamePattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// lists are the named lists that conditions refer to.
type lists struct {
	ports    map[string]*portSet
	networks map[string]*networkSet
	roles    map[string]roleSet

	// unread says that lists.yaml could not be understood: then a name that
	// isn't known is no mistake of the rule's.
	unread bool
}

func newLists() *lists {
	return &lists{
		ports:    map[string]*portSet{},
		networks: map[string]*networkSet{internalNetworks: defaultInternal()},
		roles:    map[string]roleSet{},
	}
}

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

// has reports whether there is a list of a kind by a name.
func (l *lists) has(kind, name string) (ok bool) {
	switch kind {
	case portLists:
		_, ok = l.ports[name]
	case networkLists:
		_, ok = l.networks[name]
	case roleLists:
		_, ok = l.roles[name]
	}
	return ok
}

// names returns the names of a kind's lists.
func (l *lists) names(kind string) []string {
	switch kind {
	case portLists:
		return slices.Sorted(maps.Keys(l.ports))
	case networkLists:
		return slices.Sorted(maps.Keys(l.networks))
	case roleLists:
		return slices.Sorted(maps.Keys(l.roles))
	default:
		return nil
	}
}

// readLists reads lists.yaml.
func readLists(s *source, data []byte) *lists {
	l := newLists()
	root := s.parse(data)
	if root == nil {
		l.unread = true
		return l
	}
	kinds := s.mapping(root, listsFile, []string{portLists, networkLists, roleLists})
	ports := s.lists(kinds[portLists], portLists)
	networks := s.lists(kinds[networkLists], networkLists)
	roles := s.lists(kinds[roleLists], roleLists)
	l.unread = len(s.errors) > 0
	for _, list := range ports {
		l.ports[list.name] = s.portList(list.entries)
	}
	for _, list := range networks {
		l.networks[list.name] = s.networkList(list.entries)
	}
	for _, list := range roles {
		l.roles[list.name] = s.roleList(list.entries)
	}
	return l
}

type namedEntries struct {
	name    string
	entries []*yaml.Node
}

// lists returns the lists of a kind. An empty list is one: rules can name it
// before anybody has filled it.
func (s *source) lists(n *yaml.Node, kind string) []namedEntries {
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	var all []namedEntries
	values := s.mapping(n, kind, nil)
	for i := 0; i+1 < len(n.Content) && values != nil; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		if values[name] != value {
			continue // repeated, and reported
		}
		if !listNamePattern.MatchString(name) || len(name) > maxListName || slices.Contains(strings.Fields(wordsOfExpression), name) {
			s.mistake(placeOf(key), "%q can't be the name of a list: lower-case letters, digits and _, a letter first, at most %d characters, no word of the language", short(name), maxListName)
			continue
		}
		entries, _ := s.list(value, kind+"."+name)
		all = append(all, namedEntries{name, entries})
	}
	return all
}

func (s *source) portList(entries []*yaml.Node) *portSet {
	set := new(portSet)
	for _, n := range entries {
		if text, ok := s.text(n, "a port"); ok {
			if err := set.addText(text); err != nil {
				s.mistake(placeOf(n), "%v", err)
			}
		}
	}
	return set
}

func (s *source) networkList(entries []*yaml.Node) *networkSet {
	var prefixes []netip.Prefix
	for _, n := range entries {
		if text, ok := s.text(n, "a network"); ok {
			p, err := parseNetwork(text)
			if err != nil {
				s.mistake(placeOf(n), "%v", err)
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
		if role, ok := s.oneLine(n, "a role", event.MaxName); ok {
			set[role] = struct{}{}
		}
	}
	return set
}
