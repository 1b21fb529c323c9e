// Package containers_test runs headstart as a newcomer with Docker does: images
// built from the Dockerfile and started by compose.yaml on a real engine, with
// the commands that docs/operations.md gives.
package containers_test

import (
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headstart/test/containers/manual"
	"headstart/test/engine"
	"headstart/test/process"
	"headstart/test/system"
)

func TestContainers(t *testing.T) {
	e := engine.Start(t)
	root := manual.Root(t)
	var modules []string
	for _, service := range services {
		modules = append(modules, filepath.Join(root, "services", service))
	}
	e.Provide(engine.NATS())
	e.Provide(engine.Golang(modules...))

	gateway := e.Gateway()
	receiver := serveReceiver(t, gateway)
	rules := copyRules(t, filepath.Join(root, "rules.expr"))
	nats, metrics := process.FreeAddress(t, "127.0.0.1"), process.FreeAddress(t, "127.0.0.1")
	s := &stack{
		t: t, engine: e, poller: metrics,
		compose: e.Compose(root,
			"HEADSTART_WEBHOOK_URL="+receiver.URL,
			"HEADSTART_RULES="+rules,
			"HEADSTART_RECEIVERS="+writeReceivers(t, root),
			"HEADSTART_HOST=containers-test",
			"HEADSTART_INTERVAL=1s",
			"HEADSTART_STORAGE=256MiB",
			"HEADSTART_POLLER_LISTEN="+metrics,
			"NATS_PORT="+nats[strings.LastIndex(nats, ":")+1:],
		),
	}
	commands := newCommands(t, s)
	commands.run("up --build --detach")
	s.awaitReady()
	commands.run("ps")
	commands.run("127.0.0.1:9470/readyz")
	commands.run("correlator:9470/readyz")
	commands.run("jsz")
	for _, service := range services {
		s.checkImage(service)
		s.checkIsolation(service)
	}

	t.Log("a listener on this machine raises an alert of the default ruleset")
	s.await("a first snapshot", func() error {
		return s.metricAtLeast("tracker", `headstart_tracker_snapshots_total{result="compared"}`, 1)
	})
	listener := listen(t, gateway)
	awaitAlert(t, receiver, "new-listening-port", listener)

	t.Log("a rule that is added comes into force without a restart")
	before := s.metric("correlator", "headstart_rules")
	target := listen(t, gateway)
	writeRule(t, rules, "added.yaml", fmt.Sprintf(`rule: added
title: A connection that the test makes
severity: medium
when: conn.direction == "outbound" and conn.port == %d
`, target.Port()))
	s.await("one rule more", func() error { return s.metricAtLeast("correlator", "headstart_rules", before+1) })
	connect(t, target)
	awaitAlert(t, receiver, "added", target)

	t.Log("a rule that doesn't compile changes nothing and is reported once")
	writeRule(t, rules, "broken.yaml", "rule: broken\ntitle: A mistake\nseverity: low\nwhen: conn.prt == 22\n")
	s.await("a report", func() error { return s.metricAtLeast("correlator", "headstart_rules_broken", 1) })
	again := len(alertsOf(receiver, "added", target))
	connect(t, target)
	receiver.Wait(t, patience, "an alert of the rules that were active", func([]system.Received) bool {
		return len(alertsOf(receiver, "added", target)) > again
	})
	if n := s.metric("correlator", "headstart_rules_load_failures_total"); n != 1 {
		t.Errorf("%g failures to load rules are counted, want 1", n)
	}
	complaint := commands.run("logs --tail 20 correlator")
	if n := strings.Count(complaint, "rules not changed"); n != 1 || !strings.Contains(complaint, "did you mean conn.port?") {
		t.Errorf("the mistake is reported %d times, want once with what is meant:\n%s", n, complaint)
	}
	if err := os.Remove(filepath.Join(rules, "broken.yaml")); err != nil {
		t.Fatal(err)
	}
	s.await("rules that are whole again", func() error {
		if n := s.metric("correlator", "headstart_rules_broken"); n != 0 {
			return fmt.Errorf("headstart_rules_broken is %g", n)
		}
		return nil
	})

	t.Log("what crashes comes back by itself, what was killed with up")
	for _, service := range []string{"nats", "tracker", "notifier", "poller"} {
		s.crash(service)
	}
	e.Docker("kill", s.container("correlator"))
	survivor := listen(t, gateway)
	commands.run("up --detach")
	s.awaitReady()
	awaitAlert(t, receiver, "new-listening-port", survivor)
	connect(t, target)
	receiver.Wait(t, patience, "an alert after the restart", func([]system.Received) bool {
		return len(alertsOf(receiver, "added", target)) > again+1
	})
	commands.run("restart notifier")
	s.awaitReady()

	t.Log("stop ends everything in order")
	containers := map[string]string{}
	for _, service := range append([]string{"nats"}, services...) {
		containers[service] = s.container(service)
	}
	commands.run("stop")
	for service, id := range containers {
		// 137 is that of a process that didn't end within the grace time.
		if got := e.Docker("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}", id); got != "exited 0 false" {
			t.Errorf("%s after stop: %s, want exited 0 false", service, got)
		}
	}
	commands.run("down")
	commands.checkAllRun()
	s.compose.Run("down", "--volumes", "--rmi", "local")
}

// serveReceiver serves a receiver where containers reach it.
func serveReceiver(t *testing.T, at netip.Addr) *system.Receiver {
	t.Helper()
	receiver := system.NewReceiver(t)
	server := httptest.NewUnstartedServer(receiver)
	listener, err := net.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	receiver.URL = server.URL
	return receiver
}

// writeReceivers writes the configuration of compose.yaml with every loose alert
// besides, which is what this test looks at.
func writeReceivers(t *testing.T, root string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deploy/compose/notifier.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const comment = "# deliver: both"
	if !strings.Contains(string(text), comment) {
		t.Fatalf("deploy/compose/notifier.yaml doesn't say %q", comment)
	}
	file := filepath.Join(t.TempDir(), "receivers.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), comment, "deliver: both", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func copyRules(t *testing.T, from string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rules")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// writeRule puts a file in its place in one step, as editors do.
func writeRule(t *testing.T, dir, name, text string) {
	t.Helper()
	draft := filepath.Join(dir, "."+name)
	if err := os.WriteFile(draft, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(draft, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// listen listens on a port that the kernel doesn't hand out by itself, which
// the default ruleset does not match, until the test ends.
func listen(t *testing.T, at netip.Addr) netip.AddrPort {
	t.Helper()
	address := process.FreeAddress(t, at.String())
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return netip.MustParseAddrPort(address)
}

// connect makes a connection that stays open until the test ends.
func connect(t *testing.T, to netip.AddrPort) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", to.String(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
}

func awaitAlert(t *testing.T, receiver *system.Receiver, rule string, on netip.AddrPort) {
	t.Helper()
	receiver.Wait(t, patience, fmt.Sprintf("an alert of %s on port %d", rule, on.Port()), func([]system.Received) bool {
		return len(alertsOf(receiver, rule, on)) > 0
	})
	if host := alertsOf(receiver, rule, on)[0].Host; host != "containers-test" {
		t.Errorf("the alert is of host %q", host)
	}
}

func alertsOf(receiver *system.Receiver, rule string, on netip.AddrPort) (found []system.Received) {
	for _, a := range receiver.Alerts() {
		if a.Rule == rule && a.Connection.Port == on.Port() {
			found = append(found, a)
		}
	}
	return found
}
