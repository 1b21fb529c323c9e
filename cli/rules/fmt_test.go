package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headstart/cli/clitest"
)

const (
	untidyRule = "when: conn.open and\n  conn.port == 22\nrule: ssh\ntitle: \"T\"\nseverity: low\n"
	tidyRule   = "rule: ssh\ntitle: T\nseverity: low\nwhen: conn.open and conn.port == 22\n"
)

func TestRulesFmt(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "ssh.yaml")
	clitest.WriteFile(t, file, untidyRule)
	clitest.WriteFile(t, filepath.Join(dir, "README"), untidyRule)

	out, err := execute(t, "rules", "fmt", dir, "--check")
	if err == nil || err.Error() != "1 file not formatted: run 'headstart rules fmt'" || out != file+"\n" {
		t.Errorf("check: %v\n%s", err, out)
	}
	out, err = execute(t, "rules", "fmt", dir, "--diff")
	if err != nil || !strings.HasPrefix(out, "--- "+file+"\n") || !strings.Contains(out, "\n-title: \"T\"\n") {
		t.Errorf("diff: %v\n%s", err, out)
	}
	if data, _ := os.ReadFile(file); string(data) != untidyRule {
		t.Fatalf("looking changes the file: %s", data)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	out, err = execute(t, "rules", "fmt", dir)
	data, _ := os.ReadFile(file)
	if err != nil || string(data) != tidyRule || out != file+"\n" {
		t.Errorf("%v\n%s\n%s", err, out, data)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v", info.Mode())
	}
	if out, err := execute(t, "rules", "fmt", file, "--check"); err != nil || out != "" {
		t.Errorf("afterwards: %v\n%s", err, out)
	}
	if other, _ := os.ReadFile(filepath.Join(dir, "README")); string(other) != untidyRule {
		t.Error("another file is changed")
	}
}

func TestRulesFmtLeavesWhatItCanNotRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	clitest.WriteFile(t, file, "rule: [a\n")
	out, err := execute(t, "rules", "fmt", file)
	data, _ := os.ReadFile(file)
	if err == nil || !strings.HasPrefix(out, file+":1:1: not YAML") || string(data) != "rule: [a\n" {
		t.Errorf("%v\n%s\n%s", err, out, data)
	}
}

func TestRulesFmtOfAStream(t *testing.T) {
	c := clitest.Root(NewCommand())
	var out strings.Builder
	c.SetArgs([]string{"rules", "fmt", "-"})
	c.SetIn(strings.NewReader(untidyRule))
	c.SetOut(&out)
	c.SetErr(&out)
	if err := c.Execute(); err != nil || out.String() != tidyRule {
		t.Errorf("%v\n%s", err, out.String())
	}
}
