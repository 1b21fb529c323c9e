package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// loader collects what the files of the layers hold, and their errors.
type loader struct {
	lists    *condition.Lists
	macros   macroFiles
	language *condition.Language
	rules    map[string]*parsedRule // that are active, by id
	over     []*parsedRule          // overrides, in the order of the layers
	unlisted []*parsedRule          // rules that no other can take the place of: their id is taken, or none
	hashes   []string
	files    []ParsedFile
	errors   yamlsrc.Diagnostics
	warnings yamlsrc.Diagnostics
}

// layer reads the files of a directory.
func (l *loader) layer(n int, layer Layer) {
	rules, tests, err := ruleFiles(layer.Files)
	switch {
	case err != nil:
		l.errors = append(l.errors, &yamlsrc.Diagnostic{File: layer.Name, Message: fmt.Sprintf("can't be read: %v", cause(err))})
		return
	case len(rules) > MaxRules:
		l.errors = append(l.errors, &yamlsrc.Diagnostic{File: layer.Name, Message: fmt.Sprintf("%d rules; the limit is %d", len(rules), MaxRules)})
		return
	}
	beside := l.shared(n, layer, schema.ListsFile, func(s *source, data []byte) *yaml.Node { return readLists(l.lists, s, data) }, &l.lists.Unread)
	beside = l.shared(n, layer, schema.MacrosFile, func(s *source, data []byte) *yaml.Node { return l.macros.read(s, data) }, &l.macros.Unread) || beside
	if len(rules) == 0 && !beside {
		l.errors = append(l.errors, &yamlsrc.Diagnostic{File: layer.Name, Message: "no rules here: no file whose name ends in .yaml"})
	}
	var own []*parsedRule
	for _, name := range rules {
		if d := l.open(n, layer, name); d != nil {
			own = append(own, d)
		}
	}
	l.testFiles(n, layer, tests, l.settle(own))
}

// shared reads a file that the rules of all layers share, and reports whether
// the layer has it.
func (l *loader) shared(n int, layer Layer, name string, read func(*source, []byte) *yaml.Node, unread *bool) bool {
	s := newSource(path.Join(layer.Name, name))
	data, err := readFile(layer.Files, name, MaxLists)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false
	case err != nil:
		s.Errorf(yamlsrc.Place{}, "%v", err)
		*unread = true
	default:
		l.keep(n, name, s, read(s, data))
		l.hash(n, name, data)
	}
	l.errors = append(l.errors, s.Diagnostics...)
	return true
}

// keep remembers a parsed file.
func (l *loader) keep(layer int, base string, s *source, root *yaml.Node) {
	if root != nil {
		l.files = append(l.files, ParsedFile{File: s.File, Layer: layer, Base: base, Root: root})
	}
}

// settle decides which rules of a layer take the place of others, and returns
// the layer's own.
func (l *loader) settle(parsed []*parsedRule) (first map[string]*parsedRule) {
	first = map[string]*parsedRule{}
	for _, d := range parsed {
		switch taken := first[d.id]; {
		case d.id == "" && d.override:
		case d.id == "":
			l.unlisted = append(l.unlisted, d)
		case d.override:
			l.over = append(l.over, d)
		case taken != nil:
			d.Errorf(d.at, "the id %s is taken: it is that of %s:%d", yamlsrc.Short(d.id), taken.Name, taken.at.Line)
			l.unlisted = append(l.unlisted, d)
		default:
			first[d.id], l.rules[d.id] = d, d
		}
	}
	for _, d := range parsed {
		if d.id == "" && d.override {
			l.errors = append(l.errors, d.Diagnostics...)
		}
	}
	return first
}

// finish reads the rules that are active, with what overrides them.
func (l *loader) finish() []*Rule {
	ids := slices.Sorted(maps.Keys(l.rules))
	if len(ids) > MaxRules {
		l.errors = append(l.errors, &yamlsrc.Diagnostic{Message: fmt.Sprintf("%d rules in all directories; the limit is %d", len(ids), MaxRules)})
		return nil
	}
	l.language = condition.NewLanguage(l.lists, &l.macros.Macros, ids)
	l.macros.check(l.language)
	l.errors = append(l.errors, l.macros.errors...)
	for _, o := range l.over {
		switch d := l.rules[o.id]; {
		case d == nil:
			o.Errorf(o.at, "there is no rule %s to override%s", yamlsrc.Short(o.id), suggest.DidYouMean(o.id, ids))
		case d.layer > o.layer:
			l.warnings = append(l.warnings, o.At(o.at, "this override has no effect: %s takes the rule's place", d.Name))
		default:
			d.overrides = append(d.overrides, o)
		}
	}
	var all []*Rule
	for _, id := range ids {
		d := l.rules[id]
		all = append(all, d.rule(l.language))
		l.errors = append(l.errors, d.Diagnostics...)
		if d.beside != nil {
			l.errors = append(l.errors, d.beside.Diagnostics...)
		}
	}
	for _, d := range l.unlisted {
		d.rule(l.language)
		l.errors = append(l.errors, d.Diagnostics...)
	}
	for _, o := range l.over {
		l.errors = append(l.errors, o.Diagnostics...)
	}
	return all
}

func (l *loader) hash(layer int, kind string, data []byte) {
	sum := sha256.Sum256(data)
	l.hashes = append(l.hashes, fmt.Sprintf("%d %s %s", layer, kind, hex.EncodeToString(sum[:])))
}

// ruleFiles returns the files of a directory with a rule or an override, and
// those with tests.
func ruleFiles(fsys fs.FS) (rules, tests []string, err error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		extension := path.Ext(e.Name())
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || e.Name() == schema.ListsFile || e.Name() == schema.MacrosFile || extension != ".yaml" && extension != ".yml" {
			continue
		}
		if _, isTest := schema.RuleTestedBy(e.Name()); isTest {
			tests = append(tests, e.Name())
		} else {
			rules = append(rules, e.Name())
		}
	}
	return rules, tests, nil
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

// ReadFile returns a file of the layers by its name as rules have it: the
// layer's name, then the file's.
func ReadFile(layers []Layer, name string) ([]byte, error) {
	for i := len(layers) - 1; i >= 0; i-- {
		if path.Join(layers[i].Name, path.Base(name)) == name {
			return readFile(layers[i].Files, path.Base(name), MaxLists)
		}
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

// cause drops the operation and the path, which the message has already.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
