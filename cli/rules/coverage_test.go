package rules

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/cli/clitest"
	"headstart/daemon"
	"headstart/event"
	"headstart/rulekit/coverage"
)

func coverageJSON(t *testing.T, args ...string) (r coverage.Report) {
	t.Helper()
	out, err := execute(t, append([]string{"rules", "coverage", "--output", "json"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var looser struct {
		Techniques []struct{ State coverage.State }
		Notes      []string
		Rules      string
		History    *coverage.History
	}
	if err := json.Unmarshal([]byte(out), &looser); err != nil {
		t.Fatalf("%v: %.2000s", err, out)
	}
	for _, one := range looser.Techniques {
		r.Techniques = append(r.Techniques, coverage.Row{State: one.State})
	}
	r.Notes, r.Rules, r.History = looser.Notes, looser.Rules, looser.History
	return r
}

func activity(t *testing.T, r coverage.Report, id string) coverage.Activity {
	t.Helper()
	i := slices.IndexFunc(r.History.Activities, func(a coverage.Activity) bool { return a.Rule == id })
	if i < 0 {
		t.Fatalf("no rule %s in %+v", id, r.History.Activities)
	}
	return r.History.Activities[i]
}

func TestCoverageOfALog(t *testing.T) {
	t.Parallel()
	_, flags := pastCompany().write(t)
	layer := filepath.Join(t.TempDir(), "layer.json")
	rules := copyOfDefault(t, func(_, text string) string { return text })
	clitest.WriteFile(t, filepath.Join(rules, "block.yaml"), "rule: any-login\ntitle: A login\nseverity: info\nalert: false\nwhen: conn.port in ports.ssh and conn.event == \"opened\"\n")
	clitest.WriteFile(t, filepath.Join(rules, "suppressed.yaml"), `
rule: suppressed-login
title: A login
severity: info
when: conn.port in ports.ssh and conn.event == "opened"
unless: [{when: "true", owner: me, reason: so, expires: 2999-01-01}]
`)
	r := coverageJSON(t, append([]string{rules, "--navigator", layer}, flags...)...)
	if h := r.History; h == nil || h.Hosts == 0 || len(h.Silent) != 0 || h.Until.Sub(h.From) < 48*time.Hour {
		t.Fatalf("history %+v", r.History)
	}
	if a := activity(t, r, "any-login"); a.Fired == 0 || a.RaisesAlert {
		t.Errorf("the building block: %+v", a)
	}
	if a := activity(t, r, "suppressed-login"); a.Fired != 0 || a.Muted == 0 || a.Never() {
		t.Errorf("the suppressed rule: %+v", a)
	}
	if a := activity(t, r, "clock-off"); !a.Never() {
		t.Errorf("no clock is off in a log: %+v", a)
	}
	data, err := os.ReadFile(layer)
	if err != nil || !json.Valid(data) || !strings.Contains(string(data), "T1021.004") {
		t.Errorf("%v: %.200s", err, data)
	}
}

// TestCoverageOfARunningSystem looks at a system of two hosts, of which one
// looks every five minutes and fell silent for an hour.
func TestCoverageOfARunningSystem(t *testing.T) {
	t.Parallel()
	s := startAll(t)
	begin := time.Now().UTC().Add(-6 * time.Hour)
	n := uint64(0)
	beat := func(host, role string, after, every time.Duration) {
		n++
		c := &event.Changes{
			Host: host, BootID: "b", Run: "r", Sequence: n, ObservedAt: begin.Add(after), Interval: every, Roles: []string{role}, Part: 1, Parts: 1,
			Addresses: []event.Address{clitest.Address(map[string]string{"web-01": "10.1.1.10", "db-01": "10.1.3.20"}[host])},
		}
		s.PublishChanges(t, c)
	}
	for m := 0; m < 6*60; m++ {
		at := time.Duration(m) * time.Minute
		beat("db-01", "database", at, time.Minute)
		if m%5 == 0 && (m < 60 || m >= 120) {
			beat("web-01", "web", at, 5*time.Minute)
		}
	}
	for _, id := range []string{"1", "2"} {
		a := &event.Alert{ID: id, Rule: "poller-silent", Severity: event.Low, Title: "Silent", At: begin, Host: "web-01"}
		data, err := event.EncodeAlert(a)
		s.Publish(t, bus.Output{Subject: event.AlertSubject(a.Severity, a.Rule), ID: a.ID, Data: data}, err)
	}
	before := stored(t, s.NATS)
	r := coverageJSON(t, "--server", s.URL)
	h := r.History
	if r.Rules != defaultName || h == nil || h.Hosts != 2 {
		t.Fatalf("got %+v, history %+v", r, h)
	}
	if a := activity(t, r, "poller-silent"); a.Alerts != 2 || a.Fired == 0 {
		t.Errorf("poller-silent: %+v", a)
	}
	if len(h.Silent) != 1 || h.Silent[0].Host != "web-01" || len(h.Silent[0].Gaps) != 1 || time.Duration(h.Silent[0].Total) != 65*time.Minute {
		t.Errorf("silent: %+v", h.Silent)
	}
	i := slices.IndexFunc(h.Blind, func(b coverage.Blind) bool { return b.Rule == "database-session-long" })
	if i < 0 || len(h.Blind[i].Hosts) != 1 || h.Blind[i].Hosts[0].Host != "web-01" {
		t.Errorf("polled too seldom: %+v", h.Blind)
	}
	if !slices.ContainsFunc(h.Missing, func(m coverage.Missing) bool {
		return m.Rule == "login-between-workstations" && m.List == "roles.workstation"
	}) ||
		slices.ContainsFunc(h.Missing, func(m coverage.Missing) bool { return m.List == "roles.web" }) {
		t.Errorf("without hosts: %+v", h.Missing)
	}
	if after := stored(t, s.NATS); after != before {
		t.Errorf("it has changed the system: it was\n%s\nand is\n%s", before, after)
	}
}

func TestCoverageWithoutAHistory(t *testing.T) {
	t.Setenv("NATS_URL", "nats://127.0.0.1:1")
	r := coverageJSON(t)
	if r.History != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "No running system answers") || len(r.Techniques) < 100 {
		t.Errorf("got %+v", r)
	}
	if _, err := execute(t, "rules", "coverage", "--server", "nats://127.0.0.1:1"); err == nil {
		t.Error("a system that is named and doesn't answer is no error")
	}
	var usage *daemon.UsageError
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{filepath.Join(t.TempDir(), "none")}, "no such file or directory"},
		{[]string{"--navigator", filepath.Join(t.TempDir(), "none", "layer.json")}, "--navigator: "},
		{[]string{"--output", "xml"}, `--output "xml"`},
		{[]string{"--since", "x"}, `--since "x"`},
	} {
		if out, err := execute(t, append([]string{"rules", "coverage"}, tt.args...)...); !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v\n%s", tt.args, err, out)
		}
	}
}
