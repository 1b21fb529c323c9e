package process

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/test/lab"
)

// TestMain lets tests start this binary as a process that isn't a test.
func TestMain(m *testing.M) {
	address := os.Getenv("PROCESS_TEST_ADDRESS")
	switch os.Getenv("PROCESS_TEST") {
	case "":
		os.Exit(m.Run())
	case "exit 3":
		fmt.Fprintln(os.Stderr, "this is the end")
		os.Exit(3)
	case "serve":
		fmt.Println("serving")
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		go func() {
			<-signals
			fmt.Println("stopping")
			os.Exit(0)
		}()
		fmt.Fprintln(os.Stderr, http.ListenAndServe(address, http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.Join(os.Environ(), "\n")) })))
		os.Exit(1)
	case "parent":
		if _, err := begin(self("serve", address).command(), Spec{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		io.Copy(io.Discard, os.Stdin) // until killed
	}
}

func self(mode, address string) Spec {
	return Spec{
		Path:  "/proc/self/exe",
		Env:   []string{"PROCESS_TEST=" + mode, "PROCESS_TEST_ADDRESS=" + address},
		Ready: Answers("http://" + address),
	}
}

func (s Spec) command() *exec.Cmd {
	cmd := exec.Command(s.Path, s.Args...)
	cmd.Env = s.Env
	return cmd
}

func TestKillAndRestart(t *testing.T) {
	p := Start(t, self("serve", FreeAddress(t, "127.0.0.1")))
	p.WaitReady()
	first := p.PID()
	p.Kill()
	if err := p.spec.Ready(); err == nil {
		t.Error("a killed process still answers")
	}
	p.Restart()
	p.WaitReady()
	if p.PID() == first {
		t.Errorf("after the restart it is still process %d", first)
	}
	p.Restart()
	p.WaitReady()
	if n := strings.Count(p.Output(), "serving"); n != 3 {
		t.Errorf("the output shows %d runs, want 3:\n%s", n, p.Output())
	}
}

func TestStopWaitsForAnOrderlyEnd(t *testing.T) {
	p := Start(t, self("serve", FreeAddress(t, "127.0.0.1")))
	p.WaitReady()
	p.Stop()
	if !strings.HasSuffix(p.Output(), "stopping\n") {
		t.Errorf("the output isn't whole when Stop returns: %q", p.Output())
	}
}

func TestWaitReturnsExitCodeAndOutput(t *testing.T) {
	p := Start(t, self("exit 3", ""))
	if code := p.Wait(); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	if got := p.Output(); got != "this is the end\n" {
		t.Errorf("output %q", got)
	}
}

// recorder is a test that goes on after it has failed, and keeps its cleanups
// for later.
type recorder struct {
	testing.TB
	failed   bool
	messages strings.Builder
	cleanups []func()
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Failed() bool     { return r.failed }
func (r *recorder) Logf(format string, args ...any) {
	fmt.Fprintf(&r.messages, format+"\n", args...)
}
func (r *recorder) Errorf(format string, args ...any) {
	r.failed = true
	r.Logf(format, args...)
}

func TestUnexpectedEndFailsTheTestAndShowsTheOutput(t *testing.T) {
	r := &recorder{TB: t}
	p := Start(r, self("exit 3", ""))
	<-p.run.ended
	r.cleanups[0]()
	if !r.failed {
		t.Error("a process that ended by itself didn't fail the test")
	}
	for _, want := range []string{"exit status 3", "this is the end"} {
		if !strings.Contains(r.messages.String(), want) {
			t.Errorf("the failure message lacks %q: %s", want, &r.messages)
		}
	}
}

func TestCleanupKillsRunningProcesses(t *testing.T) {
	r := &recorder{TB: t}
	p := Start(r, self("serve", FreeAddress(t, "127.0.0.1")))
	p.WaitReady()
	r.cleanups[0]()
	if p.running() || r.failed {
		t.Errorf("after the cleanup: running %t, test failed %t; want neither", p.running(), r.failed)
	}
}

func TestEnvironmentIsNotInherited(t *testing.T) {
	t.Setenv("HEADSTART_SERVER", "nats://elsewhere")
	address := FreeAddress(t, "127.0.0.1")
	p := Start(t, self("serve", address))
	p.WaitReady()
	response, err := http.Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	env, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(env), "HEADSTART_SERVER") || !strings.Contains(string(env), "PATH=") {
		t.Errorf("the process has the environment\n%s", env)
	}
}

