// Package cli_test uses the headstart command as a person would.
package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"headstart/test/process"
)

const program = "headstart/headstart"

// running is a headstart run that was started.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}

	mu       sync.Mutex
	out, err bytes.Buffer
	changed  chan struct{}
}

// forEveryone copies a program to where nobody may run it, in the old sense.
func forEveryone(t *testing.T, binary string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "headstart-cli-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "headstart")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, program, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

type writer struct {
	r  *running
	to *bytes.Buffer
}

func (w writer) Write(b []byte) (int, error) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	select {
	case w.r.changed <- struct{}{}:
	default:
	}
	return w.to.Write(b)
}

// start starts headstart run as nobody: it needs no root.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	nats, listen := process.FreeAddress(t, "127.0.0.1"), process.FreeAddress(t, "127.0.0.1")
	r := &running{t: t, done: make(chan struct{}), changed: make(chan struct{}, 1)}
	r.cmd = exec.Command(forEveryone(t, process.Build(t, program)[program]),
		append([]string{"run", "--nats-listen", nats, "--listen", listen, "--host", "web-01", "--interval", "300ms"}, args...)...)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		r.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	r.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
	r.cmd.Stdout, r.cmd.Stderr = writer{r, &r.out}, writer{r, &r.err}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.cmd.Wait(); close(r.done) }()
	t.Cleanup(func() { r.cmd.Process.Kill(); <-r.done })
	return r
}

func (r *running) output() (out, err string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String(), r.err.String()
}

// await waits for a text on standard output.
func (r *running) await(what string, holds func(out string) bool) string {
	r.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		out, errs := r.output()
		if holds(out) {
			return out
		}
		select {
		case <-r.changed:
		case <-r.done:
			r.t.Fatalf("%s: headstart ended:\n%s\n%s", what, out, errs)
		case <-deadline:
			r.t.Fatalf("%s: not within 30 s:\n%s\n%s", what, out, errs)
		}
	}
}

// interrupt is Ctrl-C.
func (r *running) interrupt() {
	r.t.Helper()
	r.cmd.Process.Signal(os.Interrupt)
	select {
	case <-r.done:
	case <-time.After(30 * time.Second):
		r.t.Fatal("still runs 30 s after Ctrl-C")
	}
	out, errs := r.output()
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		r.t.Fatalf("ended with %d after Ctrl-C:\n%s\n%s", code, out, errs)
	}
	if strings.Contains(errs, "level=WARN") || strings.Contains(errs, "level=ERROR") {
		r.t.Errorf("it complains:\n%s", errs)
	}
}

// data returns a directory that nobody may write to, in the old sense.
func data(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "headstart-cli-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

// listener listens on all addresses, on a port that is not handed out to
// programs that ask for none: the default pack reports it.
func listener(t *testing.T) (net.Listener, string) {
	t.Helper()
	_, port, err := net.SplitHostPort(process.FreeAddress(t, "127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "0.0.0.0:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, port
}

func TestRunShowsConnectionsAndAlerts(t *testing.T) {
	dir := data(t)
	r := start(t, "--data", dir, "--show", "connections")
	r.await("the first look", func(out string) bool { return strings.Contains(out, "first look at web-01") })
	_, said := r.output()
	for _, want := range []string{"watching   web-01", "default rules", "NATS       nats://127.0.0.1:", dir, "Ctrl-C"} {
		if !strings.Contains(said, want) {
			t.Errorf("it doesn't say %q at the start:\n%s", want, said)
		}
	}
	l, port := listener(t)
	r.await("the alert", func(out string) bool {
		return strings.Contains(out, "LOW       New listening port  new-listening-port") && strings.Contains(out, "0.0.0.0:"+port)
	})
	client, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	r.await("the connection", func(out string) bool {
		return strings.Contains(out, "opened") && strings.Contains(out, "127.0.0.1:"+port)
	})
	client.Close()
	server.Close()
	out := r.await("its end", func(out string) bool {
		for line := range strings.Lines(out) {
			if strings.Contains(line, "closed ") && strings.Contains(line, ":"+port+", time-wait") {
				return true
			}
		}
		return false
	})
	if strings.Contains(out, "\x1b") {
		t.Error("colours, though it doesn't write to a terminal")
	}
	r.interrupt()
}

func TestRunGoesOnWhereItWas(t *testing.T) {
	dir := data(t)
	first := start(t, "--data", dir, "--output", "json", "--show", "connections")
	first.await("the first look", func(out string) bool { return strings.Contains(out, `"type":"connection"`) })
	_, port := listener(t)
	alert := func(out string) bool {
		return strings.Contains(out, `"type":"alert"`) && strings.Contains(out, `"port":`+port)
	}
	first.await("the alert", alert)
	first.interrupt()
	second := start(t, "--data", dir, "--output", "json", "--show", "connections")
	_, later := listener(t)
	second.await("a later alert", func(out string) bool {
		return strings.Contains(out, `"type":"alert"`) && strings.Contains(out, `"port":`+later)
	})
	second.interrupt()

	seen := map[string]int{}
	for _, r := range []*running{first, second} {
		out, _ := r.output()
		for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
			var line struct{ Type, ID, Rule, Host, Change string }
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Fatalf("not JSON: %s", lines.Text())
			}
			switch line.Type {
			case "alert":
				seen[line.ID]++
			case "connection":
			default:
				t.Errorf("a line of type %q", line.Type)
			}
		}
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("alert %s was printed %d times", id, n)
		}
	}
	if out, _ := second.output(); alert(out) {
		t.Error("the alert of the first run was printed again by the second")
	}
}

