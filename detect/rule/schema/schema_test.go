package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"headstart/detect/rule/schema"
)

var update = flag.Bool("update", false, "write the files that are made from the code")

// TestShippedSchemas holds that the schemas beside the rules are those of the
// code. go test -run TestShippedSchemas -update writes them.
func TestShippedSchemas(t *testing.T) {
	for _, kind := range schema.Kinds() {
		want, file := schema.JSON(kind), filepath.Join("../../../rules.expr", kind+".schema.json")
		if !json.Valid(want) {
			t.Errorf("the schema of %s is no JSON:\n%s", kind, want)
		}
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s (%v) is not what the code says; write it with: go test ./detect/rule/schema -run TestShippedSchemas -update", file, err)
		}
	}
	if schema.JSON("rules") != nil {
		t.Error("there is a schema of what is no kind of file")
	}
}

// TestKeysAreWhole holds that each key says what it is, with an example.
func TestKeysAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range schema.Keys() {
		if k.In == "" || k.Name == "" || k.Type == "" || k.Doc == "" || k.Example == "" || seen[k.In+"."+k.Name] {
			t.Errorf("%+v", k)
		}
		seen[k.In+"."+k.Name] = true
	}
}
