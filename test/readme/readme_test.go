// Package readme_test runs the commands of README.md, CONTRIBUTING.md and
// SECURITY.md in a fresh clone, as a new user would.
package readme_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"headstart/test/process"
)

// checks say for every command of the documents what it does. A command that
// has none fails the test: document and test go together.
var checks = map[string]func(t *testing.T, clone, command string){
	"go run ./headstart run":                                  runsUntilCtrlC,
	"go run ./headstart run --show connections --interval 5s": runsUntilCtrlC,
	"go run ./headstart run --roles web":                      runsUntilCtrlC,
	"go run ./headstart run --rules DIR":                      runsUntilCtrlC,
	"go run ./services/poller/cmd/poller --once --output json": func(t *testing.T, clone, command string) {
		var snapshot struct {
			Host    string
			Sockets []any
		}
		if err := json.Unmarshal(succeeds(t, clone, command), &snapshot); err != nil || snapshot.Host == "" {
			t.Errorf("%v: %+v", err, snapshot)
		}
	},
	"make build": func(t *testing.T, clone, command string) {
		succeeds(t, clone, command)
		for _, name := range []string{"headstart", "poller", "tracker", "correlator", "notifier"} {
			if _, err := os.Stat(filepath.Join(clone, "bin", name)); err != nil {
				t.Error(err)
			}
		}
	},
	"source <(headstart completion bash)": func(t *testing.T, clone, command string) {
		succeeds(t, clone, "make build >&2 && PATH=$PWD/bin:$PATH && "+command+" && complete -p headstart")
	},
	"make help": func(t *testing.T, clone, command string) {
		if out := succeeds(t, clone, command); !bytes.Contains(out, []byte("unit")) {
			t.Errorf("%s", out)
		}
	},
	// These run this test, or what is a test of its own.
	"make test": wouldRun, "make unit": wouldRun, "make tidy": wouldRun, "make performance": wouldRun,
	"HEADSTART_WEBHOOK_URL=… docker compose up --build": testedIn("test/containers"),
}

func TestEveryCommandRuns(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "headstart")
	if out, err := exec.Command("git", "-c", "safe.directory=*", "clone", "--quiet", "--no-hardlinks", root, clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	seen := map[string]bool{}
	for _, document := range []string{"README.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range commands(string(text)) {
			if seen[command] {
				continue
			}
			seen[command] = true
			t.Run(document+"/"+command, func(t *testing.T) {
				check := checks[command]
				if check == nil {
					t.Fatal("no test runs this command")
				}
				check(t, clone, command)
			})
		}
	}
	for command := range checks {
		if !seen[command] {
			t.Errorf("no document has the command %q any more", command)
		}
	}
}

var quoted = regexp.MustCompile("`((?:go run|make|source|docker|HEADSTART_)[^`]+)`")

// commands are the indented lines of a document, less what comments say, and
// what is quoted and begins like a command.
func commands(text string) (all []string) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "    "); ok {
			command, _, _ := strings.Cut(rest, " #")
			all = append(all, strings.TrimSpace(command))
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			all = append(all, m[1])
		}
	}
	return slices.DeleteFunc(all, func(c string) bool { return c == "" })
}

func environment(t *testing.T) []string {
	t.Helper()
	return append(os.Environ(),
		"HEADSTART_DATA="+filepath.Join(t.TempDir(), "data"),
		"HEADSTART_NATS_LISTEN="+process.FreeAddress(t, "127.0.0.1"),
		"HEADSTART_LISTEN="+process.FreeAddress(t, "127.0.0.1"),
	)
}

func succeeds(t *testing.T, clone, command string) []byte {
	t.Helper()
	c := exec.Command("bash", "-c", command)
	c.Dir, c.Env = clone, environment(t)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs.String())
	}
	return out
}

func wouldRun(t *testing.T, clone, command string) { succeeds(t, clone, command+" -n") }

func testedIn(directory string) func(t *testing.T, clone, command string) {
	return func(t *testing.T, clone, _ string) {
		if files, err := filepath.Glob(filepath.Join(clone, directory, "*_test.go")); err != nil || len(files) == 0 {
			t.Errorf("no tests in %s: %v", directory, err)
		}
	}
}

type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// runsUntilCtrlC starts a command, waits until it says how to end it, and does
// what it says: at a terminal Ctrl-C goes to the whole process group.
func runsUntilCtrlC(t *testing.T, clone, command string) {
	c := exec.Command("bash", "-c", "exec "+strings.ReplaceAll(command, " DIR", " rules.expr"))
	c.Dir, c.Env = clone, environment(t)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := &output{changed: make(chan struct{}, 1)}
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	defer syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
	deadline := time.After(2 * time.Minute)
	for !strings.Contains(out.String(), "Ctrl-C ends it") {
		select {
		case <-out.changed:
		case err := <-done:
			t.Fatalf("ended: %v\n%s", err, out)
		case <-deadline:
			t.Fatalf("not running after two minutes:\n%s", out)
		}
	}
	if err := syscall.Kill(-c.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
		// go run ends with 1 after an interrupt, whatever the program did; it
		// prints how the program ended unless that was with 0.
	case <-deadline:
		t.Fatalf("still runs after Ctrl-C:\n%s", out)
	}
	for _, complaint := range []string{"exit status", "signal:", "error:", "level=WARN", "level=ERROR"} {
		if strings.Contains(out.String(), complaint) {
			t.Errorf("it complains:\n%s", out)
		}
	}
}
