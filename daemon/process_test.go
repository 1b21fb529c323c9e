package daemon_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"headstart/daemon"
)

// programs are what this test binary runs as when PROGRAM names one.
var programs = map[string]func(context.Context) error{
	"ends":    func(context.Context) error { return nil },
	"help":    func(context.Context) error { return fmt.Errorf("parse: %w", daemon.ErrHelp) },
	"fails":   func(context.Context) error { return errors.New("disk full") },
	"mistake": func(context.Context) error { return errors.Join(errors.New("both"), daemon.Usage("--dir: missing")) },
	"canceled without a signal": func(context.Context) error {
		return context.Canceled
	},
	"stops": func(ctx context.Context) error {
		fmt.Println("running")
		<-ctx.Done()
		return fmt.Errorf("read: %w", ctx.Err())
	},
	"fails to stop": func(ctx context.Context) error {
		fmt.Println("running")
		<-ctx.Done()
		return errors.New("checkpoint failed")
	},
	"hangs": func(ctx context.Context) error {
		fmt.Println("running")
		<-ctx.Done()
		fmt.Println("stopping")
		select {}
	},
}

func TestMain(m *testing.M) {
	if run := programs[os.Getenv("PROGRAM")]; run != nil {
		os.Exit(daemon.Main(run))
	}
	os.Exit(m.Run())
}

func program(t *testing.T, name string) (c *exec.Cmd, errs *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, errs = exec.CommandContext(t.Context(), self), new(bytes.Buffer)
	c.Env, c.Stderr = append(os.Environ(), "PROGRAM="+name), errs
	return c, errs
}

func TestExitCodes(t *testing.T) {
	for name, want := range map[string]struct {
		code   int
		stderr string
	}{
		"ends":                      {0, ""},
		"help":                      {0, ""},
		"fails":                     {1, "error: disk full\n"},
		"mistake":                   {2, "error: both\n--dir: missing\n"},
		"canceled without a signal": {1, "error: context canceled\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c, errs := program(t, name)
			_ = c.Run()
			if code := c.ProcessState.ExitCode(); code != want.code || errs.String() != want.stderr {
				t.Errorf("got %d %q, want %d %q", code, errs, want.code, want.stderr)
			}
		})
	}
}

func TestSignals(t *testing.T) {
	for _, tt := range []struct {
		program string
		signals []syscall.Signal // each sent after a line of output
		code    int              // -1: killed by the last signal
	}{
		{"stops", []syscall.Signal{syscall.SIGTERM}, 0},
		{"stops", []syscall.Signal{syscall.SIGINT}, 0},
		{"fails to stop", []syscall.Signal{syscall.SIGTERM}, 1},
		{"hangs", []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, -1},
		{"hangs", []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, -1},
	} {
		t.Run(fmt.Sprint(tt.program, tt.signals), func(t *testing.T) {
			c, _ := program(t, tt.program)
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for _, s := range tt.signals {
				if !lines.Scan() {
					t.Fatal("the program has ended")
				}
				if err := c.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			again := time.NewTicker(20 * time.Millisecond)
			defer again.Stop()
			for running := true; running; {
				select {
				case <-ended:
					running = false
				case <-again.C:
					if tt.code < 0 { // the signal before may have come before its handler was removed
						_ = c.Process.Signal(tt.signals[0])
					}
				}
			}
			if code := c.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("got exit code %d, want %d", code, tt.code)
			}
		})
	}
}

func TestLogger(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "level=INFO msg=started\n"},
		{[]string{"--log-level", "debug"}, "level=DEBUG msg=polling\n"},
		{[]string{"--log-level", "warn"}, ""},
		{[]string{"--log-format", "json"}, `"msg":"started"}` + "\n"},
	} {
		var o daemon.LogOptions
		f := daemon.NewFlags("prober", "")
		o.Flags(f)
		var out bytes.Buffer
		if err := f.Parse(tt.args, &out); err != nil {
			t.Fatal(err)
		}
		log := o.Logger(&out)
		log.Debug("polling")
		if o.Level != slog.LevelDebug {
			log.Info("started")
		}
		if !strings.HasSuffix(out.String(), tt.want) || tt.want == "" && out.Len() > 0 {
			t.Errorf("%v: got %q, want it to end in %q", tt.args, out.String(), tt.want)
		}
		if o.Format == "json" && !json.Valid(out.Bytes()) {
			t.Errorf("%v: got %q, want JSON", tt.args, out.String())
		}
	}
}
