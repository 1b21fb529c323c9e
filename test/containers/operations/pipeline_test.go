package operations_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"headstart/test/process"
	"headstart/test/system"
)

// pipeline is the four services as processes of their own, each with a
// listener for metrics and health.
type pipeline struct {
	receiver *system.Receiver
	listen   map[string]string // addresses, by service
	target   net.Listener      // a connection to it concerns the rules
}

var programs = map[string]string{
	"poller": pollerProgram, "tracker": trackerProgram, "correlator": correlatorProgram, "notifier": notifierProgram,
}

// rulesOn are rules of every fate on connections to a port: one that fires, one
// that is muted and one that fails.
var rulesOn = map[string]string{
	"fires.yaml": `rule: fires
title: A connection
severity: low
when: conn.event == "opened" and conn.direction == "outbound" and conn.port == %[1]s
`,
	"muted.yaml": `rule: muted
title: A connection that is expected
severity: low
when: conn.event == "opened" and conn.port == %[1]s
unless:
  - {when: conn.port == %[1]s, owner: operations, reason: the test makes it, expires: 2999-12-31}
`,
	"fails.yaml": `rule: fails
title: A division by nothing
severity: low
when: conn.event == "opened" and conn.port == %[1]s and 1 %% conn.retransmits == 0
`,
}

func startPipeline(t *testing.T) *pipeline {
	t.Helper()
	p := &pipeline{receiver: system.NewReceiver(t), listen: map[string]string{}}
	var err error
	if p.target, err = net.Listen("tcp", process.FreeAddress(t, "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.target.Close() })
	rules := t.TempDir()
	for name, text := range rulesOn {
		writeFile(t, filepath.Join(rules, name), fmt.Sprintf(text, port(t, p.target.Addr().String())))
	}
	config := filepath.Join(t.TempDir(), "notifier.yaml")
	writeFile(t, config, "receivers:\n  - {name: test, deliver: both, webhook: {url: "+p.receiver.URL+"}}\n")

	address := process.FreeAddress(t, "127.0.0.1")
	process.Start(t, process.NATS(t, address, t.TempDir())).WaitReady()
	paths := process.Build(t, pollerProgram, trackerProgram, correlatorProgram, notifierProgram)
	for service, flags := range map[string][]string{
		"poller":     {"--interval", "200ms", "--host", "operations-test"},
		"tracker":    {"--storage", "64MiB"},
		"correlator": {"--storage", "64MiB", "--rules", rules, "--threshold", "0.1"},
		"notifier":   {"--storage", "64MiB", "--config", config},
	} {
		listen := process.FreeAddress(t, "127.0.0.1")
		p.listen[service] = listen
		process.Start(t, process.Spec{
			Path: paths[programs[service]], Args: append(flags, "--server", "nats://"+address, "--listen", listen),
			Ready: process.Answers("http://" + listen + "/readyz"),
		}).WaitReady()
	}
	return p
}

// connect makes a connection that concerns the rules, until the test ends.
func (p *pipeline) connect(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", p.target.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
}

func (p *pipeline) get(t *testing.T, service, path string) (status int, body string) {
	t.Helper()
	response, err := http.Get("http://" + p.listen[service] + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

var (
	sample = regexp.MustCompile(`^(headstart_[a-z_]+)(?:\{(.*)\})? `)
	label  = regexp.MustCompile(`([a-z_]+)="`)
)

// metrics returns the headstart metrics that a service shows, as a document
// names them: headstart_alerts_total{rule,severity}. Of a histogram's samples
// there is one, without suffix.
func (p *pipeline) metrics(t *testing.T, service string) map[string]bool {
	t.Helper()
	_, text := p.get(t, service, "/metrics")
	found := map[string]bool{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		match := sample.FindStringSubmatch(lines.Text())
		if match == nil {
			continue
		}
		name, labels := match[1], []string{}
		for _, l := range label.FindAllStringSubmatch(match[2], -1) {
			if l[1] != "vmrange" {
				labels = append(labels, l[1])
			}
		}
		for _, suffix := range []string{"_seconds_bucket", "_seconds_sum", "_seconds_count"} {
			if base, ok := strings.CutSuffix(name, suffix); ok {
				name = base + "_seconds"
			}
		}
		if len(labels) > 0 {
			name += "{" + strings.Join(labels, ",") + "}"
		}
		found[name] = true
	}
	return found
}

func writeFile(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
