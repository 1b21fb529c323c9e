package containers_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"headstart/test/engine"
	"headstart/test/process"
)

// services are those of compose.yaml beside nats.
var services = []string{"poller", "tracker", "correlator", "notifier"}

// patience bounds every wait for something that containers do.
const patience = time.Minute

// stack is the running compose project.
type stack struct {
	t       *testing.T
	engine  *engine.Engine
	compose *engine.Compose
	poller  string // where the poller listens, in the host's network
}

func (s *stack) container(service string) string {
	s.t.Helper()
	id := s.compose.Run("ps", "--quiet", service)
	if id == "" {
		s.t.Fatalf("%s has no container", service)
	}
	return id
}

func (s *stack) inspect(service, format string) string {
	s.t.Helper()
	return s.engine.Docker("inspect", "--format", format, s.container(service))
}

// url is where a service answers; its container may have got another address
// when it was started again.
func (s *stack) url(service, path string) (string, error) {
	s.t.Helper()
	if service == "poller" {
		return "http://" + s.poller + path, nil
	}
	address := s.inspect(service, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
	if address == "" {
		return "", fmt.Errorf("%s doesn't run", service)
	}
	return "http://" + address + ":9470" + path, nil
}

func (s *stack) await(what string, try func() error) {
	s.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
	}
}

// awaitReady waits until nats is healthy and every service says that it is
// ready.
func (s *stack) awaitReady() {
	s.t.Helper()
	s.await("nats is healthy", func() error {
		if status := s.inspect("nats", "{{.State.Health.Status}}"); status != "healthy" {
			return errors.New(status)
		}
		return nil
	})
	for _, service := range services {
		s.await(service+" is ready", func() error {
			url, err := s.url(service, "/readyz")
			if err != nil {
				return err
			}
			return process.Answers(url)()
		})
	}
}

// metric reads a metric by its name with labels.
func (s *stack) metric(service, name string) float64 {
	s.t.Helper()
	value, err := s.readMetric(service, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return value
}

func (s *stack) metricAtLeast(service, name string, least float64) error {
	s.t.Helper()
	value, err := s.readMetric(service, name)
	if err == nil && value < least {
		err = fmt.Errorf("%s is %g, want at least %g", name, value, least)
	}
	return err
}

func (s *stack) readMetric(service, name string) (float64, error) {
	url, err := s.url(service, "/metrics")
	if err != nil {
		return 0, err
	}
	response, err := http.Get(url)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(io.LimitReader(response.Body, 1<<20))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.Join(lines.Err(), fmt.Errorf("%s has no metric %s", service, name))
}

// crash kills a container's process as the kernel does when memory runs out,
// and waits until the restart policy has started another.
func (s *stack) crash(service string) {
	s.t.Helper()
	pid := s.pid(service)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.t.Fatalf("crash %s: %v", service, err)
	}
	s.await(service+" is started again", func() error {
		got := s.inspect(service, "{{.RestartCount}} {{.State.Running}}")
		if got != "1 true" {
			return fmt.Errorf("restarts and whether it runs: %s, want 1 true", got)
		}
		return nil
	})
}

func (s *stack) pid(service string) int {
	s.t.Helper()
	pid, err := strconv.Atoi(s.inspect(service, "{{.State.Pid}}"))
	if err != nil || pid <= 1 {
		s.t.Fatalf("%s: process %d: %v", service, pid, err)
	}
	return pid
}

// procFile reads a file of a container's process as the kernel shows it.
func (s *stack) procFile(service, name string) string {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.pid(service), name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
