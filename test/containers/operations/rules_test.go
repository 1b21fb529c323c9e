package operations_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headstart/bus/natstest"
	"headstart/test/cli"
	"headstart/test/containers/manual"
	"headstart/test/process"
)

// TestRulesArePushedAsDocumented runs every command of the section on rules, one
// after the other, on a system whose correlator has pushed rules.
func TestRulesArePushedAsDocumented(t *testing.T) {
	server := natstest.Start(t)
	const headstart = "headstart/cmd/headstart"
	built := process.Build(t, headstart, correlatorProgram)
	ready := process.FreeAddress(t, "127.0.0.1")
	correlator := process.Start(t, process.Spec{
		Path: built[correlatorProgram], Args: []string{"--server", server.URL, "--rules", "pushed", "--listen", ready},
		Ready: process.Answers("http://" + ready + "/readyz"),
	})
	correlator.WaitReady()
	dir := t.TempDir()
	own := filepath.Join(dir, "local", "ssh-session-long.yaml")
	if err := os.Mkdir(filepath.Dir(own), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(severity string) {
		if err := os.WriteFile(own, []byte("override: ssh-session-long\nseverity: "+severity+"\nreason: ours\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	output := map[string]string{"push": "changed ssh-session-long", "status": "of pushed active", "history": "mail servers", "rollback": "changed ssh-session-long", "pull": "2-local"}
	seen := map[string]bool{}
	for n, command := range manual.Commands(t, "Rules", "sh") {
		words := split(command)
		if words[0] != "headstart" || words[1] != "rules" {
			t.Fatalf("%s is none of headstart's", command)
		}
		write([]string{"low", "high"}[min(n, 1)])
		stdout, stderr, code := cli.Run(t, cli.Spec{Path: built[headstart], Args: words[1:], Dir: dir, Env: []string{"NATS_URL=" + server.URL}})
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s%s", command, code, stdout, stderr)
		}
		want := output[words[2]]
		if n == 0 {
			want = "added"
		}
		if all := strings.Join(strings.Fields(stdout+stderr), " "); !strings.Contains(all, want) {
			t.Errorf("%s doesn't say %q:\n%s%s", command, want, stdout, stderr)
		}
		seen[words[2]] = true
	}
	if len(seen) != len(output) {
		t.Errorf("docs/operations.md has only %v", seen)
	}
	if _, err := os.Stat(filepath.Join(dir, "pulled", "2-local", "ssh-session-long.yaml")); err != nil {
		t.Error(err)
	}
}

// split splits a command line at spaces that aren't within double quotes.
func split(command string) (words []string) {
	for i, part := range strings.Split(command, `"`) {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}
