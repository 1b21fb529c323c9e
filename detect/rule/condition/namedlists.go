package condition

import (
	"path"
	"slices"

	"headstart/detect/rule/schema"
)

// Lists are the named lists that conditions refer to.
type Lists struct {
	Ports    map[string]*PortSet
	Networks map[string]*NetworkSet
	Roles    map[string]RoleSet
	Hosts    map[string]*NameSet
	defined  map[listName]*Definition

	// Unread says that a lists.yaml could not be read: then an unknown name is
	// no error of the rule's.
	Unread bool
}

// InternalNetworks is the list of networks by which a peer is internal.
const InternalNetworks = "internal"

type listName struct{ kind, name string }

func NewLists() *Lists {
	l := &Lists{
		Ports:    map[string]*PortSet{},
		Networks: map[string]*NetworkSet{InternalNetworks: defaultInternal()},
		Roles:    map[string]RoleSet{},
		Hosts:    map[string]*NameSet{},
		defined:  map[listName]*Definition{},
	}
	l.Define(&Definition{Kind: schema.NetworkLists, Name: InternalNetworks, Used: true})
	return l
}

// Has reports whether there is a list of a kind by a name.
func (l *Lists) Has(kind, name string) bool { return l.Definition(kind, name) != nil }

// Definition returns the definition of a list; nil when there is no such list.
func (l *Lists) Definition(kind, name string) *Definition { return l.defined[listName{kind, name}] }

// Define adds a definition, in place of that of the same kind and name.
func (l *Lists) Define(d *Definition) { l.defined[listName{d.Kind, d.Name}] = d }

// Names returns the names of a kind's lists.
func (l *Lists) Names(kind string) (names []string) {
	for key := range l.defined {
		if key.kind == kind {
			names = append(names, key.name)
		}
	}
	slices.Sort(names)
	return names
}

// Matching returns the names of the lists that a name with * stands for, or the
// one that it is, and notes that they are used.
func (l *Lists) Matching(kind, name string) (names []string) {
	for _, one := range l.Names(kind) {
		if ok, err := path.Match(name, one); err == nil && ok {
			l.defined[listName{kind, one}].Used = true
			names = append(names, one)
		}
	}
	return names
}

func (l *Lists) Definitions() (all []Definition) {
	for _, kind := range schema.ListKinds() {
		for _, name := range l.Names(kind) {
			all = append(all, *l.defined[listName{kind, name}])
		}
	}
	return all
}

// Definition is a list or a macro.
type Definition struct {
	Kind string // ports, networks, roles, hosts or macros
	Name string
	File string // that it is from; empty for networks.internal where no file has it
	Line int
	Used bool     // by a rule, a macro or headstart itself
	Size int      // entries of a list
	Over []string // the files whose definition it replaces or adds to, the first first
}
