package ruletest_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"headstart/detect/rule"
	"headstart/rulekit/ruletest"
)

// TestNearest tests the explanation of an alert that is not raised.
func TestNearest(t *testing.T) {
	const (
		inbound = "when: conn.direction == \"inbound\" and conn.port == 22\n"
		login   = "14:30:05 10.1.8.1 -> web-01:22 for 3m"
	)
	for _, test := range []struct{ name, asks, happens, want string }{
		{"the condition is false", inbound, "14:30:05 10.1.8.1 -> web-01:23 for 3m",
			"14:33:30 10.1.8.1 -> web-01:23, closed, seen by web-01:\n  conn.port == 22 was false (23)\n"},
		{"two parts of it are", "when: conn.port == 22 and \"db\" in host.roles and conn.direction == \"inbound\"\n", "14:30:05 10.1.8.1 -> web-01:23 for 3m",
			"14:33:30 10.1.8.1 -> web-01:23, closed, seen by web-01:\n  conn.port == 22 was false (23)\n  \"db\" in host.roles was false ([web])\n"},
		{"it is too short", inbound + "for: 5m\n", login,
			"14:30:30 10.1.8.1 -> web-01:22, opened, seen by web-01:\n  for: 5m was not reached; the connection ended after "},
		{"an exception suppresses it", inbound + "unless: [{when: conn.peer == '10.1.8.1', owner: o@example.com, reason: it is fine, expires: 2030-01-01}]\n", login,
			"suppressed by an exception of o@example.com: it is fine; it is valid until 2030-01-01\n"},
		{"a count falls short", inbound + "count: {by: host.name, within: 10m, at_least: 3}\n", login + " times 2 every 30s",
			"it matched, but 2 of 3 matches of web-01 came together within 10m, last at 14:31:00\n"},
		{"nothing counts", inbound + "count: {by: host.name, within: 10m, at_least: 3}\n", "14:30:05 web-01 silent for 1m",
			"no connection counted\n"},
		{"a step never comes", "sequence: {within: 5m, steps: [{" + strings.TrimSpace(strings.ReplaceAll(inbound, "\n", "")) + ", by: host.name}, {when: conn.port == 25, by: host.name}]}\n", login,
			"step 1 matched at 14:30:30: 10.1.8.1 -> web-01:22\nstep 2 never matched for web-01\n14:33:30 10.1.8.1 -> web-01:22, closed, seen by web-01:\n  conn.port == 25 was false (22)\n"},
		{"a path is too short", "when: conn.port == 22\npath: {within: 1h, hops: 3}\n", "14:30:05 10.1.8.1 -> web-01:22 for 3m\n        14:31:05 web-01 -> web-02:22 for 3m",
			"it matched, but 2 of 3 edges came together within 1h: 10.1.8.1 -> web-01:22, web-01 -> web-02:22\n"},
		{"no host is silent long enough", "absent: {of: poller, for: 15m}\n", "14:30:05 web-01 silent for 10m",
			"nothing was missing: the host went on reporting, or was not silent for long enough\n"},
		{"the condition requires another host", "absent: {of: poller, for: 15m}\nwhen: host.name == 'web-02'\n", "14:30:05 web-01 silent for 30m",
			"14:45:07 web-01:\n  host.name == 'web-02' was false (\"web-01\")\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := "rule: odd\ntitle: T\nseverity: low\n" + test.asks + "tests:\n" +
				testsWith(map[string]string{"connections": test.happens, "alerts": "14:33:30 odd web-01"})
			set, err := rule.Load(fstest.MapFS{"a.yaml": {Data: []byte(file)}}, "d")
			if err != nil {
				t.Fatal(err)
			}
			report, err := ruletest.Run(t.Context(), set, ruletest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			c := &report.Rules[0].Cases[0]
			if len(c.Missing) != 1 {
				t.Fatalf("it came: %+v", c)
			}
			got := strings.Join(c.Missing[0].Nearest, "\n") + "\n"
			if !strings.HasPrefix(strings.ReplaceAll(got, "m0s", "m"), test.want[:len(test.want)-1]) {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}
