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

func shippedPack(t *testing.T) *rule.Set {
	t.Helper()
	set, err := rule.Load(rules.Files, "rules.expr")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestPageIsThatOfThePack holds docs/rules.md against the rules: what is below
// its line is made from them.
func TestPageIsThatOfThePack(t *testing.T) {
	const line = "<!-- made from rules.expr by go test ./rulekit/ruledoc -update -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, got, found := strings.Cut(string(page), line)
	if !found {
		t.Fatalf("%s has no line %q", file, line)
	}
	want := "\n" + ruledoc.Page(shippedPack(t).Rules, "../rules.expr")
	if *update {
		if err := os.WriteFile(file, []byte(head+line+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s isn't what the rules say; make it anew with -update", file)
	}
}

// TestPackIsComplete holds that an analyst finds all of each shipped rule.
func TestPackIsComplete(t *testing.T) {
	for _, r := range shippedPack(t).Rules {
		for what, missing := range map[string]bool{
			"a description":   r.Description == "",
			"a guide":         r.Guide == "",
			"references":      len(r.References) == 0,
			"false positives": len(r.FalsePositives) == 0,
			"tests":           r.Tests == nil,
			// A clock that is off is nobody's technique.
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
			t.Errorf("%s speaks of false positives in its description", r.ID)
		}
	}
}
