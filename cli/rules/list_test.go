package rules

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"headstart/cli/clitest"
	"headstart/cli/cmdutil"
	"headstart/daemon"
)

// layered makes two directories, of which the second overrides the first.
func layered(t *testing.T) (base, local string) {
	t.Helper()
	dir := t.TempDir()
	base, local = filepath.Join(dir, "base"), filepath.Join(dir, "local")
	clitest.WriteFile(t, filepath.Join(base, "ssh.yaml"), "rule: ssh\ntitle: SSH\nseverity: high\nattack: [T1021.004]\nwhen: conn.port in ports.ssh\nfor: 5m\n")
	clitest.WriteFile(t, filepath.Join(base, "seen.yaml"), "rule: seen\ntitle: Seen\nseverity: low\nwhen: conn.port == 23\nalert: false\n")
	clitest.WriteFile(t, filepath.Join(base, "off.yaml"), "rule: \"off\"\ntitle: Off\nseverity: medium\nwhen: conn.port == 24\nenabled: false\n")
	clitest.WriteFile(t, filepath.Join(base, "lists.yaml"), "ports:\n  ssh: [22]\n  none: [1]\n")
	clitest.WriteFile(t, filepath.Join(local, "ssh.yaml"), "override: ssh\nreason: it's a lab\nscore: 5\n")
	clitest.WriteFile(t, filepath.Join(local, "lists.yaml"), "ports:\n  ssh: [22, 2222]\n")
	return base, local
}

func TestRulesList(t *testing.T) {
	base, local := layered(t)
	out, err := execute(t, "rules", "list", base, local)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"RULE SEVERITY SCORE LEARNING STATE KIND ATT&CK FILE",
		"off medium 30 15 off single " + base + "/off.yaml",
		"seen low 10 5 feeds others single " + base + "/seen.yaml",
		"ssh high 5 2.5 on for T1021.004 " + base + "/ssh.yaml score from " + local + "/ssh.yaml (it's a lab)",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRulesListAsJSON(t *testing.T) {
	base, local := layered(t)
	out, err := execute(t, "rules", "list", base, local, "--output", "json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) != 3 {
		t.Fatalf("%v\n%s", err, out)
	}
	want := `{"type":"rule","rule":"ssh","title":"SSH","severity":"high","score":5,"score_learning":2.5,"enabled":true,"alert":true,"kind":"for","attack":["T1021.004"],"file":"` +
		base + `/ssh.yaml","overrides":[{"file":"` + local + `/ssh.yaml","fields":["score"],"reason":"it's a lab"}]}`
	if lines[2] != want {
		t.Errorf("got\n%s\nwant\n%s", lines[2], want)
	}
}

func TestRulesListOfLists(t *testing.T) {
	base, local := layered(t)
	out, err := execute(t, "rules", "list", base, local, "--lists", "--output", "json")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]definitionLine{}
	for line := range strings.Lines(out) {
		var d definitionLine
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		found[d.Name] = d
	}
	if d := found["ports.ssh"]; d.Entries != 2 || !d.Used || d.File != local+"/lists.yaml" || len(d.Over) != 1 || d.Over[0] != base+"/lists.yaml" {
		t.Errorf("%+v", d)
	}
	if d := found["ports.none"]; d.Used || len(d.Over) > 0 {
		t.Errorf("%+v", d)
	}
	out, err = execute(t, "rules", "list", base, local, "--lists")
	if want := "over " + base + "/lists.yaml"; err != nil || !strings.Contains(out, want) || !strings.Contains(out, "built in") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRulesShow(t *testing.T) {
	base, local := layered(t)
	out, err := execute(t, "rules", "show", "ssh", "--rules", base, "--rules", local)
	want := "# " + base + "/ssh.yaml, overridden by " + local + "/ssh.yaml\n# " + local + "/ssh.yaml: it's a lab\n\n" +
		"rule: ssh\ntitle: SSH\nseverity: high\nscore: 5  # " + local + "/ssh.yaml\nattack: [T1021.004]\nwhen: conn.port in ports.ssh\nfor: 5m\n"
	if err != nil || out != want {
		t.Errorf("%v\ngot\n%s\nwant\n%s", err, out, want)
	}
	_, err = execute(t, "rules", "show", "shs", "--rules", base)
	var usage *daemon.UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "did you mean ssh?") {
		t.Error(err)
	}
}

// TestShowOfTheDefaultRuleset shows each rule, and loads what is shown.
func TestShowOfTheDefaultRuleset(t *testing.T) {
	t.Parallel()
	set, err := cmdutil.LoadRules(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids(set) {
		if out, err := execute(t, "rules", "show", id); err != nil || !strings.Contains(out, "\nrule: "+id+"\n") {
			t.Errorf("%s: %v\n%s", id, err, out)
		}
	}
}

func TestRulesListAsAPage(t *testing.T) {
	base, local := layered(t)
	out, err := execute(t, "rules", "list", base, local, "--output", "markdown")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Rules\n\n| rule |",
		"| [`ssh`](#ssh) | 5, 2.5 | high | SSH | [T1021.004](https://attack.mitre.org/techniques/T1021/004/) |\n",
		"\n## ssh\n\n**SSH** · high · risk score 5, 2.5 in the learning period\n",
		"| fires on | one connection, open for 5m |\n",
		"| lists | `ports.ssh` |\n| tests | none |\n| file | `" + base + "/ssh.yaml` |\n| set by | `" + local + "/ssh.yaml`: score (it's a lab) |\n",
		"\n**Seen** · low · building block: raises no alert\n",
		"\n**Off** · medium · disabled\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	var usage *daemon.UsageError
	for _, args := range [][]string{{"--output", "markdown", "--lists"}, {"--output", "html"}} {
		if _, err := execute(t, append([]string{"rules", "list", base}, args...)...); !errors.As(err, &usage) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
