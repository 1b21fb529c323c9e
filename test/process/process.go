package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Spec is the program to run, its arguments and its environment.
type Spec struct {
	Path string
	Args []string
	Dir  string

	// Env is the environment beside PATH, HOME and TMPDIR; the test's own
	// isn't passed on.
	Env []string

	// Ready returns nil when the process is ready, else why it is not: see [Answers].
	// It may be nil unless WaitReady is called.
	Ready func() error

	// Within, if any, starts the process by calling start, from a thread of
	// its choice: a lab host's Do.
	Within func(start func() error) error

	// Orphaned is the signal that the process gets when the test binary
	// dies; SIGKILL if zero.
	Orphaned syscall.Signal
}

// Process is a program that can be killed and started again. Its methods end
// the test when they fail, so they belong on the test's own goroutine.
type Process struct {
	t      testing.TB
	spec   Spec
	name   string
	output tail
	run    *run
	wanted bool // its end is expected
}

// patience bounds every wait for a process: to become ready, and to end.
const patience = 60 * time.Second

// Start starts a process. It is killed when the test ends, if it still runs;
// one that ends by itself fails the test.
func Start(t testing.TB, spec Spec) *Process {
	t.Helper()
	p := &Process{t: t, spec: spec, name: filepath.Base(spec.Path)}
	p.launch()
	t.Cleanup(p.finish)
	return p
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
}

// Stop ends the process with SIGTERM and waits until it is gone. Any exit code
// but 0 fails the test.
func (p *Process) Stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.run.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("%s: stopped by SIGTERM with %s, want exit status 0", p.name, p.run.cmd.ProcessState)
	}
}

// Restart starts the process again as it was started, after a Kill if it still
// runs.
func (p *Process) Restart() {
	p.t.Helper()
	if p.running() {
		p.Kill()
	}
	p.launch()
}

// Wait waits for the process to end by itself and returns its exit code, or -1
// for a signal.
func (p *Process) Wait() int {
	p.t.Helper()
	p.wanted = true
	p.await()
	return p.run.cmd.ProcessState.ExitCode()
}

// WaitReady waits until the process is ready.
func (p *Process) WaitReady() {
	p.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := p.spec.Ready()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-p.run.ended:
			p.t.Fatalf("%s: ended before it was ready: %s", p.name, p.run.cmd.ProcessState)
		case <-deadline:
			p.t.Fatalf("%s: not ready after %s: %v", p.name, patience, err)
		}
	}
}

// PID returns the process id of the running process.
func (p *Process) PID() int { return p.run.cmd.Process.Pid }

// Output returns the last 256 KiB of what the process wrote to standard output
// and standard error, in all its runs.
func (p *Process) Output() string { return p.output.String() }

func (p *Process) launch() {
	p.t.Helper()
	cmd := exec.Command(p.spec.Path, p.spec.Args...)
	cmd.Dir = p.spec.Dir
	cmd.Env = p.spec.Env
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	l, err := begin(cmd, p.spec)
	if err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	p.run, p.wanted = l, false
}

func (p *Process) signal(s syscall.Signal) {
	p.t.Helper()
	if !p.running() {
		p.t.Fatalf("%s: ended by itself before %s: %s", p.name, s, p.run.cmd.ProcessState)
	}
	p.wanted = true
	if err := p.run.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%s: send %s: %v", p.name, s, err)
	}
	p.await()
}

func (p *Process) await() {
	p.t.Helper()
	select {
	case <-p.run.ended:
	case <-time.After(patience):
		p.t.Fatalf("%s: still runs after %s", p.name, patience)
	}
}

func (p *Process) running() bool {
	select {
	case <-p.run.ended:
		return false
	default:
		return true
	}
}

func (p *Process) finish() {
	switch {
	case p.running():
		p.run.cmd.Process.Kill()
		<-p.run.ended
	case !p.wanted:
		p.t.Errorf("%s: ended by itself: %s", p.name, p.run.cmd.ProcessState)
	}
	if p.t.Failed() {
		p.t.Logf("%s wrote:\n%s", p.name, p.Output())
	}
}
