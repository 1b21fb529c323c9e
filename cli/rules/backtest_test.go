package rules

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/cli/clitest"
	"headstart/daemon"
	"headstart/event"
	"headstart/replay/recording"
	"headstart/rulestore"
	"headstart/services/correlator"
)

// backtested is the JSON of a backtest, as far as the tests check it.
type backtested struct {
	Notes    []string
	OldRules struct{ Name string } `json:"old_rules"`
	Old, New struct{ Alerts, Incidents, Notified int }
	Alerts   struct {
		Gained, Lost []struct{ ID, Rule string }
		Same         int
	}
	Incidents struct {
		Gained, Lost, Changed []any
		Same                  int
		NoLongerTold          []any `json:"no_longer_told"`
	}
	RuleChanges struct {
		Added, Removed []string
		Changed        []struct{ Rule string }
	} `json:"rule_changes"`
	NewPace *struct {
		Numbers struct{ Alerts int }
		Both    int
		Earlier int
	} `json:"new_at_interval"`
}

func backtestJSON(t *testing.T, args ...string) (b backtested) {
	t.Helper()
	out, err := execute(t, append([]string{"rules", "backtest", "--output", "json"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &b); err != nil {
		t.Fatalf("%v: %.2000s", err, out)
	}
	return b
}

func TestBacktestOfALog(t *testing.T) {
	t.Parallel()
	_, flags := pastCompany().write(t)
	with := func(args ...string) []string { return append(args, flags...) }
	silent := copyOfDefault(t, disable())

	t.Run("the same rules", func(t *testing.T) {
		b := backtestJSON(t, with("default")...)
		if b.Old.Notified == 0 || b.Old != b.New || b.Alerts.Same != b.Old.Alerts || b.Incidents.Same != b.Old.Incidents ||
			len(b.Alerts.Gained)+len(b.Alerts.Lost)+len(b.Incidents.Gained)+len(b.Incidents.Lost)+len(b.Incidents.Changed) != 0 {
			t.Errorf("got %+v", b)
		}
		if len(b.Notes) != 1 || !strings.Contains(b.Notes[0], "(--learn 24h)") {
			t.Errorf("notes %q", b.Notes)
		}
	})
	t.Run("after the learning period", func(t *testing.T) {
		b := backtestJSON(t, with("default", "--since", "23h")...)
		if len(b.Notes) != 0 || b.Old.Alerts == 0 {
			t.Errorf("got %+v", b)
		}
	})
	t.Run("no rule is left", func(t *testing.T) {
		out, err := execute(t, with("rules", "backtest", silent, "--fail-on-loss")...)
		if err == nil || !strings.Contains(err.Error(), "incidents no longer notified: ") {
			t.Errorf("%v\n%s", err, out)
		}
		if usage := (*daemon.UsageError)(nil); errors.As(err, &usage) {
			t.Errorf("a usage error: %v", err)
		}
		for _, want := range []string{silent + " against the default ruleset", "Notified incidents lost (", "Alerts lost ("} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	})
	t.Run("the other way round", func(t *testing.T) {
		b := backtestJSON(t, with("default", "--against", silent)...)
		if b.Old.Alerts != 0 || len(b.Alerts.Gained) != b.New.Alerts || b.New.Alerts == 0 || len(b.Incidents.Lost) != 0 || len(b.RuleChanges.Changed) < 20 {
			t.Errorf("got %+v", b)
		}
	})
	t.Run("after its end", func(t *testing.T) {
		_, err := execute(t, with("rules", "backtest", "default", "--since", "2030-01-01T00:00:00Z")...)
		if usage := (*daemon.UsageError)(nil); !errors.As(err, &usage) || !strings.Contains(err.Error(), "the history ends at 2025-06-0") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("polled more often", func(t *testing.T) {
		b := backtestJSON(t, with("default", "--interval", "10s")...)
		if p := b.NewPace; p == nil || p.Both == 0 || 2*p.Earlier < p.Both || p.Numbers.Alerts < b.New.Alerts {
			t.Errorf("got %+v", p)
		}
	})
}

// TestBacktestOfARunningSystem fills a system with what its tracker would have
// stored, lets its correlator raise alerts, and tries rules on it.
func TestBacktestOfARunningSystem(t *testing.T) {
	t.Parallel()
	s := startAll(t)
	dir, flags := recentCompany().write(t)
	recentCompany().fill(t, s)
	flags = append(flags[2:], "--server", s.URL) // without --conn-log
	silent := copyOfDefault(t, disable())

	b := backtestJSON(t, append([]string{silent}, flags...)...)
	if len(b.Alerts.Lost) == 0 || b.Old.Notified == 0 || len(b.Incidents.NoLongerTold) == 0 {
		t.Fatalf("got %+v", b)
	}
	var lost []string
	for _, a := range b.Alerts.Lost {
		lost = append(lost, a.ID)
	}

	correlate := clitest.Correlator(func(o *correlator.Options) {
		o.Rules, o.Inventory, o.Learn = []string{rulestore.PushedRules}, filepath.Join(dir, "inventory.yaml"), 24*time.Hour
	})
	t.Run("the correlator raises the old rules' alerts", func(t *testing.T) {
		s.Serve(t, "correlator", correlate) // until the end of this subtest: its status changes the bucket
		clitest.Wait(t, "the correlator has raised its alerts", func() bool { return len(s.Alerts(t)) >= len(lost) })
		raised := slices.Sorted(maps.Keys(s.Alerts(t)))
		if slices.Sort(lost); !slices.Equal(lost, raised) {
			t.Errorf("the system has raised\n%v\nthe old rules of the backtest\n%v", raised, lost)
		}
	})
	before := stored(t, s.NATS)
	again := backtestJSON(t, append([]string{silent}, flags...)...)
	if len(again.Alerts.Lost) != len(lost) {
		t.Errorf("%d alerts lost the second time, %d the first", len(again.Alerts.Lost), len(lost))
	}
	if after := stored(t, s.NATS); after != before {
		t.Errorf("a backtest has changed the system: it was\n%s\nand is\n%s", before, after)
	}

	s.Serve(t, "correlator", correlate)
	push(t, s, silent)
	clitest.Wait(t, "the pushed rules are active", func() bool {
		out, err := execute(t, "rules", "status", "--server", s.URL)
		return err == nil && strings.Contains(out, "revision 3")
	})
	pushed := backtestJSON(t, append([]string{"default"}, flags...)...)
	if pushed.OldRules.Name != "the pushed rules (revision 3)" || pushed.Old.Alerts != 0 || len(pushed.Alerts.Gained) != len(lost) {
		t.Errorf("against the pushed rules: %+v", pushed)
	}
	if b := backtestJSON(t, append([]string{silent, "--since", "1h", "--warm-up", "1h"}, flags...)...); b.Alerts.Same+len(b.Alerts.Lost) != 0 {
		t.Errorf("the report on the last hour has older alerts: %+v", b)
	}
}

func TestBacktestOfARecording(t *testing.T) {
	t.Parallel()
	_, flags := pastCompany().write(t)
	recorded := filepath.Join(t.TempDir(), "recorded")
	w, err := recording.Create(recorded, recording.Options{Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	var encoder event.SnapshotEncoder
	n := uint64(0)
	for s := range pastCompany().seldom(t) {
		data, err := encoder.Append(nil, s)
		if err == nil {
			n++
			err = w.Write(&recording.Message{Subject: event.SnapshotSubject(s.Host), Data: data, Stream: time.Unix(1, 0), Sequence: n, StoredAt: s.TakenAt, SentAt: s.TakenAt})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	flags = append(flags[2:], "--snapshots", recorded)
	all := backtestJSON(t, append([]string{copyOfDefault(t, disable())}, flags...)...)
	lately := backtestJSON(t, append([]string{"default", "--since", "1d"}, flags...)...)
	if all.Old.Alerts == 0 || len(all.Alerts.Lost) != all.Old.Alerts || lately.Old.Alerts == 0 || lately.Old.Alerts >= all.Old.Alerts || lately.Old != lately.New {
		t.Errorf("all %+v, lately %+v", all, lately)
	}
}

func TestBacktestMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	clitest.WriteFile(t, filepath.Join(broken, "smb.yaml"), "rule: smb\ntitle: SMB\nseverity: high\nwhen: conn.prt == 445\n")
	if err := os.WriteFile(filepath.Join(dir, "conn.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no rules", nil, "want the directory of the new rules"},
		{"rules with mistakes", []string{broken}, broken + "/smb.yaml:4:12: conn has no field prt"},
		{"old rules with mistakes", []string{"default", "--against", broken}, "--against: want directories with valid rules"},
		{"no such directory", []string{filepath.Join(dir, "none")}, "no such file or directory"},
		{"an interval of a running system", []string{"default", "--interval", "10s"}, "--interval: only a conn.log"},
		{"the same interval", []string{"default", "--interval", "30s", "--conn-log", dir}, "--interval 30s: want 1s to 1h, other than 30s"},
		{"a time that is none", []string{"default", "--since", "yesterday"}, `--since "yesterday": want a duration such as 7d`},
		{"no time", []string{"default", "--since", "0d"}, `--since "0d"`},
		{"a warm-up of a log", []string{"default", "--warm-up", "1d", "--conn-log", dir}, "--warm-up: use it with a running system"},
		{"a warm-up that is none", []string{"default", "--warm-up", "-1h"}, `--warm-up "-1h"`},
		{"two histories", []string{"default", "--conn-log", dir, "--snapshots", dir}, "exclude each other"},
		{"another output", []string{"default", "--output", "xml"}, `--output "xml"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append([]string{"rules", "backtest"}, tt.args...)...)
			var usage *daemon.UsageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("got %v\n%s\nwant %q", err, out, tt.want)
			}
		})
	}
}
