package process

import (
	"cmp"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// run is one execution of a program, from its start until ended is closed, when
// cmd.ProcessState says how.
type run struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// outputDelay is how long a dead program's output may stay open, by children
// that it left behind.
const outputDelay = 5 * time.Second

func begin(cmd *exec.Cmd, spec Spec) (*run, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: cmp.Or(spec.Orphaned, syscall.SIGKILL)}
	cmd.WaitDelay = outputDelay
	start := cmd.Start
	if spec.Within != nil {
		start = func() error { return spec.Within(cmd.Start) }
	}
	r := &run{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error, 1)
	go r.hold(start, started)
	return r, <-started
}

// hold starts the program and keeps the thread that did until it has ended: a
// parent's death, to PR_SET_PDEATHSIG, is that of the thread (prctl(2)), and
// Go may end a thread at any time.
func (r *run) hold(start func() error, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// A lab's host doesn't take the main thread into its namespace. While
		// this goroutine holds it, a new one gets another.
		done := make(chan struct{})
		go func() { defer close(done); r.hold(start, started) }()
		<-done
		return
	}
	err := start()
	started <- err
	if err == nil {
		r.cmd.Wait() // what it returns is also in ProcessState
		close(r.ended)
	}
}
