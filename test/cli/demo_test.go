package cli_test

import (
	"os"
	"regexp"
	"testing"

	"headstart/test/cli"
	"headstart/test/process"
)

// TestDemoIsDeterministic runs the demonstration into a pipe, twice: all of
// it is the same but for how long it took, and nothing is left behind.
func TestDemoIsDeterministic(t *testing.T) {
	took := regexp.MustCompile(`, in \d+ s\.`)
	tell := func() string {
		temporary := t.TempDir()
		stdout, stderr, code := cli.Run(t, cli.Spec{
			Path: process.Build(t, program)[program], Args: []string{"demo"}, Env: []string{"TMPDIR=" + temporary},
		})
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
		}
		if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		if !took.MatchString(stdout) {
			t.Errorf("it doesn't say how long it took:\n%s", stdout)
		}
		return took.ReplaceAllString(stdout, "")
	}
	if one, again := tell(), tell(); one != again {
		t.Errorf("first\n%s\nand then\n%s", one, again)
	}
}
