package readme_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headstart/test/cli"
	"headstart/test/lab"
)

// user is a new user with a fresh clone, on a machine without other traffic.
type user struct {
	clone, state   string
	machine, other *lab.Host
	api            netip.AddrPort // on the other machine
}

// readme maps each command of README.md, CONTRIBUTING.md and docs/README.md to what
// the user does with it.
var readme = map[string]func(*user, *testing.T, string){
	"go run ./cmd/headstart demo":                                                            (*user).seesTheDemo,
	"go run ./cmd/headstart run":                                                             (*user).tries,
	"go run ./cmd/headstart run --show connections --interval 5s":                            (*user).seesItWork,
	"go run ./cmd/headstart run --roles web":                                                 (*user).tries,
	"go run ./cmd/headstart run --rules default --rules DIR":                                 (*user).writesRules,
	"go run ./cmd/headstart rules check default DIR":                                         (*user).checksOwn,
	"go run ./cmd/headstart rules test default DIR":                                          (*user).testsOwn,
	"headstart rules push":                                                                   (*user).seesHelp,
	"headstart rules rollback":                                                               (*user).seesHelp,
	"go run ./cmd/headstart incidents list":                                                  (*user).lists,
	"headstart incidents show ID":                                                            (*user).seesHelp,
	"headstart hosts":                                                                        (*user).seesHelp,
	"headstart evaluate":                                                                     (*user).seesHelp,
	"go run ./cmd/headstart replay --conn-log FILE --inventory FILE":                         (*user).replays,
	"go run ./cmd/headstart rules backtest DIR --conn-log FILE --inventory FILE":             (*user).backtests,
	"headstart rules coverage":                                                               (*user).seesHelp,
	"go run ./cmd/headstart rules explain RULE --host HOST --conn-log FILE --inventory FILE": (*user).explains,
	"go run ./cmd/headstart rules new --title Telnet --port 23":                              (*user).makesARule,
	"go run ./cmd/poller --once --output json":                                               (*user).looksOnce,
	"go run ./cmd/headstart rules check ./rules.expr":                                        (*user).checksRules,
	"go run ./cmd/headstart rules fmt ./rules.expr":                                          (*user).formatsRules,
	"make build":                          (*user).builds,
	"source <(headstart completion bash)": (*user).completes,
	"make help":                           (*user).readsTheTargets,
	"make test":                           (*user).couldMake,
	"make unit":                           (*user).couldMake,
	"make performance":                    (*user).couldMake,
	"make tidy":                           (*user).couldMake,
	"HEADSTART_WEBHOOK_URL=… docker compose up --build": (*user).composes,
}

