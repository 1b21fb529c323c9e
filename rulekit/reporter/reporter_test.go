package reporter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"headstart/detect/rule/lint"
	"headstart/rulekit/reporter"
	"headstart/yamlsrc"
)

func report() lint.Report {
	return lint.Report{
		Rules:    3,
		Errors:   yamlsrc.Diagnostics{{File: "a,b/x:y.yaml", Line: 4, Column: 2, Source: "when: x", Message: "100% wrong\n::error::forged"}, {File: "d", Message: "can't be read"}},
		Warnings: yamlsrc.Diagnostics{{File: "d/r.yaml", Line: 1, Column: 7, Source: "rule: r", Message: "no <guide>", Code: "no-guide"}},
	}
}

func written(t *testing.T, format string) string {
	t.Helper()
	var b strings.Builder
	if err := reporter.Write(&b, format, report()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGitHub(t *testing.T) {
	const want = "::error file=a%2Cb/x%3Ay.yaml,line=4,col=2::100%25 wrong%0A::error::forged\n" +
		"::error file=d::can't be read\n" +
		"::warning file=d/r.yaml,line=1,col=7,title=no-guide::no <guide>\n"
	if got := written(t, "github"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestJSON(t *testing.T) {
	const want = `{"type":"mistake","file":"a,b/x:y.yaml","line":4,"column":2,"source":"when: x","message":"100% wrong\n::error::forged"}
{"type":"mistake","file":"d","message":"can't be read"}
{"type":"warning","file":"d/r.yaml","line":1,"column":7,"source":"rule: r","message":"no <guide>","code":"no-guide"}
{"type":"summary","rules":3,"mistakes":2,"warnings":1}
`
	if got := written(t, "json"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSARIF(t *testing.T) {
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID, Level string
				Locations     []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           *struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(written(t, "sarif")), &log); err != nil || log.Version != "2.1.0" || len(log.Runs) != 1 {
		t.Fatalf("%v: %+v", err, log)
	}
	known := map[string]bool{}
	for _, r := range log.Runs[0].Tool.Driver.Rules {
		known[r.ID] = true
	}
	results := log.Runs[0].Results
	if len(results) != 3 || results[0].Level != "error" || results[1].Locations[0].PhysicalLocation.Region != nil || results[2].Locations[0].PhysicalLocation.Region.StartColumn != 7 {
		t.Errorf("%+v", results)
	}
	for _, r := range results {
		if !known[r.RuleID] {
			t.Errorf("the tool has no rule %s", r.RuleID)
		}
	}
}

// TestSARIFWithoutResults holds that a clean run differs from none: its results
// are an empty list.
func TestSARIFWithoutResults(t *testing.T) {
	var b strings.Builder
	if err := reporter.Write(&b, "sarif", lint.Report{Rules: 3}); err != nil || !strings.Contains(b.String(), `"results": []`) {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestOtherFormats(t *testing.T) {
	if err := reporter.Write(new(strings.Builder), "text", report()); err == nil {
		t.Error("text is written here")
	}
}
