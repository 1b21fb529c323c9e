package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// stages are the processes that are measured.
type stages struct {
	url        string
	correlator string // URL of its metrics
	processes  []process
}

type process struct {
	name string
	*exec.Cmd
}

type usage struct {
	name     string
	cpu      time.Duration
	resident int64
}

func startStages(ctx context.Context, dir string) (*stages, error) {
	if err := build(ctx, dir, "github.com/nats-io/nats-server/v2", "headstart/cmd/tracker", "headstart/cmd/correlator"); err != nil {
		return nil, err
	}
	s := &stages{}
	natsAddress, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(natsAddress)
	s.url = "nats://" + natsAddress
	metrics, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s.correlator = "http://" + metrics
	for _, p := range []struct {
		name string
		args []string
	}{
		{"nats-server", []string{"-js", "-sd", filepath.Join(dir, "nats"), "-a", "127.0.0.1", "-p", port}},
		{"tracker", []string{"--server", s.url, "--log-level", "error"}},
		{"correlator", []string{"--server", s.url, "--log-level", "error", "--listen", metrics}},
	} {
		c := exec.CommandContext(ctx, filepath.Join(dir, p.name), p.args...)
		c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
		c.WaitDelay = 10 * time.Second
		if p.name != "nats-server" {
			c.Stderr = os.Stderr
		}
		if err := c.Start(); err != nil {
			s.stop()
			return nil, fmt.Errorf("start %s: %w", p.name, err)
		}
		s.processes = append(s.processes, process{p.name, c})
	}
	return s, s.ready(ctx)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// ready waits for the correlator, the last to start.
func (s *stages) ready(ctx context.Context) error {
	for range 200 {
		if response, err := http.Get(s.correlator + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("the correlator is not ready after 20 s")
}

// done returns how many snapshots' changes the correlator has handled.
func (s *stages) done() (int, error) {
	response, err := http.Get(s.correlator + "/metrics")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), `headstart_stage_messages_total{stage="correlator"} `); ok {
			return strconv.Atoi(value)
		}
	}
	return 0, fmt.Errorf("no count of messages in the correlator's metrics")
}

func (s *stages) usage() ([]usage, error) {
	var all []usage
	for _, p := range s.processes {
		u := usage{name: p.name, cpu: cpuOf(p.Process.Pid)}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
		if err != nil {
			return nil, err
		}
		if _, after, ok := bytes.Cut(status, []byte("VmRSS:")); ok {
			fmt.Sscan(string(after), &u.resident)
			u.resident <<= 10
		}
		all = append(all, u)
	}
	return all, nil
}

// cpuOf returns the user and system time of a process: fields 14 and 15 of
// /proc/<pid>/stat in 1/100 s (proc(5)).
func cpuOf(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	fields := strings.Fields(string(after))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (s *stages) stop() {
	for i := len(s.processes) - 1; i >= 0; i-- {
		s.processes[i].Process.Signal(os.Interrupt)
		s.processes[i].Wait()
	}
}