func TestCommandsOfTheReadme(t *testing.T) {
	l := lab.New(t)
	u := &user{clone: clone(t), machine: l.Host("machine"), other: l.Host("other")}
	u.api = u.other.Serve("tcp4", fmt.Sprintf("%s:8080", u.other.Address)).Address
	// Modules missing from the cache come from the network, which the lab's machines
	// do not have.
	u.must(t, "go build ./cmd/headstart ./cmd/poller")
	found := map[string]bool{}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "docs/README.md"} {
		text, err := os.ReadFile(filepath.Join(u.clone, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range (document{name, string(text)}).commands() {
			do, known := readme[command]
			if !known {
				t.Errorf("%s: command %q has no test in the map readme", name, command)
			}
			if !known || found[command] {
				continue
			}
			found[command] = true
			t.Run(command, func(t *testing.T) {
				u.state = t.TempDir()
				do(u, t, command)
			})
		}
	}
	for command := range readme {
		if !found[command] {
			t.Errorf("command %q is in no document", command)
		}
	}
}

// must runs a command to its end in the clone, with the network.
func (u *user) must(t *testing.T, command string) string {
	t.Helper()
	words := strings.Fields(command)
	stdout, stderr, code := cli.Run(t, cli.Spec{Path: lookUp(t, words[0]), Args: words[1:], Dir: u.clone})
	if code != 0 {
		t.Fatalf("%s: exit code %d\n%s%s", command, code, stdout, stderr)
	}
	return stdout
}

// start starts a command on the machine, at a terminal.
func (u *user) start(t *testing.T, command string) *cli.Program {
	t.Helper()
	words := strings.Fields(command)
	return cli.Start(t, cli.Spec{
		Path: lookUp(t, words[0]), Args: words[1:], Dir: u.clone, Env: []string{"XDG_STATE_HOME=" + u.state, "NO_COLOR=1"},
		Columns: 100, Within: u.machine.Do,
	})
}

func lookUp(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// shows waits for a text, in which every run of white space counts as one space.
func shows(p *cli.Program, text string) {
	p.Await(fmt.Sprintf("%q is shown", text), func() bool {
		return strings.Contains(strings.Join(strings.Fields(p.Stdout()), " "), text)
	})
}

// ends presses Ctrl-C, and expects no error output. For a program that exits with
// another code than 0, go run prints "exit status"; its own code is 1 after any Ctrl-C.
func ends(t *testing.T, p *cli.Program) {
	t.Helper()
	p.Type(cli.CtrlC)
	p.Wait()
	for _, bad := range []string{"level=", "error", "exit status", "signal:"} {
		if strings.Contains(p.Stdout(), bad) {
			t.Errorf("an undisturbed run prints %q", bad)
		}
	}
}

func (u *user) connect(t *testing.T) {
	t.Helper()
	if _, err := u.machine.Open(t.Context(), u.api); err != nil {
		t.Fatal(err)
	}
}

func (u *user) tries(t *testing.T, command string) {
	p := u.start(t, command)
	for _, want := range []string{"host ", "every 30s", "notifies this terminal", "http://127.0.0.1:9470/metrics", "nats://127.0.0.1:4222", "Ctrl-C stops it"} {
		shows(p, want)
	}
	if _, roles, ok := strings.Cut(command, "--roles "); ok {
		shows(p, "roles "+roles)
	}
	ends(t, p)
}

// seesTheDemo waits for each part of the demo by itself: the whole demo takes a
// minute, and two on a busy machine.
func (u *user) seesTheDemo(t *testing.T, command string) {
	p := u.start(t, command)
	for _, part := range []string{
		"learned the baseline", "14:30:00 attacker logs in to web-01", "incident opened", "16:22:08 attacker", "17:30:00 SIEM",
		"Head start over the SIEM: 2 h 5", "1 notified, in ",
	} {
		shows(p, part)
	}
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func (u *user) seesItWork(t *testing.T, command string) {
	p := u.start(t, command)
	shows(p, "started ")
	u.connect(t)
	shows(p, fmt.Sprintf("opened %s → %s, outbound", u.machine.Address, u.api))
	ends(t, p)
	again := u.start(t, command)
	shows(again, "Ctrl-C stops it")
	u.connect(t)
	shows(again, fmt.Sprintf("opened %s → %s, outbound", u.machine.Address, u.api))
	ends(t, again)
	if strings.Contains(again.Stdout(), "started ") {
		t.Error("a restarted run does not continue where it stopped")
	}
}

func (u *user) writesRules(t *testing.T, command string) {
	own := u.overrides(t)
	p := u.start(t, strings.ReplaceAll(command, "DIR", own))
	shows(p, "rules "+strings.Fields(u.must(t, "go run ./cmd/headstart rules check"))[0]+" in default") // an override adds none
	ends(t, p)
}

// overrides writes a directory with one override of the default ruleset.
func (u *user) overrides(t *testing.T) string {
	own := t.TempDir()
	text := "override: ssh-session-long\nreason: people work here\nthresholds: {session: 30m}\n"
	if err := os.WriteFile(filepath.Join(own, "ours.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return own
}

func (u *user) checksOwn(t *testing.T, command string) {
	u.checksRules(t, strings.ReplaceAll(command, "DIR", u.overrides(t)))
}

// testsOwn expects the report of the default tests that the override changes.
func (u *user) testsOwn(t *testing.T, command string) {
	p := u.start(t, strings.ReplaceAll(command, "DIR", u.overrides(t)))
	if code := p.Wait(); code != 0 || !strings.Contains(p.Stdout(), "ours.yaml overrides thresholds.session") || !strings.Contains(p.Stdout(), " 0 failed, 2 changed") {
		t.Errorf("exit code %d\n%s", code, p.Stdout())
	}
}

// lists lists the incidents of a system that has none yet.
func (u *user) lists(t *testing.T, command string) {
	running := u.start(t, "go run ./cmd/headstart run")
	shows(running, "Ctrl-C stops it")
	p := u.start(t, command)
	if code := p.Wait(); code != 0 || !strings.Contains(p.Stdout(), "no matching incidents") {
		t.Errorf("exit code %d", code)
	}
	ends(t, running)
}

// seesHelp checks that the command exists.
func (u *user) seesHelp(t *testing.T, command string) {
	if help := u.must(t, "go run ./cmd/"+strings.TrimSuffix(command, " ID")+" --help"); !strings.Contains(help, command) {
		t.Errorf("the help of %q is\n%s", command, help)
	}
}

// checksRules finds no problem in the default ruleset.
func (u *user) checksRules(t *testing.T, command string) {
	if got := u.must(t, command); !strings.Contains(got, "rules checked, 0 warnings") {
		t.Errorf("%s prints\n%s", command, got)
	}
}

// formatsRules finds the default ruleset formatted.
func (u *user) formatsRules(t *testing.T, command string) {
	if got := u.must(t, command+" --check"); got != "" {
		t.Errorf("%s would change\n%s", command, got)
	}
}

// replays replays the traffic of a synthetic company with an attacker in it.
func (u *user) replays(t *testing.T, command string) {
	u.must(t, "go run ./cmd/headstart simulate --days 2 --learn 24h --hosts 20 --kind aggressive --stealth 0 --dir "+u.state)
	for _, name := range []string{"conn.log", "inventory.yaml"} {
		command = strings.Replace(command, "FILE", filepath.Join(u.state, name), 1)
	}
	output := strings.Split(strings.TrimSpace(u.must(t, command)), "\n")
	var summary struct {
		Type                   string
		Connections, Incidents int
	}
	if err := json.Unmarshal([]byte(output[len(output)-1]), &summary); err != nil {
		t.Fatal(err)
	}
	if summary.Type != "summary" || summary.Connections == 0 || summary.Incidents == 0 {
		t.Errorf("got %+v, want an incident at least", summary)
	}
}

// backtests compares with rules that do not cover remote administration, on a
// synthetic company with an attacker in it.
func (u *user) backtests(t *testing.T, command string) {
	u.must(t, "go run ./cmd/headstart simulate --days 2 --learn 24h --hosts 20 --kind aggressive --stealth 0 --dir "+u.state)
	for _, name := range []string{"conn.log", "inventory.yaml"} {
		command = strings.Replace(command, "FILE", filepath.Join(u.state, name), 1)
	}
	own := filepath.Join(t.TempDir(), "rules")
	for _, name := range []string{"lists.yaml", "poller-silent.yaml"} {
		copyFile(t, filepath.Join(u.clone, "rules.expr", name), filepath.Join(own, name), 0o644)
	}
	if got := u.must(t, strings.Replace(command, "DIR", own, 1)); !strings.Contains(got, "Alerts lost (") || !strings.Contains(got, "old only  administration-at-unusual-hour") {
		t.Errorf("got\n%s", got)
	}
}

// explains explains why a rule fired on a host of a synthetic company with an attacker
// in it.
func (u *user) explains(t *testing.T, command string) {
	u.must(t, "go run ./cmd/headstart simulate --days 2 --learn 24h --hosts 20 --kind aggressive --stealth 0 --dir "+u.state)
	for _, name := range []string{"conn.log", "inventory.yaml"} {
		command = strings.Replace(command, "FILE", filepath.Join(u.state, name), 1)
	}
	alerts := u.must(t, strings.Replace(command[:strings.Index(command, "rules explain")]+"replay"+command[strings.Index(command, " --conn-log"):], "HOST", "", 1))
	var alert struct{ Rule, Host string }
	for line := range strings.Lines(alerts) {
		if strings.Contains(line, `"type":"alert"`) && strings.Contains(line, `"connection":`) {
			if err := json.Unmarshal([]byte(line), &alert); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	command = strings.Replace(strings.Replace(command, "RULE", alert.Rule, 1), "HOST", alert.Host, 1)
	if got := u.must(t, command); !strings.HasPrefix(got, alert.Rule+" fired: ") || !strings.Contains(got, "✓ ") {
		t.Errorf("got\n%s", got)
	}
}

// makesARule scaffolds a rule, and runs its tests.
func (u *user) makesARule(t *testing.T, command string) {
	own := filepath.Join(t.TempDir(), "rules")
	if got := u.must(t, command); !strings.HasPrefix(got, "rule: telnet\n") {
		t.Errorf("got\n%s", got)
	}
	u.must(t, command+" --out "+own)
	if got := u.must(t, "go run ./cmd/headstart rules test default "+own+" --run telnet/"); !strings.Contains(got, "2 passed") {
		t.Errorf("got\n%s", got)
	}
}

func (u *user) looksOnce(t *testing.T, command string) {
	u.connect(t)
	p := u.start(t, command)
	if code := p.Wait(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	var got struct {
		Host    string `json:"host"`
		TakenAt string `json:"taken_at"`
		Sockets []struct{ Local, Remote, State string }
	}
	if err := json.Unmarshal([]byte(p.Stdout()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Host == "" || got.TakenAt == "" || len(got.Sockets) == 0 || got.Sockets[0].Remote != u.api.String() {
		t.Errorf("got %+v, want the connection to %s", got, u.api)
	}
}

func (u *user) builds(t *testing.T, command string) {
	u.must(t, command)
	for _, name := range []string{"headstart", "poller", "tracker", "correlator", "notifier"} {
		version := "bin/" + name + " --version"
		if name == "headstart" {
			version = "bin/headstart version"
		}
		words := strings.Fields(version)
		stdout, stderr, code := cli.Run(t, cli.Spec{Path: filepath.Join(u.clone, words[0]), Args: words[1:]})
		if code != 0 || !strings.HasPrefix(stdout, name+" ") {
			t.Errorf("%s: exit code %d\n%s%s", version, code, stdout, stderr)
		}
	}
}

func (u *user) completes(t *testing.T, command string) {
	stdout, stderr, code := cli.Run(t, cli.Spec{
		Path: lookUp(t, "bash"), Args: []string{"-c", command + " && complete -p headstart"},
		Env: []string{"PATH=" + filepath.Join(u.clone, "bin") + ":" + os.Getenv("PATH")},
	})
	if code != 0 || !strings.Contains(stdout, "__start_headstart headstart") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

func (u *user) readsTheTargets(t *testing.T, command string) {
	listed := strings.Fields(u.must(t, command))
	for _, target := range []string{"help", "build", "test", "unit", "performance"} {
		if !slices.Contains(listed, target) {
			t.Errorf("no %s in %q", target, listed)
		}
	}
}

// composes checks that what needs a Docker engine has its own tests.
func (u *user) composes(t *testing.T, _ string) {
	const where = "test/containers/*_test.go"
	if tests, err := filepath.Glob(filepath.Join(u.clone, where)); err != nil || len(tests) == 0 {
		t.Errorf("no tests in %s: %v", where, err)
	}
}

// couldMake checks that the target exists. To make these targets here would run the
// tests within a test.
func (u *user) couldMake(t *testing.T, command string) { u.must(t, command+" --dry-run") }
