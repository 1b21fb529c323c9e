package rules

import (
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/cli/clitest"
	"headstart/daemon"
	"headstart/event"
	"headstart/services/correlator"
)

// alertsOf are the alerts of a replay.
func alertsOf(t *testing.T, flags ...string) (all []*event.Alert) {
	t.Helper()
	out, err := execute(t, append([]string{"replay"}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out) {
		if !strings.Contains(line, `"type":"alert"`) {
			continue
		}
		a, err := event.DecodeAlert([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	if len(all) < 10 {
		t.Fatalf("%d alerts", len(all))
	}
	return all
}

// explainedJSON is an explanation, as far as the tests check it.
type explainedJSON struct {
	Outcome, Because string
	Connections      int
	Cases            []struct {
		Host       string
		Outcome    string
		Alerts     []string
		Connection *struct{ ID string }
		Asked      []struct {
			Parts []struct {
				Verdict   string
				Condition struct {
					Holds bool
					Text  string
					Terms []any
				}
			}
		}
	}
}

func explainJSON(t *testing.T, args ...string) (e explainedJSON) {
	t.Helper()
	out, err := execute(t, append([]string{"rules", "explain", "--output", "json"}, args...)...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		t.Fatalf("%v: %.2000s", err, out)
	}
	return e
}

// TestExplainOfALog explains alerts of a replay, one of every fifth rule, by the
// ids of alert and connection: each rule has fired.
func TestExplainOfALog(t *testing.T) {
	t.Parallel()
	_, flags := pastCompany().write(t)
	alerts := alertsOf(t, flags...)
	byRule := map[string]*event.Alert{}
	for _, a := range alerts {
		if a.Connection.ID != (event.ConnectionID{}) {
			byRule[a.Rule] = a
		}
	}
	every := 5 // each takes a replay
	if testing.Short() {
		every = 10
	}
	for n, id := range slices.Sorted(maps.Keys(byRule)) {
		a := byRule[id]
		if n%every > 0 {
			continue
		}
		e := explainJSON(t, append([]string{a.Rule, "--alert", a.ID[:10]}, flags...)...)
		if e.Outcome != "fired" || len(e.Cases) != 1 || e.Cases[0].Host != a.Host || !strings.HasSuffix(e.Because, a.ID) {
			t.Errorf("%s by its alert %s: %s, %s, %d cases", a.Rule, a.ID, e.Outcome, e.Because, len(e.Cases))
		}
	}
	one := alerts[0]
	for _, a := range byRule {
		one = a
	}
	e := explainJSON(t, append([]string{one.Rule, "--conn", one.Connection.ID.String()[:12]}, flags...)...)
	if e.Outcome != "fired" || e.Connections != 1 || e.Cases[0].Connection.ID != one.Connection.ID.String() {
		t.Errorf("%s by its connection: %+v", one.Rule, e)
	}
	other := "winrm-from-web-server"
	out, err := execute(t, append([]string{"rules", "explain", other, "--conn", one.Connection.ID.String()}, flags...)...)
	if err != nil || !strings.HasPrefix(out, other+" did not fire: ") || !strings.Contains(out, " was false (") || !strings.Contains(out, "✗ ") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = execute(t, append([]string{"rules", "explain", one.Rule, "--conn", one.Connection.ID.String()[:1]}, flags...)...)
	if usage := (*daemon.UsageError)(nil); !errors.As(err, &usage) || !strings.Contains(err.Error(), "is ambiguous") || out != "" {
		t.Errorf("an id that is too short: %v\n%s", err, out)
	}
	out, err = execute(t, append([]string{"rules", "explain", one.Rule, "--host", one.Host, "--port", "4"}, flags...)...)
	if err == nil || !strings.Contains(out, "Closest to the connections of "+one.Host+" on port 4:") {
		t.Errorf("nothing like that: %v\n%s", err, out)
	}
}

// TestExplainOfARunningSystem explains what a system has kept, and its alerts.
func TestExplainOfARunningSystem(t *testing.T) {
	t.Parallel()
	s := startAll(t)
	dir, flags := recentCompany().write(t)
	recentCompany().fill(t, s)
	flags = append(flags[2:], "--server", s.URL) // without --conn-log
	s.Serve(t, "correlator", clitest.Correlator(func(o *correlator.Options) {
		o.Inventory, o.Learn = filepath.Join(dir, "inventory.yaml"), 24*time.Hour
	}))
	var one *event.Alert
	clitest.Wait(t, "the correlator has raised an alert about a connection", func() bool {
		one = nil
		if err := s.Bus.ReadSince(t.Context(), event.StreamAlerts, time.Time{}, func(m bus.Message) error {
			if a, err := event.DecodeAlert(m.Data); err == nil && a.Connection.ID != (event.ConnectionID{}) {
				one = a
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return one != nil
	})
	e := explainJSON(t, append([]string{one.Rule, "--alert", one.ID}, flags...)...)
	if e.Outcome != "fired" || len(e.Cases) != 1 || !strings.HasSuffix(e.Because, one.ID) {
		t.Errorf("by its alert: %+v", e)
	}
	out, err := execute(t, append([]string{"rules", "new", "--except", one.Rule, "--from-alert", one.ID, "--owner", "o", "--reason", "r"}, flags...)...)
	if err != nil || !strings.Contains(out, "override: "+one.Rule+"\n") {
		t.Errorf("an exception of it: %v\n%s", err, out)
	}
	e = explainJSON(t, append([]string{one.Rule, "--conn", one.Connection.ID.String(), "--since", "5d"}, flags...)...)
	if e.Outcome != "fired" || e.Connections != 1 {
		t.Errorf("by its connection: %+v", e)
	}
}

func TestExplainMistakes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no rule", nil, "accepts 1 arg(s), received 0"},
		{"nothing to explain", []string{"clock-off"}, "want connections to explain: --conn ID, --alert ID, or --host HOST"},
		{"an id that is none", []string{"clock-off", "--conn", "web-01"}, `--conn "web-01": want an id, or the beginning of it`},
		{"an alert and a host", []string{"clock-off", "--alert", "ab", "--host", "web-01"}, "--alert excludes --conn and --host"},
		{"a time that is none", []string{"clock-off", "--host", "web-01", "--from", "noon"}, `--from "noon": want a time such as`},
		{"too many", []string{"clock-off", "--host", "web-01", "--limit", "1000"}, "--limit 1000: want 1 to 200"},
		{"another output", []string{"clock-off", "--host", "web-01", "--output", "xml"}, `--output "xml"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append([]string{"rules", "explain"}, tt.args...)...)
			var usage *daemon.UsageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("got %v\n%s\nwant %q", err, out, tt.want)
			}
		})
	}
	_, flags := pastCompany().write(t)
	_, err := execute(t, append([]string{"rules", "explain", "clock-of", "--host", "web-01"}, flags...)...)
	if usage := (*daemon.UsageError)(nil); !errors.As(err, &usage) || !strings.Contains(err.Error(), "did you mean clock-off?") {
		t.Errorf("a rule that isn't there: %v", err)
	}
}
