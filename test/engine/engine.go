package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"headstart/test/process"
)

// Engine is a running Docker engine. Its methods end the test when they fail,
// so they belong on the test's own goroutine.
type Engine struct {
	t    testing.TB
	host string // DOCKER_HOST; empty for the default
}

// Start returns the engine that the environment points at, if it answers, else
// starts one.
func Start(t testing.TB) *Engine {
	t.Helper()
	running := &Engine{t: t, host: os.Getenv("DOCKER_HOST")}
	if running.answers() == nil {
		return running
	}
	if os.Geteuid() != 0 {
		t.Fatal("no Docker engine answers and starting one needs root: start Docker, or run this test with sudo, or `make unit` for all tests that need neither")
	}
	dockerd, err := exec.LookPath("dockerd")
	if err != nil {
		t.Fatalf("no Docker engine answers and there is none to start: %v (apt-get install docker.io docker-compose busybox-static)", err)
	}
	// Not t.TempDir: the paths of the engine's sockets have to fit into 108
	// bytes (unix(7)).
	dir, err := os.MkdirTemp("", "docker")
	if err != nil {
		t.Fatalf("make a directory for the Docker engine: %v", err)
	}
	t.Cleanup(func() {
		if err := removeAll(dir); err != nil {
			t.Errorf("remove the Docker engine's files: %v", err)
		}
	})
	e := &Engine{t: t, host: "unix://" + filepath.Join(dir, "docker.sock")}
	daemon := process.Start(t, process.Spec{
		Path: dockerd,
		Args: []string{
			"--host", e.host,
			"--log-level", "warn",
			"--data-root", filepath.Join(dir, "data"),
			"--exec-root", filepath.Join(dir, "exec"),
			"--pidfile", filepath.Join(dir, "pid"),
		},
		Ready:    e.answers,
		Orphaned: syscall.SIGTERM, // containers and containerd end with it
	})
	daemon.WaitReady()
	t.Cleanup(daemon.Stop)
	return e
}

const answerTimeout = 10 * time.Second

func (e *Engine) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	_, err := e.run(ctx, nil, "docker", "info", "--format", "{{.ServerVersion}}")
	return err
}

// Docker runs the docker command and returns its standard output without
// surrounding space.
func (e *Engine) Docker(args ...string) string {
	e.t.Helper()
	out, err := e.run(e.t.Context(), nil, "docker", args...)
	if err != nil {
		e.t.Fatal(err)
	}
	return out
}

// Gateway returns an address of this machine that containers reach, whichever
// network they are in: what a test listens on there, they can connect to.
func (e *Engine) Gateway() netip.Addr {
	e.t.Helper()
	out := e.Docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
	address, err := netip.ParseAddr(out)
	if err != nil {
		e.t.Fatalf("find the engine's default network: %v", err)
	}
	return address
}

func (e *Engine) run(ctx context.Context, stdin io.Reader, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = e.environ()
	return output(cmd, stdin)
}

func (e *Engine) environ() []string {
	if e.host == "" {
		return os.Environ()
	}
	return append(os.Environ(), "DOCKER_HOST="+e.host)
}

func output(cmd *exec.Cmd, stdin io.Reader) (string, error) {
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, &out, &complaint)
	}
	return strings.TrimSpace(out.String()), nil
}

// removeAll removes a directory in which an engine has left mounts.
func removeAll(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var problems []error
	for _, line := range slices.Backward(strings.Split(string(mounts), "\n")) {
		fields := strings.Fields(line) // proc(5): the fifth is the mount point
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			if err := unix.Unmount(fields[4], unix.MNT_DETACH); err != nil {
				problems = append(problems, fmt.Errorf("unmount %s: %w", fields[4], err))
			}
		}
	}
	return errors.Join(append(problems, os.RemoveAll(dir))...)
}
