// Package schema_test compares the JSON Schemas of rules, as an editor's library reads
// them, with the loader.
package schema_test

import (
	"bytes"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"headstart/detect/rule"
	"headstart/detect/rule/schema"
	rules "headstart/rules.expr"
)

func compile(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.JSON(kind)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(kind+".json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance reads YAML as an editor does: a day is a string.
func instance(t *testing.T, text string) any {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	daysAreStrings(&root)
	var value any
	if err := root.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func daysAreStrings(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, child := range n.Content {
		daysAreStrings(child)
	}
}

func kindOf(file string) string {
	if strings.HasSuffix(file, ".test.yaml") {
		return "tests"
	}
	kind := strings.TrimSuffix(file, ".yaml")
	if kind == "lists" || kind == "macros" {
		return kind
	}
	return "rule"
}

func TestShippedFilesMatch(t *testing.T) {
	names, err := fs.Glob(rules.Files, "*.yaml")
	if err != nil || len(names) < 20 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(rules.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := compile(t, kindOf(name)).Validate(instance(t, string(data))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestExamplesOfKeysMatch validates the schema's own examples.
func TestExamplesOfKeysMatch(t *testing.T) {
	s := compile(t, "rule")
	for _, k := range schema.Keys() {
		if k.In != "a rule" {
			continue
		}
		text := "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\n"
		if k.Name == "sequence" || k.Name == "absent" {
			text = strings.Replace(text, "when: conn.open\n", "", 1)
		}
		text = regexp.MustCompile(`(?m)^`+k.Name+`: .*\n`).ReplaceAllString(text, "") + k.Name + ": " + k.Example + "\n"
		if err := s.Validate(instance(t, text)); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

// TestBrokenFilesDoNotMatch checks that the schema rejects what it can, and nothing
// that the loader accepts.
func TestBrokenFilesDoNotMatch(t *testing.T) {
	const whole = "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\n"
	for _, tt := range []struct {
		name, kind, text string
		fits             bool
	}{
		{"a rule", "rule", whole, true},
		{"a misspelt field", "rule", whole + "descripton: x\n", false},
		{"a field twice as a pattern", "rule", whole + "count: {by: host.name, within: 5m, at_least: 3}\npath: {hops: 2, within: 5m}\n", false},
		{"no condition", "rule", "rule: a\ntitle: T\nseverity: low\n", false},
		{"nothing to read", "rule", "rule: a\nseverity: low\nwhen: conn.open\n", false},
		{"a wrong severity", "rule", strings.Replace(whole, "low", "lo", 1), false},
		{"an id with spaces", "rule", strings.Replace(whole, "rule: a", "rule: a b", 1), false},
		{"too many points", "rule", whole + "score: 700\n", false},
		{"a technique", "rule", whole + "attack: T1021\n", false},
		{"a wrong technique", "rule", whole + "attack: [1021]\n", false},
		{"for without a unit", "rule", whole + "for: 30\n", false},
		{"for in words", "rule", whole + "for: 5 minutes\n", false},
		{"for as a threshold", "rule", whole + "thresholds: {long: 5m}\nfor: thresholds.long\n", true},
		{"a sequence", "rule", "rule: a\ntitle: T\nseverity: low\nsequence: {within: 5m, steps: [{when: conn.open, by: host.name}, {when: conn.closed, by: [host.name]}]}\n", true},
		{"a sequence with a condition", "rule", whole + "sequence: {within: 5m, steps: [{when: conn.open, by: host.name}, {when: conn.closed, by: [host.name]}]}\n", false},
		{"a sequence of one", "rule", "rule: a\ntitle: T\nseverity: low\nsequence: {within: 5m, steps: [{when: conn.open, by: host.name}]}\n", false},
		{"an absent host", "rule", "rule: a\ntitle: T\nseverity: low\nabsent: {of: poller, for: 15m}\n", true},
		{"something absent", "rule", "rule: a\ntitle: T\nseverity: low\nabsent: {of: host, for: 15m}\n", false},
		{"an exception", "rule", whole + "unless: [{when: host.name == 'a', owner: o, reason: r, expires: 2026-12-31}]\n", true},
		{"an exception without an end", "rule", whole + "unless: [{when: host.name == 'a', owner: o, reason: r}]\n", false},
		{"tests", "rule", whole + "tests: {hosts: a 10.0.0.1 reports, learn: 4 days, cases: [{name: n, connections: '09:00:00 a -> a:22', alerts: never a}]}\n", true},
		{"tests without hosts", "rule", whole + "tests: {cases: []}\n", false},
		{"enabled in words", "rule", whole + "enabled: on please\n", false},
		{"an override", "override", "override: a\nscore: 5\nthresholds: {long: 15m}\n", true},
		{"an override of nothing", "override", "override: a\n", false},
		{"an override of the title", "override", "override: a\ntitle: T\n", false},
		{"lists", "lists", "ports: {a: [22, 1000-2000, '22']}\nnetworks: {b: [10.0.0.0/8, '::1'], c: []}\nroles: {d: [web]}\nhosts: {e: [web-*]}\nadd: {ports: {a: [23]}}\n", true},
		{"a port too high", "lists", "ports: {a: [70000]}\n", false},
		{"a list in capitals", "lists", "ports: {A: [22]}\n", false},
		{"another kind of list", "lists", "port: {a: [22]}\n", false},
		{"macros", "macros", "a: conn.open\n", true},
		{"a macro that is a list", "macros", "a: [conn.open]\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := compile(t, tt.kind).Validate(instance(t, tt.text))
			if (err == nil) != tt.fits {
				t.Errorf("matches: %t, %v\n%s", err == nil, err, tt.text)
			}
			if tt.kind != "rule" {
				return
			}
			_, loaded := rule.Load(fstest.MapFS{"a.yaml": {Data: []byte(tt.text)}}, "")
			if (loaded == nil) != tt.fits {
				t.Errorf("loads: %t, %v", loaded == nil, loaded)
			}
		})
	}
}

// TestSchemaFilesExist checks that the schemas that the documents name for editors are
// beside the rules.
func TestSchemaFilesExist(t *testing.T) {
	for _, kind := range schema.Kinds() {
		if _, err := os.Stat("../../rules.expr/" + kind + ".schema.json"); err != nil {
			t.Error(err)
		}
	}
}
