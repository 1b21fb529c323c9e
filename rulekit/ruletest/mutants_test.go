package ruletest_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule"
	rules "headstart/rules.expr"
)

// mutant is a rule that is not what it was.
type mutant struct {
	what string
	file []byte
}

// load returns the mutant among the rules that its tests or its conditions name;
// nil when it is no rule any more.
func (m *mutant) load(ruleset fstest.MapFS) *rule.Set {
	lists := fmt.Sprintf("ports: {%[1]s: []}\nnetworks: {%[1]s: []}\nroles: {%[1]s: []}\nhosts: {%[1]s: []}\n", nothing)
	set, err := rule.LoadLayers([]rule.Layer{{Name: "rules.expr", Files: ruleset}, {Name: "mutant", Files: fstest.MapFS{
		"lists.yaml": {Data: []byte(lists)}, "mutant.yaml": {Data: m.file},
	}}}, nil)
	if err != nil {
		return nil
	}
	return set
}

// rulesetAround is the default ruleset without the rules that another doesn't name, and without
// tests: what is loaded for each of its mutants.
func rulesetAround(t *testing.T, set *rule.Set, file []byte) fstest.MapFS {
	t.Helper()
	ruleset := fstest.MapFS{}
	keep := func(name string) {
		text, err := fs.ReadFile(rules.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		text, _, _ = bytes.Cut(text, []byte("\ntests:\n"))
		ruleset[name] = &fstest.MapFile{Data: append(text, '\n')}
	}
	keep("lists.yaml")
	if _, err := fs.Stat(rules.Files, "macros.yaml"); err == nil {
		keep("macros.yaml")
	}
	for _, r := range set.Rules {
		if bytes.Contains(file, []byte(r.ID)) || bytes.Contains(file, []byte("never *")) {
			keep(path.Base(r.File))
		}
	}
	return ruleset
}

// mutator makes mutants of a rule's file.
type mutator struct {
	t       *testing.T
	root    yaml.Node
	mutants []mutant
}

func mutantsOf(t *testing.T, file []byte) []mutant {
	t.Helper()
	b := &mutator{t: t}
	if err := yaml.Unmarshal(file, &b.root); err != nil {
		t.Fatal(err)
	}
	top := b.root.Content[0]
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value == "tests" {
			top.Content = append(top.Content[:i:i], top.Content[i+2:]...)
			break
		}
	}
	b.fields(top, "", "for", "when")
	b.each(top, "thresholds", func(n *yaml.Node) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			b.value(n.Content[i+1], "thresholds."+n.Content[i].Value)
		}
	})
	b.each(top, "count", func(n *yaml.Node) {
		b.fields(n, "count.", "at_least", "above_usual", "beaconing")
		if least := child(n, "at_least"); least == nil || least.Value != "1" || child(n, "sum") != nil {
			b.fields(n, "count.", "within") // one match is within any time
		}
	})
	b.each(top, "sequence", func(n *yaml.Node) {
		b.fields(n, "sequence.", "within")
		b.each(n, "steps", func(steps *yaml.Node) {
			for i, step := range steps.Content {
				b.fields(step, fmt.Sprintf("step %d: ", i+1), "when", "for")
			}
		})
	})
	b.each(top, "path", func(n *yaml.Node) { b.fields(n, "path.", "within", "hops") })
	b.each(top, "absent", func(n *yaml.Node) { b.fields(n, "absent.", "for") })
	return b.mutants
}

func child(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func (b *mutator) each(n *yaml.Node, name string, do func(*yaml.Node)) {
	if c := child(n, name); c != nil {
		do(c)
	}
}

func (b *mutator) fields(n *yaml.Node, of string, names ...string) {
	for _, name := range names {
		switch c := child(n, name); {
		case c == nil:
		case name == "when":
			for _, change := range changesOf(c.Value) {
				b.with(c, change.text, of+change.what)
			}
		default:
			b.value(c, of+name)
		}
	}
}

// value changes a number or a duration.
func (b *mutator) value(n *yaml.Node, name string) {
	others := otherDurations(n.Value)
	if number, err := strconv.Atoi(n.Value); err == nil && name == "path.hops" {
		others = []string{strconv.Itoa(number - 1), strconv.Itoa(number + 1)}
	} else if err == nil || others == nil {
		others = otherNumbers(n.Value)
	}
	for _, other := range others {
		b.with(n, other, name+": "+other+" for "+n.Value)
	}
}

// with adds the rule with another value in a place.
func (b *mutator) with(n *yaml.Node, value, what string) {
	was := *n
	defer func() { *n = was }()
	if n.Value = value; n.Value == was.Value {
		return
	}
	var out bytes.Buffer
	if err := yaml.NewEncoder(&out).Encode(&b.root); err != nil {
		b.t.Fatal(err)
	}
	b.mutants = append(b.mutants, mutant{what, out.Bytes()})
}
