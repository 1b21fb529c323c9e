package rule

import (
	"path"
	"slices"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// lists are the named lists that conditions refer to.
type lists struct {
	ports    map[string]*portSet
	networks map[string]*networkSet
	roles    map[string]roleSet
	hosts    map[string]*nameSet
	defined  map[listName]*Definition

	// unread says that a lists.yaml could not be understood: then a name that
	// isn't known is no mistake of the rule's.
	unread bool
}

// internalNetworks is the list of networks by which a peer is internal.
const internalNetworks = "internal"

type listName struct{ kind, name string }

func newLists() *lists {
	l := &lists{
		ports:    map[string]*portSet{},
		networks: map[string]*networkSet{internalNetworks: defaultInternal()},
		roles:    map[string]roleSet{},
		hosts:    map[string]*nameSet{},
		defined:  map[listName]*Definition{},
	}
	l.defined[listName{schema.NetworkLists, internalNetworks}] = &Definition{Kind: schema.NetworkLists, Name: internalNetworks, Used: true}
	return l
}

// has reports whether there is a list of a kind by a name.
func (l *lists) has(kind, name string) bool { return l.defined[listName{kind, name}] != nil }

// names returns the names of a kind's lists.
func (l *lists) names(kind string) (names []string) {
	for key := range l.defined {
		if key.kind == kind {
			names = append(names, key.name)
		}
	}
	slices.Sort(names)
	return names
}

// matching returns the names of the lists that a name with * stands for, or the
// one that it is, and notes that they are used.
func (l *lists) matching(kind, name string) (names []string) {
	for _, one := range l.names(kind) {
		if ok, err := path.Match(name, one); err == nil && ok {
			l.defined[listName{kind, one}].Used = true
			names = append(names, one)
		}
	}
	return names
}

func (l *lists) definitions() (all []Definition) {
	for _, kind := range schema.ListKinds() {
		for _, name := range l.names(kind) {
			all = append(all, *l.defined[listName{kind, name}])
		}
	}
	return all
}

// read adds the lists of a file. One takes the place of that of the same name;
// below "add" it is added to it.
func (l *lists) read(s *source, data []byte) {
	before := len(s.Diagnostics)
	root := s.Parse(data)
	if root == nil {
		l.unread = true
		return
	}
	kinds := s.Mapping(root, schema.ListsFile, append(schema.ListKinds(), schema.AddKey))
	var added map[string]*yaml.Node
	if n := kinds[schema.AddKey]; n != nil {
		added = s.Mapping(n, schema.AddKey, schema.ListKinds())
	}
	var all, more []namedEntries
	for _, kind := range schema.ListKinds() {
		all = append(all, s.lists(kinds[kind], kind)...)
		more = append(more, s.lists(added[kind], kind)...)
	}
	l.unread = l.unread || len(s.Diagnostics) > before
	for _, one := range all {
		l.define(s, one)
	}
	for _, one := range more {
		if !l.has(one.kind, one.name) {
			s.Errorf(one.at, "there is no list %s in %s to add to%s", one.name, one.kind, suggest.DidYouMean(one.name, l.names(one.kind)))
			continue
		}
		l.extend(s, one)
	}
}

func (l *lists) define(s *source, one namedEntries) {
	key := listName{one.kind, one.name}
	d := &Definition{Kind: one.kind, Name: one.name, File: s.Name, Line: one.at.Line, Size: len(one.entries), Used: usedByItself(key)}
	if before := l.defined[key]; before != nil && before.File != "" {
		d.Over = append(before.Over, before.File)
	}
	l.defined[key] = d
	switch one.kind {
	case schema.PortLists:
		l.ports[one.name] = s.portList(one.entries)
	case schema.NetworkLists:
		l.networks[one.name] = s.networkList(one.entries)
	case schema.RoleLists:
		l.roles[one.name] = s.roleList(one.entries)
	case schema.HostLists:
		l.hosts[one.name] = s.hostList(one.entries)
	}
}

// usedByItself reports whether headstart uses a list, whatever the rules do:
// what is internal, and where people take control of a machine.
func usedByItself(l listName) bool {
	return l == listName{schema.NetworkLists, internalNetworks} || l == listName{schema.PortLists, "remote_administration"} || l == listName{schema.PortLists, "database"}
}

func (l *lists) extend(s *source, one namedEntries) {
	d := l.defined[listName{one.kind, one.name}]
	d.Size += len(one.entries)
	d.Over = append(d.Over, d.File)
	d.File, d.Line = s.Name, one.at.Line
	switch one.kind {
	case schema.PortLists:
		l.ports[one.name] = unitePorts(l.ports[one.name], s.portList(one.entries))
	case schema.NetworkLists:
		l.networks[one.name] = uniteNetworks(l.networks[one.name], s.networkList(one.entries))
	case schema.RoleLists:
		l.roles[one.name] = uniteRoles(l.roles[one.name], s.roleList(one.entries))
	case schema.HostLists:
		l.hosts[one.name] = uniteNames(l.hosts[one.name], s.hostList(one.entries))
	}
}

type namedEntries struct {
	kind, name string
	at         yamlsrc.Place
	entries    []*yaml.Node
}

// lists returns the lists of a kind. An empty list is one: rules can name it
// before anybody has filled it.
func (s *source) lists(n *yaml.Node, kind string) []namedEntries {
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	var all []namedEntries
	values := s.Mapping(n, kind, nil)
	for i := 0; i+1 < len(n.Content) && values != nil; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		if values[name] != value {
			continue // repeated, and reported
		}
		if !schema.IsListName(name) {
			s.Errorf(yamlsrc.PlaceOf(key), "%q can't be the name of a list: %s", yamlsrc.Short(name), schema.ListNameRules)
			continue
		}
		entries, _ := s.List(value, kind+"."+name)
		all = append(all, namedEntries{kind, name, yamlsrc.PlaceOf(key), entries})
	}
	return all
}
