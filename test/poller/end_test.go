package poller_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"headstart/test/cli"
	"headstart/test/process"
)

// soon is for how long the poller may go on after SIGTERM.
const soon = 3 * time.Second

func TestEndsSoonWithoutNATS(t *testing.T) {
	for _, tt := range []struct {
		name string
		away func(*server, *poller)
	}{
		{"that was never there", func(_ *server, p *poller) { p.awaitMetric(failed, 1) }},
		{"that went away", func(s *server, p *poller) {
			running, stored := s.startWithStream()
			stored.await(1)
			running.Kill()
			p.awaitMetric(waiting, 2)
		}},
		{"that has no stream", func(s *server, p *poller) {
			s.start()
			p.awaitMetric(failed, p.metric(failed)+2)
		}},
		{"that hangs", func(s *server, p *poller) {
			running, stored := s.startWithStream()
			stored.await(3)
			hang(s.t, running)
			p.awaitMetric(waiting, 2)
		}},
		{"that answers", func(s *server, p *poller) {
			_, stored := s.startWithStream()
			stored.await(3)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			s.t = t
			p := start(t, s.url)
			tt.away(s, p)
			began := time.Now()
			p.Stop()
			if took := time.Since(began); took > soon {
				t.Errorf("ended after %s, want at most %s", took, soon)
			}
		})
	}
}

// hang makes a process stand still until the test ends.
func hang(t *testing.T, p *process.Process) {
	t.Helper()
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(p.PID(), syscall.SIGCONT) })
}

// nobody is a user without a home and without rights.
const nobody = 65534

func TestRunsAsAnyUser(t *testing.T) {
	s := newServer(t)
	_, stored := s.startWithStream()
	binary, err := os.ReadFile(process.Build(t, program)[program])
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "poller")
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	p := cli.Start(t, cli.Spec{Path: path, Args: []string{"--server", s.url, "--host", "web-01", "--interval", "100ms"}, User: nobody})
	stored.await(3)
	p.Type(cli.CtrlC)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if last := stored.last("web-01"); len(last.Sockets) == 0 || last.Rejected > 0 {
		t.Errorf("%d sockets, %d rows rejected", len(last.Sockets), last.Rejected)
	}
}

func TestOnce(t *testing.T) {
	path := process.Build(t, program)[program]
	for _, tt := range []struct {
		name, proc  string
		code        int
		out, errors string
	}{
		{"without tcp6", "no-ipv6", 0, `"sockets":[{"local":"0.0.0.0:22","remote":"0.0.0.0:0","state":"LISTEN","uid":0,"inode":60377,`, ""},
		{"with bad rows", "damaged", 0, `"rejected":[{"file":"net/tcp","line":3,"error":"column local_address`, ""},
		{"without tcp", "none", 1, "", "net/tcp: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := cli.Run(t, cli.Spec{Path: path, Args: []string{
				"--once", "--output", "json", "--proc", filepath.Join("../../services/poller/testdata", tt.proc),
			}})
			if code != tt.code || !strings.Contains(stdout, tt.out) || !strings.Contains(stderr, tt.errors) {
				t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
			}
		})
	}
}

func TestStrippedProgramIsSmall(t *testing.T) {
	const most = 10 << 20
	path := filepath.Join(t.TempDir(), "poller")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > most {
		t.Errorf("%.1f MiB, want at most %d", float64(info.Size())/(1<<20), most>>20)
	}
	t.Logf("%.1f MiB", float64(info.Size())/(1<<20))
}