func TestProcessOutlivesThreadsThatEnd(t *testing.T) {
	p := Start(t, self("serve", FreeAddress(t, "127.0.0.1")))
	p.WaitReady()
	var ended sync.WaitGroup
	for range 64 {
		ended.Go(func() { runtime.LockOSThread() }) // never unlocked: the thread ends
	}
	ended.Wait()
	p.WaitReady()
}

func TestProcessDiesWithTheTestBinary(t *testing.T) {
	address := FreeAddress(t, "127.0.0.1")
	parent := self("parent", address).command()
	stdin, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	parent.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	awaitListening(t, address, true)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait()
	awaitListening(t, address, false)
}

func awaitListening(t *testing.T, address string, want bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		if (err == nil) == want {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("listening on %s: %t after %s", address, !want, patience)
		}
	}
}

func TestProcessRunsOnALabHost(t *testing.T) {
	web := lab.New(t).Host("web")
	spec := self("serve", web.Address.String()+":9470")
	spec.Within = web.Do
	p := Start(t, spec)
	p.WaitReady()
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", p.PID()))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if theirs == ours {
		t.Error("the process runs in the test's network namespace")
	}
}

func TestKilledNATSRestartsWithItsStreams(t *testing.T) {
	server := Start(t, NATS(t, FreeAddress(t, "127.0.0.1"), t.TempDir()))
	server.WaitReady()
	url := "nats://" + net.JoinHostPort(server.spec.Args[1], server.spec.Args[3])
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept"}}); err != nil {
		t.Fatal(err)
	}
	const messages = 100
	for range messages {
		if _, err := js.Publish(t.Context(), "kept", []byte("message")); err != nil {
			t.Fatal(err)
		}
	}
	server.Kill()
	server.Restart()
	server.WaitReady()
	stream, err := js.Stream(t.Context(), "KEPT")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != messages {
		t.Errorf("%d of %d acknowledged messages survived a SIGKILL", n, messages)
	}
	server.Stop()
}

func TestBuild(t *testing.T) {
	for name, build := range map[string]func(testing.TB, ...string) map[string]string{"static": Build, "race": BuildRace} {
		t.Run(name, func(t *testing.T) {
			const program = "headstart/test/process/testdata/hello"
			p := Start(t, Spec{Path: build(t, program)[program]})
			if code := p.Wait(); code != 0 || p.Output() != "hello\n" {
				t.Errorf("exit code %d, output %q", code, p.Output())
			}
		})
	}
}

func TestProgramName(t *testing.T) {
	for importPath, want := range map[string]string{
		NATSServer:                "nats-server",
		"headstart/cmd/poller":    "poller",
		"headstart/cmd/headstart": "headstart",
	} {
		if got := programName(importPath); got != want {
			t.Errorf("programName(%q) = %q, want %q", importPath, got, want)
		}
	}
}

func TestFreeAddressIsBelowTheEphemeralRange(t *testing.T) {
	var low, high int
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(data), &low, &high); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		a, err := net.ResolveTCPAddr("tcp", FreeAddress(t, "127.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		if a.Port >= low && a.Port <= high {
			t.Errorf("port %d is within %d-%d", a.Port, low, high)
		}
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var w tail
	line := strings.Repeat("x", 1000) + "\n"
	for range 2 * tailSize / len(line) {
		io.WriteString(&w, line)
	}
	io.WriteString(&w, "the end")
	if got := w.String(); len(got) != tailSize || !strings.HasSuffix(got, "the end") {
		t.Errorf("kept %d bytes that end in %q, want %d", len(got), got[len(got)-10:], tailSize)
	}
}
