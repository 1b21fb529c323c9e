package rules

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headstart/cli/clitest"
	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect/rule/lint"
	"headstart/term"
)

const (
	oddRule    = "rule: odd\ntitle: Odd\nseverity: info\ndescription: D\nguide: G\nwhen: conn.open and conn.closed\ntests: {hosts: a 10.0.0.1 reports, cases: []}\n"
	brokenRule = "rule: smb\ntitle: SMB\nseverity: high\nwhen: conn.prt == 445\n"
)

func TestRulesCheck(t *testing.T) {
	dir := t.TempDir()
	odd, broken := filepath.Join(dir, "odd"), filepath.Join(dir, "broken")
	clitest.WriteFile(t, filepath.Join(odd, "odd.yaml"), oddRule)
	clitest.WriteFile(t, filepath.Join(broken, "odd.yaml"), oddRule)
	clitest.WriteFile(t, filepath.Join(broken, "smb.yaml"), brokenRule)
	const mistake = "/smb.yaml:4:12: conn has no field prt; did you mean conn.port?\n    4 | when: conn.prt == 445\n      |            ^\n"
	const warning = "/odd.yaml:6:21: warning: the rule never fires: conn.open and conn.closed can't be true of one connection [never-fires]\n" +
		"    6 | when: conn.open and conn.closed\n      |                     ^\n"
	for _, tt := range []struct {
		name      string
		args      []string
		out, fail string
	}{
		{"a warning", []string{odd}, odd + warning + "1 rule checked, 1 warning\n", ""},
		{"a warning, strictly", []string{odd, "--strict"}, odd + warning + "1 rule checked, 1 warning\n", "0 mistakes, 1 warning"},
		{"a mistake", []string{broken}, broken + mistake, "1 mistake, 1 warning"},
		{"layers", []string{broken, odd}, broken + mistake, "1 mistake"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append([]string{"rules", "check"}, tt.args...)...)
			if !strings.HasPrefix(out, tt.out) || (err == nil) != (tt.fail == "") || err != nil && !strings.Contains(err.Error(), tt.fail) {
				t.Errorf("%v\n%s\nwant %s\n%s", err, out, tt.fail, tt.out)
			}
			var usage *daemon.UsageError
			if errors.As(err, &usage) {
				t.Error("it is taken for a mistake of the command line")
			}
		})
	}
}

func TestRulesCheckOfTheDefaultRuleset(t *testing.T) {
	out, err := execute(t, "rules", "check", "--output", "json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var summary struct {
		Type            string
		Rules, Mistakes int
	}
	if e := json.Unmarshal([]byte(lines[len(lines)-1]), &summary); e != nil || err != nil || summary.Type != "summary" || summary.Rules < 20 || summary.Mistakes > 0 {
		t.Errorf("%v, %v: %+v", err, e, summary)
	}
}

func TestRulesCheckReadsTests(t *testing.T) {
	dir := t.TempDir()
	clitest.WriteFile(t, filepath.Join(dir, "odd.yaml"), "rule: odd\ntitle: Odd\nseverity: info\nwhen: conn.port == 22\ntests: {hosts: web-01 10.0.0 reports, cases: []}\n")
	out, err := execute(t, "rules", "check", dir)
	if err == nil || !strings.HasPrefix(out, dir+"/odd.yaml:5:23: ") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRulesCheckFromAnotherDay(t *testing.T) {
	dir := t.TempDir()
	clitest.WriteFile(t, filepath.Join(dir, "ssh.yaml"), "rule: ssh\ntitle: T\nseverity: info\ndescription: D\nguide: G\nwhen: conn.port == 22\n"+
		"unless: [{when: conn.peer == '10.0.0.1', owner: o, reason: r, expires: 2026-12-31}]\ntests: {hosts: a 10.0.0.1 reports, cases: []}\n")
	for day, code := range map[string]string{"2026-12-24": "", "2026-12-25": "exception-expires-soon", "2026-12-31": "exception-expires-soon", "2027-01-01": "exception-expired"} {
		out, err := execute(t, "rules", "check", dir, "--now", day, "--output", "github")
		if want := "::warning file=" + dir + "/ssh.yaml,line=7,col=72,title=" + code; err != nil || code == "" && out != "" || code != "" && !strings.HasPrefix(out, want) {
			t.Errorf("on %s: %v, %s", day, err, out)
		}
	}
}

func TestRulesCheckMistakesOfTheCommandLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	clitest.WriteFile(t, file, brokenRule)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"/nowhere"}, "/nowhere: stat /nowhere: no such file or directory"},
		{[]string{file}, "want a directory with rule files"},
		{[]string{"--output", "xml"}, `--output "xml": want text, json, github or sarif`},
		{[]string{"--now", "tomorrow"}, `--now "tomorrow": want a day`},
	} {
		var usage *daemon.UsageError
		if _, err := execute(t, append([]string{"rules", "check"}, tt.args...)...); !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v", tt.args, err)
		}
	}
}

func TestCheckTextHasColoursOnATerminal(t *testing.T) {
	dir := t.TempDir()
	clitest.WriteFile(t, filepath.Join(dir, "odd.yaml"), oddRule)
	layers, err := cmdutil.RuleLayers([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	report := lint.Check(layers, nil, time.Now())
	plain, coloured := checkText(report, term.Page{}), checkText(report, term.Page{Colour: true})
	if plain == coloured || withoutColour(coloured) != plain {
		t.Errorf("%q\n%q", plain, coloured)
	}
}

func withoutColour(text string) string {
	for _, style := range []term.Style{term.Bold, term.Red, term.Yellow, term.Faint} {
		text = strings.ReplaceAll(text, string(style), "")
	}
	return strings.ReplaceAll(text, "\x1b[0m", "")
}
