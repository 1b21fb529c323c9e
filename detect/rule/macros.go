package rule

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
)

const maxMacros = 1000 // of all directories

// macroFiles are the macros of all directories, and their places.
type macroFiles struct {
	condition.Macros
	from   map[string]*macroSource
	errors yamlsrc.Diagnostics
}

type macroSource struct {
	setting
	over []string // the files whose macro it replaces
}

func newMacroFiles() macroFiles {
	return macroFiles{Macros: condition.Macros{All: map[string]*condition.Macro{}}, from: map[string]*macroSource{}}
}

// read adds the macros of a file; those of the same name are replaced.
func (m *macroFiles) read(s *source, data []byte) *yaml.Node {
	root := s.Parse(data)
	if root == nil {
		m.Unread = m.Unread || len(s.Diagnostics) > 0
		return nil
	}
	values := s.Mapping(root, schema.MacrosFile, nil)
	m.Unread = m.Unread || values == nil
	for i := 0; i+1 < len(root.Content) && values != nil; i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if values[key.Value] != value {
			continue // repeated, and reported
		}
		if !schema.IsListName(key.Value) {
			s.Errorf(yamlsrc.PlaceOf(key), "%q can't be the name of a macro: %s", yamlsrc.Short(key.Value), schema.ListNameRules)
			continue
		}
		if len(m.All) >= maxMacros && m.All[key.Value] == nil {
			s.Errorf(yamlsrc.PlaceOf(key), "more than %d macros", maxMacros)
			return root
		}
		one := &macroSource{setting: setting{s, value}}
		if before := m.from[key.Value]; before != nil {
			one.over = append(before.over, before.s.Name)
		}
		m.from[key.Value] = one
		m.All[key.Value] = &condition.Macro{Text: value.Value, Broken: value.Kind != yaml.ScalarNode}
	}
	return root
}

// check compiles each macro by itself, so that its errors are reported where
// they are and not in every rule that uses it.
func (m *macroFiles) check(lang *condition.Language) {
	checked := map[*source]int{}
	for _, name := range slices.Sorted(maps.Keys(m.All)) {
		one := m.from[name]
		if _, seen := checked[one.s]; !seen {
			checked[one.s] = len(one.s.Diagnostics) // those before are reported already
		}
		before := len(one.s.Diagnostics)
		one.s.condition(one.n, "macro "+name, lang, condition.Frame{Macro: name})
		m.All[name].Broken = len(one.s.Diagnostics) > before
	}
	for s, reported := range checked {
		m.errors = append(m.errors, s.Diagnostics[reported:]...)
	}
	for _, one := range m.All {
		one.Used = false // by others only
	}
}

func (m *macroFiles) definitions() (all []Definition) {
	for _, name := range m.Names() {
		one := m.from[name]
		all = append(all, Definition{Kind: schema.MacroGroup, Name: name, File: one.s.Name, Line: one.n.Line, Used: m.All[name].Used, Size: 1, Over: one.over})
	}
	return all
}
