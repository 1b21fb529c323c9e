package ruledoc_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"headstart/detect/rule"
	"headstart/rulekit/ruledoc"
	rules "headstart/rules.expr"
)

var update = flag.Bool("update", false, "write docs/rules.md")

const file = "../../docs/rules.md"

func defaultRuleset(t *testing.T) *rule.Set {
	t.Helper()
	set, err := rule.Load(rules.Files, "rules.expr")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestPageIsCurrent compares docs/rules.md, below its line, with the page generated
// from the rules.
func TestPageIsCurrent(t *testing.T) {
	const line = "<!-- made from rules.expr by go test ./rulekit/ruledoc -update -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, got, found := strings.Cut(string(page), line)
	if !found {
		t.Fatalf("%s has no line %q", file, line)
	}
	want := "\n" + ruledoc.Page(defaultRuleset(t).Rules, "../rules.expr")
	if *update {
		if err := os.WriteFile(file, []byte(head+line+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s is not current: regenerate it with -update", file)
	}
}

// TestRulesAreComplete holds that each rule of the default ruleset has every field
// that a responder needs.
func TestRulesAreComplete(t *testing.T) {
	for _, r := range defaultRuleset(t).Rules {
		for what, missing := range map[string]bool{
			"a description":   r.Description == "",
			"a guide":         r.Guide == "",
			"references":      len(r.References) == 0,
			"false positives": len(r.FalsePositives) == 0,
			"tests":           r.Tests == nil,
			// A wrong clock is no technique.
			"ATT&CK": len(r.Attack) == 0 && r.ID != "clock-off",
		} {
			if missing {
				t.Errorf("%s has no %s", r.ID, what)
			}
		}
		for _, id := range r.Attack {
			if page := "https://attack.mitre.org/techniques/" + strings.Replace(id, ".", "/", 1) + "/"; !slices.Contains(r.References, page) {
				t.Errorf("%s: %s is not among its references", r.ID, page)
			}
		}
		if strings.Contains(strings.ToLower(r.Description), "false positive") {
			t.Errorf("%s mentions false positives in its description", r.ID)
		}
	}
}