func TestMistakesSayWhatToDo(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "broken.yaml"), []byte("rule: broken\ntitle: Broken\nseverity: high\nwhen: conn.prot == 22\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "notifier.yaml")
	if err := os.WriteFile(config, []byte("receivers:\n  - name: soc\n    webhok: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	free := func() []string {
		return []string{"--nats-listen", process.FreeAddress(t, "127.0.0.1"), "--listen", "", "--data", filepath.Join(t.TempDir(), "data")}
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"a mistyped flag", []string{"run", "--intervall", "5s"}, 2, []string{"--intervall", "did you mean --interval", "--help"}},
		{"a mistyped command", []string{"rnu"}, 2, []string{"unknown command", "run"}},
		{"a bad duration", []string{"run", "--interval", "soon"}, 2, []string{"--interval", "soon"}},
		{"an unknown output", append(free(), "--output", "xml"), 2, []string{"text or json"}},
		{"a directory of rules that isn't there", append(free(), "--rules", "/nowhere"), 2, []string{"--rules /nowhere"}},
		{"rules that don't compile", append(free(), "--rules", broken), 2, []string{"broken.yaml:4:", "^", "did you mean", "conn.port"}},
		{"a bad configuration", append(free(), "--config", config), 2, []string{"notifier.yaml:3:", "webhok"}},
		{"an address that others can reach", append(free(), "--nats-listen", "0.0.0.0:4222"), 2, []string{"loopback"}},
		{"an address in use", append(free(), "--nats-listen", busy.Addr().String()), 1, []string{"in use", "--nats-listen"}},
		{"a data directory that can't be made", append(free(), "--data", "/proc/nothing"), 1, []string{"--data"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := tt.args
			if strings.HasPrefix(args[0], "--") {
				args = append([]string{"run"}, args...)
			}
			c := exec.Command(process.Build(t, program)[program], args...)
			out, _ := c.CombinedOutput()
			if code := c.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("it doesn't say %q:\n%s", want, out)
				}
			}
		})
	}
}

func TestDataDirectoryIsForOne(t *testing.T) {
	dir := data(t)
	r := start(t, "--data", dir, "--show", "connections")
	r.await("the first look", func(out string) bool { return strings.Contains(out, "first look") })
	c := exec.Command(process.Build(t, program)[program], "run", "--data", dir, "--nats-listen", process.FreeAddress(t, "127.0.0.1"), "--listen", "")
	out, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "in use") {
		t.Errorf("exit code %d:\n%s", c.ProcessState.ExitCode(), out)
	}
	r.interrupt()
}

func TestHelpVersionAndCompletion(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"--help"}, []string{"headstart run --show connections", "completion", "version"}},
		{[]string{"run", "--help"}, []string{"--interval", "--rules", "--config", "--show", "HEADSTART_INTERVAL"}},
		{[]string{"version"}, []string{"headstart ", "go1."}},
		{[]string{"completion", "bash"}, []string{"bash completion"}},
		{[]string{"completion", "zsh"}, []string{"#compdef"}},
		{[]string{"completion", "fish"}, []string{"fish completion"}},
		{[]string{"__complete", "run", "--output", ""}, []string{"text", "json"}},
		{[]string{"__complete", "run", "--in"}, []string{"--interval"}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			out, err := exec.Command(process.Build(t, program)[program], tt.args...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
		})
	}
}

func TestServicesHaveTheSameFlags(t *testing.T) {
	for _, service := range []string{"poller", "tracker", "correlator", "notifier"} {
		t.Run(service, func(t *testing.T) {
			path := fmt.Sprintf("headstart/services/%s/cmd/%[1]s", service)
			binary := process.Build(t, path)[path]
			out, err := exec.Command(binary, "--help").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{"--server", "--creds", "--tlsca", "--listen", "--log-format", "NATS_URL", "HEADSTART_LISTEN"} {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %s in the help", want)
				}
			}
			c := exec.Command(binary, "--sever", "x", "--log-format", "xml")
			out, _ = c.CombinedOutput()
			if c.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "did you mean --server") || !strings.Contains(string(out), "text or json") {
				t.Errorf("exit code %d, want both mistakes:\n%s", c.ProcessState.ExitCode(), out)
			}
		})
	}
}
