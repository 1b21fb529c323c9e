package rules

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/daemon"
	"headstart/event"
)

// TestNewRule generates a rule of each kind. All load with the default ruleset,
// pass their tests, and have no warnings.
func TestNewRule(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "local")
	for name, flags := range map[string][]string{
		"one-connection":    {"--kind", "connection", "--port", "21", "--role", "web"},
		"from-outside":      {"--kind", "connection", "--direction", "inbound", "--port", "ssh", "--peer-is", "external", "--severity", "high"},
		"a-role-of-its-own": {"--port", "ports.database", "--role", "spreadsheets", "--peer-is", "database", "--attack", "T1213.006"},
		"long":              {"--kind", "long", "--port", "database", "--role", "app", "--for", "10m"},
		"long-for-hours":    {"--kind", "long", "--direction", "inbound", "--port", "22", "--for", "5h"},
		"sweep":             {"--kind", "count", "--port", "smb", "--role", "web", "--at-least", "4", "--within", "5m"},
		"reached-by-one":    {"--kind", "count", "--direction", "inbound", "--port", "22", "--at-least", "3"},
		"sweep-outside":     {"--kind", "count", "--port", "443", "--peer-is", "external", "--at-least", "20"},
		"in-and-on":         {"--kind", "sequence", "--port", "ssh", "--then-port", "database", "--peer-is", "external", "--within", "1m"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := execute(t, append([]string{"rules", "new", "--title", strings.ReplaceAll(name, "-", " "), "--out", dir}, flags...)...)
			file := filepath.Join(dir, name+".yaml")
			if err != nil || out != file+"\n" {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
	out, err := execute(t, "rules", "test", "default", dir, "--run", "^(one-connection|from-outside|a-role-of-its-own|long|long-for-hours|sweep|reached-by-one|sweep-outside|in-and-on)/")
	if err != nil || !strings.Contains(out, "18 cases of 9 rules: 18 passed") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = execute(t, "rules", "check", "default", dir, "--strict")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	before, err := os.ReadFile(filepath.Join(dir, "long.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = execute(t, "rules", "new", "--title", "long", "--port", "22", "--out", dir)
	if usage := (*daemon.UsageError)(nil); !errors.As(err, &usage) || !strings.Contains(err.Error(), "long.yaml exists: overwrite it with --force") {
		t.Errorf("a file that is there: %v", err)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "long.yaml")); !bytes.Equal(before, after) {
		t.Error("it was overwritten")
	}
	if _, err = execute(t, "rules", "new", "--title", "long", "--port", "22", "--out", dir, "--force"); err != nil {
		t.Errorf("with --force: %v", err)
	}
}

// TestNewOfHistory makes rules and exceptions of what a history has.
func TestNewOfHistory(t *testing.T) {
	t.Parallel()
	_, flags := pastCompany().write(t)
	with := func(args ...string) []string { return append(append([]string{"rules", "new"}, args...), flags...) }
	examples, every := 2, 6 // each takes two replays
	if testing.Short() {
		examples, every = 1, 12
	}
	byRule := map[string]*event.Alert{}
	for _, a := range alertsOf(t, flags...) {
		byRule[a.Rule] = a
	}
	t.Run("a rule fires on its connection", func(t *testing.T) {
		dir := t.TempDir()
		tried := 0
		for _, a := range byRule {
			if a.Connection.Direction == 0 || tried == examples {
				continue
			}
			tried++
			if _, err := execute(t, with("--from-conn", a.Connection.ID.String(), "--title", "like "+a.ID[:6], "--out", dir)...); err != nil {
				t.Errorf("of an alert of %s: %v", a.Rule, err)
				continue
			}
			e := explainJSON(t, append([]string{"like-" + a.ID[:6], "--conn", a.Connection.ID.String(), "--rules", "default", "--rules", dir}, flags...)...)
			if e.Outcome != "fired" {
				t.Errorf("made of an alert of %s: %s, %s", a.Rule, e.Outcome, e.Because)
			}
		}
		if tried == 0 {
			t.Error("no alert is about a connection")
		}
	})
	t.Run("an exception suppresses its alert", func(t *testing.T) {
		dir := t.TempDir()
		for n, id := range slices.Sorted(maps.Keys(byRule)) {
			a := byRule[id]
			if n%every > 0 {
				delete(byRule, id)
				continue
			}
			if _, err := execute(t, with("--except", id, "--from-alert", a.ID, "--owner", "ops@example.com", "--reason", "it's ours: #4", "--out", dir)...); err != nil {
				t.Errorf("of an alert of %s: %v", id, err)
			}
		}
		for _, a := range alertsOfRules(t, dir, flags...) {
			if byRule[a.Rule] != nil && byRule[a.Rule].ID == a.ID {
				t.Errorf("%s still raises %s", a.Rule, a.ID)
			}
		}
		out, err := execute(t, "rules", "check", "default", dir)
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("an exception ends in 90 days", func(t *testing.T) {
		var one *event.Alert
		for _, one = range byRule {
		}
		out, err := execute(t, with("--except", one.Rule, "--from-alert", one.ID, "--owner", "o", "--reason", "r")...)
		if last := time.Now().UTC().AddDate(0, 0, 90).Format(time.DateOnly); err != nil || !strings.Contains(out, "expires: "+last) {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("nothing like that", func(t *testing.T) {
		out, err := execute(t, with("--from-conn", "000000000000", "--title", "x")...)
		if usage := (*daemon.UsageError)(nil); err == nil || errors.As(err, &usage) || !strings.Contains(err.Error(), "no connection in the history has an id that begins with 000000000000") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// alertsOfRules returns the alerts of a replay with the default ruleset and other
// rules.
func alertsOfRules(t *testing.T, dir string, flags ...string) []*event.Alert {
	t.Helper()
	return alertsOf(t, append([]string{"--rules", "default", "--rules", dir}, flags...)...)
}

func TestNewMistakes(t *testing.T) {
	t.Parallel()
	full := []string{"--title", "x", "--port", "22"}
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"everything at once", []string{"--kind", "cuont", "--severity", "hihg", "--direction", "up", "--at-least", "1", "--within", "9h"},
			[]string{"--title: want one line", "--kind \"cuont\"", "did you mean count?", "did you mean high?", "--direction \"up\"", "--port: want the service", "--at-least 1: want 2 to 100", "--within 9h0m0s: want 1m to 6h"}},
		{"a list that isn't there", []string{"--title", "x", "--port", "shs"}, []string{`--port "shs": want a port, or a list of ports; did you mean ssh?`}},
		{"a role that can't be one", append(full, "--role", "web server"), []string{`--role "web server"`}},
		{"an id that can't be one", append(full, "--id", "A b"), []string{`--id "A b": want lower-case letters`}},
		{"an id that is taken", append(full, "--id", "clock-off"), []string{"rule clock-off exists (default/clock-off.yaml)"}},
		{"a technique that is none", append(full, "--attack", "lateral"), []string{"the generated file is invalid:", `"lateral" is not the id of an ATT&CK technique`}},
		{"an exception of nothing", []string{"--except", "clock-off"}, []string{"--except: want an example"}},
		{"an alert without a rule", []string{"--from-alert", "ab"}, []string{"--from-alert: use it with --except"}},
		{"no owner", []string{"--except", "clock-off", "--from-conn", "ab", "--conn-log", "x"}, []string{"--owner, --reason: an exception needs both"}},
		{"a day that is over", []string{"--except", "clock-off", "--from-conn", "ab", "--conn-log", "x", "--owner", "o", "--reason", "r", "--expires", "2020-01-01"}, []string{`--expires "2020-01-01": want a day in the future`}},
		{"a rule that isn't there", []string{"--except", "clock-of", "--from-conn", "ab", "--conn-log", "x", "--owner", "o", "--reason", "r"}, []string{"did you mean clock-off?"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append([]string{"rules", "new"}, tt.args...)...)
			var usage *daemon.UsageError
			if !errors.As(err, &usage) {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in\n%v", want, err)
				}
			}
		})
	}
}
