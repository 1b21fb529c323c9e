package rules

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"headstart/daemon"
	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
)

func TestRulesReference(t *testing.T) {
	out, err := execute(t, "rules", "reference")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range condition.Reference() {
		if !strings.Contains(out, f.Name) || !strings.Contains(strings.Join(strings.Fields(out), " "), f.Example) {
			t.Errorf("%s is missing", f.Name)
		}
	}
	if strings.Contains(out, "](") {
		t.Error("links of the page are printed")
	}
	out, err = execute(t, "rules", "reference", "conn.age", "--output", "json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var first referenceEntry
	if e := json.Unmarshal([]byte(lines[0]), &first); err != nil || e != nil || len(lines) != 2 || first.Name != "conn.age.min" || first.Type != "duration" {
		t.Errorf("%v, %v\n%s", err, e, out)
	}
	if out, err = execute(t, "rules", "reference", "duration"); err != nil || !strings.HasPrefix(out, "FUNCTIONS") {
		t.Errorf("%v\n%s", err, out)
	}
	var usage *daemon.UsageError
	if _, err := execute(t, "rules", "reference", "nothing-like-it"); !errors.As(err, &usage) {
		t.Error(err)
	}
}

func TestRulesSchema(t *testing.T) {
	for _, kind := range schema.Kinds() {
		if out, err := execute(t, "rules", "schema", "--kind", kind); err != nil || out != string(schema.JSON(kind)) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	var usage *daemon.UsageError
	if _, err := execute(t, "rules", "schema", "--kind", "rules"); !errors.As(err, &usage) {
		t.Error(err)
	}
}
