package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headstart/cli/clitest"
)

// TestCommandsOfTheBacktestPage runs the commands of docs/backtest.md, in a directory
// that has what it names, beside a running system.
func TestCommandsOfTheBacktestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/backtest.md")
	if err != nil {
		t.Fatal(err)
	}
	s := startAll(t)
	dir, _ := recentCompany().write(t)
	recentCompany().fill(t, s)
	if err := os.Rename(copyOfDefault(t, disable("database-session-long")), filepath.Join(dir, "rules.expr")); err != nil {
		t.Fatal(err)
	}
	clitest.WriteFile(t, filepath.Join(dir, "local", "own.yaml"), "override: ssh-session-long\nseverity: info\n")
	t.Chdir(dir)
	t.Setenv("NATS_URL", s.URL)
	ran := 0
	for line := range strings.Lines(string(page)) {
		command, is := strings.CutPrefix(line, "    headstart ")
		if !is {
			continue
		}
		ran++
		t.Run(strings.TrimSpace(command), func(t *testing.T) {
			out, err := execute(t, strings.Fields(command)...)
			if err != nil || len(out) < 100 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	if ran < 8 {
		t.Errorf("only %d commands", ran)
	}
	if data, err := os.ReadFile("layer.json"); err != nil || len(data) < 1000 {
		t.Errorf("%v: %s", err, data)
	}
}
