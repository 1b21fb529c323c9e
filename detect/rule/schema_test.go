package rule_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"headstart/detect/rule"
)

var update = flag.Bool("update", false, "write the files that are made from the code")

// TestShippedSchemas holds that the schemas beside the rules are those of the
// code. go test -run TestShippedSchemas -update writes them.
func TestShippedSchemas(t *testing.T) {
	for _, kind := range rule.SchemaKinds() {
		want, file := rule.Schema(kind), filepath.Join("../../rules.expr", kind+".schema.json")
		if !json.Valid(want) {
			t.Errorf("the schema of %s is no JSON:\n%s", kind, want)
		}
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s (%v) is not what the code says; write it with: go test ./detect/rule -run TestShippedSchemas -update", file, err)
		}
	}
	if rule.Schema("rules") != nil {
		t.Error("there is a schema of what is no kind of file")
	}
}

// TestKeysAreWhole holds that each key says what it is, with an example.
func TestKeysAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range rule.Keys() {
		if k.In == "" || k.Name == "" || k.Type == "" || k.Doc == "" || k.Example == "" || seen[k.In+"."+k.Name] {
			t.Errorf("%+v", k)
		}
		seen[k.In+"."+k.Name] = true
	}
}

// TestNeededKeysAreAskedFor holds that the loader wants what the keys say is
// needed, and knows no others.
func TestNeededKeysAreAskedFor(t *testing.T) {
	const step = "{when: conn.open, by: host.name}"
	whole := map[string]string{
		"a rule":       "X",
		"count":        "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\ncount: {X}\n",
		"sequence":     "rule: a\ntitle: T\nseverity: low\nsequence: {X}\n",
		"a step":       "rule: a\ntitle: T\nseverity: low\nsequence: {within: 5m, steps: [" + step + ", {X}]}\n",
		"path":         "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\npath: {X}\n",
		"absent":       "rule: a\ntitle: T\nseverity: low\nabsent: {X}\n",
		"an exception": "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\nunless: [{X}]\n",
		"tests":        "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\ntests: {X}\n",
		"a case":       "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\ntests: {hosts: a 10.0.0.1 reports, cases: [{X}]}\n",
	}
	for in, text := range whole {
		needed := 0
		for _, k := range rule.Keys() {
			if k.In != in || !k.Needed {
				continue
			}
			needed++
			empty := bytes.ReplaceAll([]byte(text), []byte("X"), []byte("unknown_field: 1"))
			_, err := load(string(empty))
			if err == nil || !bytes.Contains([]byte(err.Error()), []byte(in+" needs the field \""+k.Name+"\"")) {
				t.Errorf("%s without %s: %v", in, k.Name, err)
			}
		}
		if needed == 0 {
			t.Errorf("%s needs nothing", in)
		}
	}
}
