package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headstart/cli/clitest"
	"headstart/daemon"
)

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Execute(t, NewCommand(), args...)
}

func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	clitest.WriteFile(t, filepath.Join(broken, "smb.yaml"), "rule: smb\ntitle: SMB\nseverity: high\nwhen: conn.prt == 445\n")
	clitest.WriteFile(t, filepath.Join(broken, "ssh.yaml"), "rule: ssh\ntitle: SSH\nseverity: hihg\nwhen: conn.port == 22\n")
	config := filepath.Join(dir, "notifier.yaml")
	clitest.WriteFile(t, config, "receivers:\n  - name: people\n    slak: {}\n")
	empty := filepath.Join(dir, "empty")
	clitest.WriteFile(t, filepath.Join(empty, "README"), "")

	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"a mistyped command", []string{"rn"}, []string{`unknown command "rn"; did you mean run?`, "headstart --help"}},
		{"a command that is like none", []string{"observe"}, []string{`unknown command "observe"`, "headstart --help"}},
		{"a mistyped shell", []string{"completion", "bsh"}, []string{`unknown command "bsh"; did you mean bash?`, "headstart completion --help"}},
		{"a mistyped flag", []string{"run", "--intervl", "5s"}, []string{"unknown flag --intervl; did you mean --interval?", "headstart run --help"}},
		{"a mistyped flag with its value", []string{"run", "--intervl=5s"}, []string{"unknown flag --intervl; did you mean --interval?"}},
		{"a mistyped subcommand", []string{"incidents", "lst"}, []string{`unknown command "lst"; did you mean list?`}},
		{"a mistyped flag of a subcommand", []string{"incidents", "list", "--sine", "1h"}, []string{"unknown flag --sine; did you mean --since?"}},
		{"a flag that is like none", []string{"run", "--colour"}, []string{"unknown flag --colour", "headstart run --help"}},
		{"a flag with one dash", []string{"run", "-interval", "5s"}, []string{"unknown flag -interval; did you mean --interval?"}},
		{"a flag of run without run", []string{"--show", "connections"}, []string{"unknown flag --show; did you mean headstart run --show?"}},
		{"a flag without its value", []string{"run", "--interval"}, []string{"flag needs an argument: --interval"}},
		{"a value of another kind", []string{"run", "--interval", "often"}, []string{`--interval "often"`, "time between two snapshots"}},
		{"an argument", []string{"run", "web-01"}, []string{`"web-01"`, "headstart run --help"}},
		{"an argument of version", []string{"version", "1"}, []string{`"1"`, "headstart version --help"}},
		{"an unknown output", []string{"run", "--output", "xml"}, []string{`--output "xml": want text or json`}},
		{"an unknown thing to show", []string{"run", "--show", "connections,errors"}, []string{`--show "errors": want alerts or connections`}},
		{"NATS for everybody", []string{"run", "--nats-listen", "0.0.0.0:4222"}, []string{`--nats-listen "0.0.0.0:4222": want a loopback address such as 127.0.0.1:4222`}},
		{"NATS on another host", []string{"run", "--nats-listen", "192.0.2.1:4222"}, []string{"want a loopback address"}},
		{"NATS without a port", []string{"run", "--nats-listen", "127.0.0.1"}, []string{"want a loopback address such as 127.0.0.1:4222"}},
		{"rules that aren't there", []string{"run", "--rules", filepath.Join(dir, "none")}, []string{"--rules " + filepath.Join(dir, "none"), "want a directory", "no such file or directory"}},
		{"rules that are a file", []string{"run", "--rules", config}, []string{"--rules " + config + ": want a directory"}},
		{"rules that were pushed, where nothing runs", []string{"replay", "--conn-log", "x", "--rules", "pushed"}, []string{"pushed: only a running correlator can use them", "headstart rules pull"}},
		{"rules twice", []string{"run", "--rules", broken, "--rules", broken}, []string{"given twice"}},
		{"a directory without rules", []string{"run", "--rules", empty}, []string{"no rules here"}},
		{"rules that don't compile", []string{"run", "--rules", broken}, []string{
			broken + "/smb.yaml:4:12: conn has no field prt; did you mean conn.port?\n    4 | when: conn.prt == 445\n      |            ^",
			broken + "/ssh.yaml:3:11: ", "2 errors",
		}},
		{"no such configuration", []string{"run", "--config", filepath.Join(dir, "none.yaml")}, []string{"--config: want a file of receivers", "no such file or directory"}},
		{"a configuration with a mistake", []string{"run", "--config", config}, []string{config + ":3:5: ", `"slak"`}},
		{"all at once", []string{"run", "--output", "xml", "--interval", "1ms", "--rules", broken, "--config", config}, []string{
			"--output", "--interval 1ms: must be 100ms to 24h", "smb.yaml:4:12", "notifier.yaml:3:5",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append(tt.args, dataFlag(tt.args, dir)...)...)
			var usage *daemon.UsageError
			if !errors.As(err, &usage) {
				t.Fatalf("got %v, want a usage error", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got\n%v\nwant %q in it", err, want)
				}
			}
			if out != "" {
				t.Errorf("printed before the error:\n%s", out)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Error("a mistake has made a data directory")
	}
}

