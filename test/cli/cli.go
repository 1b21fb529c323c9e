// Package cli runs a program as a person does: from a terminal of some width,
// with its output on the screen or in a pipe, ended by Ctrl-C.
//
//	p := cli.Start(t, cli.Spec{Path: bin, Args: []string{"run"}, Columns: 80})
//	p.Await("the first line", func() bool { return strings.Contains(p.Stdout(), "\n") })
//	p.Type(cli.CtrlC)
//	code := p.Wait()
//
// It guarantees that no program outlives its test, nor the test binary if that
// is killed itself: the terminal is gone then, and the kernel hangs up. When a
// test fails, what its programs wrote is shown.
package cli

import (
	"cmp"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// Spec is the program to run, its arguments and its environment.
type Spec struct {
	Path string
	Args []string
	Dir  string

	// Env is the environment beside PATH, HOME, TMPDIR, TERM and what Go's
	// tools look at; the test's own isn't passed on.
	Env []string

	// User is the user and group id of the program; 0 is the test's own.
	User uint32

	// Columns is the width of the terminal that shows standard output and
	// standard error. With 0 each goes into a pipe.
	Columns int

	// Within, if any, starts the program by calling start: a lab host's Do.
	Within func(start func() error) error
}

// Program is a running program. Its methods that wait end the test when that
// takes too long, so they belong on the test's own goroutine.
type Program struct {
	t        testing.TB
	name     string
	cmd      *exec.Cmd
	terminal *os.File
	out, err written
	ended    chan struct{}
}

// CtrlC is what the key sends.
const CtrlC = "\x03"

// patience bounds every wait. Compiling a program can take a while.
const patience = 2 * time.Minute

// Start starts a program. It is killed when the test ends, if it still runs.
func Start(t testing.TB, spec Spec) *Program {
	t.Helper()
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	defer tty.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 50, Cols: uint16(cmp.Or(spec.Columns, 80))}); err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	p := &Program{t: t, name: filepath.Base(spec.Path), terminal: terminal, ended: make(chan struct{})}
	p.cmd = exec.Command(spec.Path, spec.Args...)
	p.cmd.Dir, p.cmd.Env = spec.Dir, environment(spec.Env)
	p.cmd.Stdin = tty
	p.cmd.WaitDelay = 5 * time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if spec.User != 0 {
		p.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: spec.User, Gid: spec.User}
	}
	screen := io.Discard // what is typed is echoed
	if spec.Columns > 0 {
		p.cmd.Stdout, p.cmd.Stderr, screen = tty, tty, &p.out
	} else {
		p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	}
	start := p.cmd.Start
	if spec.Within != nil {
		start = func() error { return spec.Within(p.cmd.Start) }
	}
	if err := start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	shown := make(chan struct{})
	go func() { defer close(shown); io.Copy(screen, terminal) }() // EIO when nobody has the terminal open
	go func() { defer close(p.ended); p.cmd.Wait(); <-shown }()
	t.Cleanup(p.finish)
	return p
}

// Run runs a program to its end and returns what it wrote and its exit code.
func Run(t testing.TB, spec Spec) (stdout, stderr string, code int) {
	t.Helper()
	p := Start(t, spec)
	code = p.Wait()
	return p.Stdout(), p.Stderr(), code
}

func environment(own []string) []string {
	env := []string{"TERM=xterm-256color"}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if name == "PATH" || name == "HOME" || name == "TMPDIR" || strings.HasPrefix(name, "GO") {
			env = append(env, variable)
		}
	}
	return append(env, own...)
}

// Type sends keys to the terminal.
func (p *Program) Type(keys string) {
	p.t.Helper()
	if _, err := p.terminal.WriteString(keys); err != nil {
		p.t.Fatalf("type into %s: %v", p.name, err)
	}
}

// Kill ends the program with SIGKILL and waits until it is gone.
func (p *Program) Kill() {
	p.t.Helper()
	p.killGroup()
	p.Wait()
}

// Wait waits for the program to end and returns its exit code, or -1 for a
// signal.
func (p *Program) Wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("%s: still runs after %s", p.name, patience)
		return 0
	}
}

// Await waits until something holds, and fails the test if that takes too long
// or the program ends before.
func (p *Program) Await(what string, holds func() bool) {
	p.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-p.ended:
			if !holds() {
				p.t.Fatalf("%s: ended (%s) before %s", p.name, p.cmd.ProcessState, what)
			}
		case <-deadline:
			p.t.Fatalf("%s: not within %s: %s", p.name, patience, what)
		}
	}
}

// Stdout returns what the program wrote to standard output so far, or all that
// the terminal shows.
func (p *Program) Stdout() string { return p.out.String() }

// Stderr returns what the program wrote to standard error so far, if that is
// not the terminal.
func (p *Program) Stderr() string { return p.err.String() }

func (p *Program) finish() {
	select {
	case <-p.ended:
	default:
		p.killGroup()
	}
	p.terminal.Close()
	<-p.ended
	if p.t.Failed() {
		p.t.Logf("%s wrote:\n%s%s", p.name, p.Stderr(), p.Stdout())
	}
}

// killGroup kills the program and those that it has started: go run another.
func (p *Program) killGroup() { syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// written keeps what is written to it. It is safe for concurrent use.
type written struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
