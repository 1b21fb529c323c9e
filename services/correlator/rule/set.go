package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strings"

	"headstart/event"
)

// The limits of a directory of rules.
const (
	MaxFile  = 64 << 10 // bytes of a rule's file
	MaxLists = 1 << 20  // bytes of lists.yaml
	MaxRules = 10_000
)

// Set is the rules of a directory, compiled. It doesn't change.
type Set struct {
	Rules []*Rule // by id, with the rules that are not enabled
	Hash  string  // hexadecimal; the same for the same files, whatever their names and order

	internal   *networkSet
	ports      map[string]*portSet
	dimensions [dimensionCount]dimension
	roleFacts  map[string]roleFacts // what having a role says
	index      index
}

// Internal reports whether an address is in networks.internal.
func (s *Set) Internal(a event.Address) bool { return s.internal.has(a) }

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
	return ports != nil && ports.has(int(port))
}

// Layer is a directory of rules.
type Layer struct {
	Name  string // as the user knows it, for messages
	Files fs.FS  // with the files in its root
}

// Load is LoadLayers of one directory.
func Load(fsys fs.FS, name string) (*Set, error) { return LoadLayers([]Layer{{name, fsys}}, nil) }

// LoadLayers reads directories of rules, of which a later one wins. In the root
// of each, every file whose name ends in .yaml or .yml and doesn't begin with a
// dot is a rule, but for lists.yaml. Other files, and directories, are not
// looked at. internal is what an inventory says of the internal networks: it
// takes the place of networks.internal, unless it is empty.
//
// The error is of type [Errors] and holds every mistake in every file.
func LoadLayers(layers []Layer, internal []netip.Prefix) (*Set, error) {
	fsys, name := layers[0].Files, layers[0].Name
	names, err := ruleFiles(fsys)
	if err != nil {
		return nil, Errors{{File: name, Message: fmt.Sprintf("can't be read: %v", cause(err))}}
	}
	if len(names) > MaxRules {
		return nil, Errors{{File: name, Message: fmt.Sprintf("%d rules; the limit is %d", len(names), MaxRules)}}
	}
	l := loader{fsys: fsys, name: name, lists: newLists()}
	l.loadLists()
	if len(internal) > 0 {
		l.lists.networks[internalNetworks] = newNetworkSet(internal)
	}
	l.language = newLanguage(l.lists)
	for _, file := range names {
		l.loadRule(file)
	}
	if len(names) == 0 {
		l.errors = append(l.errors, &Error{File: name, Message: "no rules here: no file whose name ends in .yaml"})
	}
	if len(l.errors) > 0 {
		l.errors.sort()
		return nil, l.errors
	}
	return l.set(), nil
}

func ruleFiles(fsys fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		extension := path.Ext(e.Name())
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || e.Name() == listsFile || extension != ".yaml" && extension != ".yml" {
			continue
		}
		names = append(names, e.Name())
	}
	return names, nil
}

// loader collects what the files of a directory hold, and their mistakes.
type loader struct {
	fsys     fs.FS
	name     string
	lists    *lists
	language *language
	rules    []*Rule
	places   map[string]string // of each rule's id
	hashes   []string
	errors   Errors
}

func (l *loader) loadLists() {
	s := &source{file: path.Join(l.name, listsFile)}
	data, err := readFile(l.fsys, listsFile, MaxLists)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		s.mistake(place{}, "%v", err)
		l.lists.unread = true
	default:
		l.lists = readLists(s, data)
		l.hash("lists", data)
	}
	l.errors = append(l.errors, s.errors...)
}

func (l *loader) loadRule(file string) {
	s := &source{file: path.Join(l.name, file)}
	defer func() { l.errors = append(l.errors, s.errors...) }()
	data, err := readFile(l.fsys, file, MaxFile)
	if err != nil {
		s.mistake(place{}, "%v", err)
		return
	}
	l.hash("rule", data)
	r, at := readRule(s, data, l.language)
	if r == nil || r.ID == "" {
		return
	}
	if first, taken := l.places[r.ID]; taken {
		s.mistake(at, "the id %s is taken: it is that of %s", short(r.ID), first)
		return
	}
	if l.places == nil {
		l.places = make(map[string]string)
	}
	l.places[r.ID] = fmt.Sprintf("%s:%d", s.file, at.line)
	l.rules = append(l.rules, r)
}

func (l *loader) hash(kind string, data []byte) {
	sum := sha256.Sum256(data)
	l.hashes = append(l.hashes, kind+" "+hex.EncodeToString(sum[:]))
}

func (l *loader) set() *Set {
	slices.SortFunc(l.rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	slices.Sort(l.hashes)
	sum := sha256.Sum256([]byte(strings.Join(l.hashes, "\n")))
	s := &Set{
		Rules:      l.rules,
		Hash:       hex.EncodeToString(sum[:]),
		internal:   l.lists.networks[internalNetworks],
		ports:      l.lists.ports,
		dimensions: dimensions(),
		roleFacts:  make(map[string]roleFacts),
	}
	for i, roles := range l.language.roleSets {
		for role := range roles {
			s.roleFacts[role] |= hasRole(i)
		}
	}
	s.index = newIndex(s.Rules, &s.dimensions)
	return s
}

func readFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", cause(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("can't be read: %w", cause(err))
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("the file is larger than %d KiB", limit>>10)
	}
	return data, nil
}

// cause drops the operation and the path, which the message has already.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
