package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headstart/test/cli"
	"headstart/test/process"
)

// TestMistakesEndWithACode runs what goes wrong before or while everything
// starts. The exit code is 2 for a mistake in the command line, and 1 for
// what the machine rejects; standard error names the remedy.
func TestMistakesEndWithACode(t *testing.T) {
	q := newQuiet(t)
	running := cli.Start(t, q.run(t, 0, "--show", "connections"))
	shows(running, "started web-01")
	rules := filepath.Join(t.TempDir(), "rules")
	if err := os.Mkdir(rules, 0o755); err != nil {
		t.Fatal(err)
	}
	rule := "rule: smb\ntitle: SMB\nseverity: high\nwhen: |\n  conn.direction == \"outbound\"\n  and conn.prt == 445\n"
	if err := os.WriteFile(filepath.Join(rules, "smb.yaml"), []byte(rule), 0o644); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	free := []string{"--nats-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--data", data}
	path := process.Build(t, program)[program]
	for _, tt := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"a mistyped command", []string{"rn"}, 2, []string{"error: ", "did you mean run?"}},
		{"a mistyped flag", []string{"run", "--intervl", "5s"}, 2, []string{"error: ", "did you mean --interval?", "headstart run --help"}},
		{"rules that don't compile", append([]string{"run", "--rules", rules}, free...), 2, []string{
			rules + "/smb.yaml:6:12: conn has no field prt; did you mean conn.port?", "6 |   and conn.prt == 445", "\n      |            ^",
		}},
		{"no rules there", append([]string{"run", "--rules", rules + "x"}, free...), 2, []string{rules + "x", "no such file or directory"}},
		{"no configuration there", append([]string{"run", "--config", rules + "/none.yaml"}, free...), 2, []string{"--config", "no such file or directory"}},
		{"too little storage", append([]string{"run", "--storage", "1MB"}, free...), 2, []string{"--storage", "at least 16MiB"}},
		{"the data is in use", []string{"run", "--data", q.data}, 1, []string{q.data + " is in use", "another headstart", "--data"}},
		{"NATS' port is in use", []string{"run", "--data", data}, 1, []string{"127.0.0.1:4222", "address already in use", "--nats-listen"}},
		{"the metrics' port is in use", []string{"run", "--data", data, "--nats-listen", "127.0.0.1:0"}, 1, []string{"127.0.0.1:9470", "address already in use", "--listen"}},
		{"no tables there", append([]string{"run", "--proc", data}, free...), 1, []string{data, "check --proc"}},
		{"no directory for the spool", append([]string{"run", "--spool", "/proc/spool"}, free...), 1, []string{"/proc/spool", "--spool"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := cli.Run(t, cli.Spec{Path: path, Args: tt.args, Within: q.web.Do})
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("it doesn't say %q:\n%s", want, stderr)
				}
			}
			if stdout != "" {
				t.Errorf("on standard output:\n%s", stdout)
			}
		})
	}
	running.Type(cli.CtrlC)
	if code := running.Wait(); code != 0 {
		t.Errorf("the one that ran: exit code %d, want 0", code)
	}
}

func TestCompletionScripts(t *testing.T) {
	path := process.Build(t, program)[program]
	for shell, want := range map[string]string{"bash": "complete -o default -F __start_headstart headstart", "zsh": "#compdef headstart\n", "fish": "complete -c headstart "} {
		t.Run(shell, func(t *testing.T) {
			stdout, stderr, code := cli.Run(t, cli.Spec{Path: path, Args: []string{"completion", shell}})
			if code != 0 || stderr != "" || !strings.Contains(stdout, want) {
				t.Errorf("exit code %d, no %q in\n%.300s\n%s", code, want, stdout, stderr)
			}
		})
	}
	t.Run("bash uses it", func(t *testing.T) {
		// What bash does when Tab is pressed behind these words.
		const script = `source <(headstart completion bash)
COMP_WORDS=(headstart run --output "") COMP_CWORD=3 COMP_LINE="headstart run --output " COMP_POINT=23 COMP_TYPE=9
_init_completion() { cur= prev=--output words=("${COMP_WORDS[@]}") cword=3; }
__start_headstart
printf '%s\n' "${COMPREPLY[@]}"`
		stdout, stderr, code := cli.Run(t, cli.Spec{
			Path: "/bin/bash", Args: []string{"--norc", "-c", script}, Env: []string{"PATH=" + filepath.Dir(path) + ":" + os.Getenv("PATH")},
		})
		if got := strings.Fields(stdout); code != 0 || len(got) != 2 || got[0] != "json" && got[0] != "text" {
			t.Errorf("exit code %d, %q, want json and text\n%s", code, got, stderr)
		}
	})
}
