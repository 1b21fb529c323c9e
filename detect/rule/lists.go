package rule

import (
	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// read adds the lists of a file. One takes the place of that of the same name;
// below "add" it is added to it.
func readLists(l *condition.Lists, s *source, data []byte) *yaml.Node {
	before := len(s.Diagnostics)
	root := s.Parse(data)
	if root == nil {
		l.Unread = true
		return nil
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
	l.Unread = l.Unread || len(s.Diagnostics) > before
	for _, one := range all {
		defineList(l, s, one)
	}
	for _, one := range more {
		if !l.Has(one.kind, one.name) {
			s.Errorf(one.at, "there is no list %s in %s to add to%s", one.name, one.kind, suggest.DidYouMean(one.name, l.Names(one.kind)))
			continue
		}
		extendList(l, s, one)
	}
	return root
}

func defineList(l *condition.Lists, s *source, one namedEntries) {
	d := &Definition{Kind: one.kind, Name: one.name, File: s.Name, Line: one.at.Line, Size: len(one.entries), Used: usedByItself(one.kind, one.name)}
	if before := l.Definition(one.kind, one.name); before != nil && before.File != "" {
		d.Over = append(before.Over, before.File)
	}
	l.Define(d)
	switch one.kind {
	case schema.PortLists:
		l.Ports[one.name] = s.portList(one.entries)
	case schema.NetworkLists:
		l.Networks[one.name] = s.networkList(one.entries)
	case schema.RoleLists:
		l.Roles[one.name] = s.roleList(one.entries)
	case schema.HostLists:
		l.Hosts[one.name] = s.hostList(one.entries)
	}
}

// usedByItself reports whether headstart uses a list, whatever the rules do:
// what is internal, and where users take control of a machine.
func usedByItself(kind, name string) bool {
	return kind == schema.NetworkLists && name == condition.InternalNetworks || kind == schema.PortLists && (name == "remote_administration" || name == "database")
}

func extendList(l *condition.Lists, s *source, one namedEntries) {
	d := l.Definition(one.kind, one.name)
	d.Size += len(one.entries)
	d.Over = append(d.Over, d.File)
	d.File, d.Line = s.Name, one.at.Line
	switch one.kind {
	case schema.PortLists:
		l.Ports[one.name] = condition.UnitePorts(l.Ports[one.name], s.portList(one.entries))
	case schema.NetworkLists:
		l.Networks[one.name] = condition.UniteNetworks(l.Networks[one.name], s.networkList(one.entries))
	case schema.RoleLists:
		l.Roles[one.name] = condition.UniteRoles(l.Roles[one.name], s.roleList(one.entries))
	case schema.HostLists:
		l.Hosts[one.name] = condition.UniteNames(l.Hosts[one.name], s.hostList(one.entries))
	}
}

type namedEntries struct {
	kind, name string
	at         yamlsrc.Place
	entries    []*yaml.Node
}

// lists returns the lists of a kind. An empty list is one: rules can name it
// before it has entries.
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
