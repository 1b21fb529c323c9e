package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/event"
	"headstart/yamlsrc"
)

// The limits of directories of rules.
const (
	MaxFile  = 64 << 10 // bytes of a rule's file
	MaxLists = 1 << 20  // bytes of lists.yaml, and of macros.yaml
	MaxRules = 10_000
)

// Set is the rules of one or more directories, compiled. It doesn't change.
type Set struct {
	Rules       []*Rule             // by id, with the rules that are not enabled
	Hash        string              // hexadecimal; the same for the same files, whatever their names and order within a directory
	Definitions []Definition        // the lists and macros, by kind and name
	Warnings    yamlsrc.Diagnostics // what is valid but hardly meant

	ports    map[string]*condition.PortSet
	features condition.Extractor
	fed      map[string]time.Duration // the rules that others use with fired(…), and how far they look back
	language *condition.Language
	macros   map[string]*macroSource
	index    index
}

// Internal reports whether an address is in networks.internal.
func (s *Set) Internal(a event.Address) bool { return s.features.Internal.Has(a) }

// Short is as much of the hash as names the set where users read it.
func (s *Set) Short() string { return s.Hash[:min(len(s.Hash), 12)] }

// Rule returns a rule by its id, nil when there is none.
func (s *Set) Rule(id string) *Rule {
	n, ok := slices.BinarySearchFunc(s.Rules, id, func(r *Rule, id string) int { return strings.Compare(r.ID, id) })
	if !ok {
		return nil
	}
	return s.Rules[n]
}

// HasPort reports whether a port is in a list of ports; false when there is no
// such list.
func (s *Set) HasPort(list string, port uint16) bool {
	ports := s.ports[list]
	return ports != nil && ports.Has(int(port))
}

// Language returns that of the set's conditions.
func (s *Set) Language() *condition.Language { return s.language }

// Macro returns the condition of a macro; nil when there is none of the name.
func (s *Set) Macro(name string) *When {
	m := s.macros[name]
	if m == nil {
		return nil
	}
	return &When{Frame: condition.Frame{Macro: name}, in: m.s, node: m.n}
}

// Feeds returns how far other rules look back to a rule with fired(…); 0 when
// none does.
func (s *Set) Feeds(id string) time.Duration { return s.fed[id] }

// Layer is a directory of rules.
type Layer struct {
	Name  string // as the user knows it, for messages
	Files fs.FS  // with the files in its root
}

// Load is LoadLayers of one directory.
func Load(fsys fs.FS, name string) (*Set, error) { return LoadLayers([]Layer{{name, fsys}}, nil) }

// LoadLayers reads directories of rules, of which a later one wins. In the root
// of each, every file whose name ends in .yaml or .yml and doesn't begin with a
// dot is a rule or an override, but for lists.yaml and macros.yaml. Other files,
// and directories, are ignored.
//
// A rule takes the place of one with its id in an earlier directory, and so do
// lists and macros; an override changes a rule of the same or an earlier one.
// internal is what an inventory says of the internal networks: it takes the
// place of networks.internal, unless it is empty.
//
// The error is of type [yamlsrc.Diagnostics] and holds every error in every file.
func LoadLayers(layers []Layer, internal []netip.Prefix) (*Set, error) {
	_, set, errors := LoadFiles(layers, internal)
	if errors != nil {
		return nil, errors
	}
	return set, nil
}

// ParsedFile is a file of a directory of rules.
type ParsedFile struct {
	*yamlsrc.File
	Layer int    // the number of its directory
	Base  string // its name there
	Root  *yaml.Node
}

// LoadFiles is [LoadLayers] and returns the files too, by layer, in each lists
// and macros first and tests last. Those that are no YAML are left out.
func LoadFiles(layers []Layer, internal []netip.Prefix) ([]ParsedFile, *Set, yamlsrc.Diagnostics) {
	l := &loader{lists: condition.NewLists(), macros: newMacroFiles(), rules: map[string]*parsedRule{}}
	for n, layer := range layers {
		l.layer(n, layer)
	}
	if len(internal) > 0 {
		l.lists.Networks[condition.InternalNetworks] = condition.NewNetworkSet(internal)
	}
	rules := l.finish()
	if len(rules) == 0 && len(l.errors) == 0 {
		l.errors = append(l.errors, &yamlsrc.Diagnostic{File: layers[len(layers)-1].Name, Message: "no rules here: no file whose name ends in .yaml"})
	}
	if len(l.errors) > 0 {
		l.errors.Sort()
		return l.files, nil, l.errors
	}
	return l.files, l.set(rules), nil
}

func (l *loader) set(rules []*Rule) *Set {
	slices.Sort(l.hashes)
	sum := sha256.Sum256([]byte(strings.Join(l.hashes, "\n")))
	l.warnings.Sort()
	s := &Set{
		Rules:       rules,
		Hash:        hex.EncodeToString(sum[:]),
		Definitions: slices.Concat(l.lists.Definitions(), l.macros.definitions()),
		Warnings:    l.warnings,
		ports:       l.lists.Ports,
		features:    l.language.Extractor(),
		fed:         l.language.Fed,
		language:    l.language,
		macros:      l.macros.from,
	}
	s.index = newIndex(s.Rules)
	return s
}
