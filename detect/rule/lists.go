package rule

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/suggest"
	"headstart/yamlsrc"
)

// The file with the lists, and the kinds of list in it.
const (
	listsFile         = "lists.yaml"
	portLists         = "ports"
	networkLists      = "networks"
	roleLists         = "roles"
	hostLists         = "hosts"
	internalNetworks  = "internal"
	maxListName       = 64
	wordsOfExpression = "and or not in matches contains startsWith endsWith let if else true false nil"
)

var listNamePattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// isListName reports whether a list, a macro or a threshold can have a name.
func isListName(name string) bool {
	return listNamePattern.MatchString(name) && len(name) <= maxListName && !slices.Contains(strings.Fields(wordsOfExpression), name)
}

const listNameRules = "lower-case letters, digits and _, a letter first, at most 64 characters, no word of the language"

// listKinds are the kinds of list, in the order in which they are shown.
func listKinds() []string { return []string{portLists, networkLists, roleLists, hostLists} }

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

type listName struct{ kind, name string }

func newLists() *lists {
	l := &lists{
		ports:    map[string]*portSet{},
		networks: map[string]*networkSet{internalNetworks: defaultInternal()},
		roles:    map[string]roleSet{},
		hosts:    map[string]*nameSet{},
		defined:  map[listName]*Definition{},
	}
	l.defined[listName{networkLists, internalNetworks}] = &Definition{Kind: networkLists, Name: internalNetworks, Used: true}
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
	for _, kind := range listKinds() {
		for _, name := range l.names(kind) {
			all = append(all, *l.defined[listName{kind, name}])
		}
	}
	return all
}

const addKey = "add"

// read adds the lists of a file. One takes the place of that of the same name;
// below "add" it is added to it.
func (l *lists) read(s *source, data []byte) {
	before := len(s.Diagnostics)
	root := s.Parse(data)
	if root == nil {
		l.unread = true
		return
	}
	kinds := s.Mapping(root, listsFile, append(listKinds(), addKey))
	var added map[string]*yaml.Node
	if n := kinds[addKey]; n != nil {
		added = s.Mapping(n, addKey, listKinds())
	}
	var all, more []namedEntries
	for _, kind := range listKinds() {
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
	case portLists:
		l.ports[one.name] = s.portList(one.entries)
	case networkLists:
		l.networks[one.name] = s.networkList(one.entries)
	case roleLists:
		l.roles[one.name] = s.roleList(one.entries)
	case hostLists:
		l.hosts[one.name] = s.hostList(one.entries)
	}
}

// usedByItself reports whether headstart uses a list, whatever the rules do:
// what is internal, and where people take control of a machine.
func usedByItself(l listName) bool {
	return l == listName{networkLists, internalNetworks} || l == listName{portLists, "remote_administration"} || l == listName{portLists, "database"}
}

func (l *lists) extend(s *source, one namedEntries) {
	d := l.defined[listName{one.kind, one.name}]
	d.Size += len(one.entries)
	d.Over = append(d.Over, d.File)
	d.File, d.Line = s.Name, one.at.Line
	switch one.kind {
	case portLists:
		l.ports[one.name] = unitePorts(l.ports[one.name], s.portList(one.entries))
	case networkLists:
		l.networks[one.name] = uniteNetworks(l.networks[one.name], s.networkList(one.entries))
	case roleLists:
		l.roles[one.name] = uniteRoles(l.roles[one.name], s.roleList(one.entries))
	case hostLists:
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
		if !isListName(name) {
			s.Errorf(yamlsrc.PlaceOf(key), "%q can't be the name of a list: %s", yamlsrc.Short(name), listNameRules)
			continue
		}
		entries, _ := s.List(value, kind+"."+name)
		all = append(all, namedEntries{kind, name, yamlsrc.PlaceOf(key), entries})
	}
	return all
}