// dataFlag keeps a command line that is wrongly taken for right out of the
// user's own data.
func dataFlag(args []string, dir string) []string {
	if args[0] != "run" || args[len(args)-1] == "--interval" {
		return nil
	}
	return []string{"--data", filepath.Join(dir, "data")}
}

func TestEnvironmentIsTheDefault(t *testing.T) {
	t.Setenv("HEADSTART_OUTPUT", "xml")
	t.Setenv("HEADSTART_INTERVAL", "often")
	t.Setenv("HEADSTART_NATS_LISTEN", "0.0.0.0:4222")
	_, err := execute(t, "run", "--interval", "1ms", "--nats-listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	if err == nil {
		t.Fatal("no error")
	}
	// The command line wins over the environment.
	const want = `--output "xml": want text or json` + "\n" + `--interval 1ms: must be 100ms to 24h`
	if err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	_, err = execute(t, "run")
	for _, want := range []string{"HEADSTART_INTERVAL", "--output", "--nats-listen"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}

func TestCompletion(t *testing.T) {
	const (
		onlyThese   = ":4" // cobra.ShellCompDirectiveNoFileComp
		extensions  = ":8"
		directories = ":16"
	)
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{""}, []string{"run\t", "version\t", "completion\t", onlyThese}},
		{[]string{"completion", ""}, []string{"bash\t", "zsh\t", "fish\t", onlyThese}},
		{[]string{"run", "--o"}, []string{"--output\t", onlyThese}},
		{[]string{"run", "--output", ""}, []string{"text\n", "json\n", onlyThese}},
		{[]string{"run", "--output="}, []string{"text\n", "json\n", onlyThese}},
		{[]string{"run", "--show", ""}, []string{"alerts\n", "connections\n", onlyThese}},
		{[]string{"run", "--log-format", ""}, []string{"text\n", "json\n", onlyThese}},
		{[]string{"run", "--log-level", ""}, []string{"debug\n", "info\n", "warn\n", "error\n", onlyThese}},
		{[]string{"run", "--config", ""}, []string{"yaml\n", "yml\n", extensions}},
		{[]string{"run", "--data", ""}, []string{directories}},
		{[]string{"run", "--rules", ""}, []string{directories}},
		{[]string{"run", "--spool", ""}, []string{directories}},
		{[]string{"run", "--proc", ""}, []string{directories}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			out, err := execute(t, append([]string{"__complete"}, tt.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains("\n"+out, "\n"+want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
		})
	}
}

func TestHelpNamesEveryFlagWithItsDefault(t *testing.T) {
	out, err := execute(t, "run", "--help")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"--data directory", "--interval time", "(default 30s)", "--roles roles", "--rules directory", "--config file", "--show events",
		`--nats-listen address`, `(default "127.0.0.1:4222")`, "HEADSTART_", "headstart run --show connections",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestCommandWithoutArgumentsPrintsHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"help"}} {
		out, err := execute(t, args...)
		if err != nil || !strings.Contains(out, "headstart run --show connections") {
			t.Errorf("headstart %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

func TestVersion(t *testing.T) {
	out, err := execute(t, "version")
	if err != nil || !strings.HasPrefix(out, "headstart "+daemon.Version()+" (go1.") {
		t.Errorf("%q, %v", out, err)
	}
}
