package cli

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
)

// startPushed starts a system with a correlator that takes pushed rules.
func startPushed(t *testing.T, names ...string) *system {
	t.Helper()
	s := startSystem(t, event.StreamConnections)
	s.serve(t, "correlator", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		return correlator.Run(ctx, correlator.Options{
			Bus: b, Log: log, Telemetry: daemon.NewTelemetry(), Storage: bus.Storage{Bytes: 1 << 30, Replicas: 1},
			Default: rules.Files, Rules: names, MaxHosts: 1000, Instance: "correlator-0",
		})
	})
	await(t, "the correlator tells which rules are in force", func() bool {
		_, err := execute(t, "rules", "status", "--server", s.url)
		return err == nil
	})
	return s
}

// rules runs a command of headstart rules on the system.
func (s *system) rules(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return execute(t, append(append([]string{"rules"}, args...), "--server", s.url)...)
}

func expectSays(t *testing.T, out string, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, text := range want {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), text) {
			t.Errorf("it doesn't say %q:\n%s", text, out)
		}
	}
}

func expectRefused(t *testing.T, out string, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("it is not refused:\n%s", out)
	}
	for _, text := range want {
		if !strings.Contains(out+err.Error(), text) {
			t.Errorf("it doesn't say %q:\n%s%v", text, out, err)
		}
	}
}

func ruleText(id, when string) string {
	return "rule: " + id + "\ntitle: T\nseverity: low\nwhen: " + when + "\n"
}

// revisions returns what rules history says, the newest first.
func (s *system) revisions(t *testing.T) (all []revisionLine) {
	t.Helper()
	out, err := s.rules(t, "history", "--output", "json")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out) {
		var r revisionLine
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func (s *system) status(t *testing.T) *correlator.Status {
	t.Helper()
	out, _ := s.rules(t, "status", "--output", "json")
	status, err := correlator.DecodeStatus([]byte(strings.SplitN(out, "\n", 2)[0]))
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func TestRulesArePushedAndRolledBack(t *testing.T) {
	s := startPushed(t, "pushed")
	dir := filepath.Join(t.TempDir(), "rules")
	own := filepath.Join(dir, "own.yaml")
	writeFile(t, own, ruleText("own", "conn.port == 1"))

	out, err := s.rules(t, "history")
	expectSays(t, out, err, "no rules were pushed yet")
	out, err = s.rules(t, "rollback", "--reason", "x")
	expectRefused(t, out, err, "no rules were pushed yet")
	if now := s.status(t); now.InForce.Source != "default" || now.InForce.Revision != 0 || now.InForce.Count < 20 {
		t.Errorf("before the first push %+v is in force", now.InForce)
	}

	out, err = s.rules(t, "push", dir, "--reason", "the first", "--author", "ann@laptop")
	expectSays(t, out, err, "revision 1 is stored: 1 rule", "added own", "in force on correlator-0")
	if now := s.status(t).InForce; now.Source != "pushed" || now.Revision != 1 || now.Author != "ann@laptop" || now.Reason != "the first" || now.Count != 1 {
		t.Errorf("in force is %+v", now)
	}

	t.Run("rules with mistakes are refused", func(t *testing.T) {
		writeFile(t, filepath.Join(dir, "broken.yaml"), ruleText("broken", "conn.prot == 1"))
		out, err := s.rules(t, "push", dir, "--reason", "broken")
		expectRefused(t, out, err, "broken.yaml:4:12: conn has no field prot", "the rules are not pushed: 1 mistake")
		if n := len(s.revisions(t)); n != 1 {
			t.Errorf("%d revisions", n)
		}
		if err := os.Remove(filepath.Join(dir, "broken.yaml")); err != nil {
			t.Fatal(err)
		}
	})

	writeFile(t, own, ruleText("own", "conn.port == 2"))
	out, err = s.rules(t, "push", "default", dir, "--reason", "on top of the pack", "--author", "bob@desk")
	expectSays(t, out, err, "revision 2 is stored", "changed own", "in force on correlator-0")

	t.Run("who hasn't seen the newest is refused", func(t *testing.T) {
		out, err := s.rules(t, "push", dir, "--reason", "x", "--expect", "1")
		expectRefused(t, out, err, "the newest is revision 2, which bob@desk pushed at ", "(on top of the pack), not 1", "--force")
		out, err = s.rules(t, "push", dir, "--reason", "x", "--expect", "0")
		expectRefused(t, out, err, "revision 2", "not 0")
	})

	pulled := filepath.Join(t.TempDir(), "pulled")
	out, err = s.rules(t, "pull", "--out", pulled)
	expectSays(t, out, err, "revision 2 is in "+pulled+"/1-default "+pulled+"/2-rules")
	if text, err := os.ReadFile(filepath.Join(pulled, "2-rules", "own.yaml")); err != nil || string(text) != ruleText("own", "conn.port == 2") {
		t.Errorf("pulled is %q, %v", text, err)
	}
	out, err = s.rules(t, "pull", "1", "--out", filepath.Join(pulled, "old"))
	expectSays(t, out, err, "revision 1 is in "+pulled+"/old")
	out, err = s.rules(t, "pull", "--out", pulled)
	expectRefused(t, out, err, "new or empty")

	t.Run("what was pulled is not pushed over what came since", func(t *testing.T) {
		out, err := s.rules(t, "push", pulled+"/1-default", pulled+"/2-rules", "--reason", "the same")
		expectSays(t, out, err, "revision 3 is stored")
		out, err = s.rules(t, "push", pulled+"/old", "--reason", "of the old")
		expectRefused(t, out, err, "the newest is revision 3", "not 1")
		out, err = s.rules(t, "push", pulled+"/1-default", pulled+"/2-rules", "--reason", "edited on")
		expectSays(t, out, err, "revision 4 is stored")
		out, err = s.rules(t, "push", pulled+"/old", "--reason", "I insist", "--force", "--output", "json")
		expectSays(t, out, err, `"revision":5`, `"reason":"I insist"`)
	})

	out, err = s.rules(t, "rollback", "--reason", "too many alerts", "--author", "ann@laptop")
	expectSays(t, out, err, "revision 6 is stored", "in force on correlator-0")
	out, err = s.rules(t, "rollback", "1", "--reason", "as at first")
	expectSays(t, out, err, "revision 7 is stored: 1 rule", "changed own", "removed administration-at-unusual-hour")
	out, err = s.rules(t, "rollback", "99", "--reason", "x")
	expectRefused(t, out, err, "there is no revision 99: 1 to 7 are kept")

	all := s.revisions(t)
	if len(all) != 7 || all[0].Restores != 1 || all[1].Restores != 4 || all[0].Hash != all[6].Hash || all[1].Author != "ann@laptop" {
		t.Errorf("history %+v", all)
	}
	if now := s.status(t).InForce; now.Revision != 7 || now.Hash != all[6].Hash {
		t.Errorf("in force is %+v", now)
	}
	out, err = s.rules(t, "history")
	expectSays(t, out, err, "REVISION PUSHED BY RULES HASH WHY AND WHAT", "the first (added own)", "ann@laptop", "too many alerts")
	out, err = s.rules(t, "status")
	expectSays(t, out, err, "correlator-0 has 1 rule of pushed in force, "+all[6].Hash[:12], "revision 7, which", ": as at first, since")
}

func TestPushedRulesThatDoNotFitAreRefusedByTheCorrelator(t *testing.T) {
	local := filepath.Join(t.TempDir(), "local")
	writeFile(t, filepath.Join(local, "own.yaml"), "override: own\nseverity: high\n")
	dir := filepath.Join(t.TempDir(), "rules")
	writeFile(t, filepath.Join(dir, "own.yaml"), ruleText("own", "conn.port == 1"))
	other := filepath.Join(t.TempDir(), "rules")
	writeFile(t, filepath.Join(other, "other.yaml"), ruleText("other", "conn.port == 1"))
	s := startSystem(t, event.StreamConnections)
	archive, err := s.bus.OpenRevisions(t.Context(), correlator.RulesBucket, bus.Storage{Bytes: 1 << 30, Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.rules(t, "push", dir, "--reason", "before a correlator runs")
	expectSays(t, out, err, "revision 1 is stored", "no correlator runs with --rules pushed now")
	start := func(ctx context.Context) chan error {
		done := make(chan error, 1)
		go func() {
			done <- connected(ctx, bus.Options{Name: "correlator", Server: s.url, Wait: 10 * time.Second}, discard(), func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
				return correlator.Run(ctx, correlator.Options{
					Bus: b, Log: log, Telemetry: daemon.NewTelemetry(), Storage: bus.Storage{Bytes: 1 << 30, Replicas: 1},
					Default: rules.Files, Rules: []string{"pushed", local}, MaxHosts: 1000, Instance: "correlator-0",
				})
			})
		}()
		return done
	}
	life, end := context.WithCancel(t.Context())
	done := start(life)
	await(t, "revision 1 is in force", func() bool {
		out, err := s.rules(t, "status")
		return err == nil && strings.Contains(out, "has 1 rule of pushed, "+local)
	})
	out, err = s.rules(t, "push", other, "--reason", "without the rule that is overridden there", "--author", "bob")
	expectRefused(t, out, err, "correlator-0 refuses revision 2 and keeps the rules of before:", "there is no rule own to override")
	out, err = s.rules(t, "status")
	expectRefused(t, out, err, "revision 2 by bob, is refused", "there is no rule own to override", "rules are refused by 1 correlator")
	if now := s.status(t); now.InForce.Revision != 1 || now.Refused == nil || now.Refused.Revision != 2 {
		t.Errorf("status %+v", now)
	}
	t.Run("a life that begins then takes the newest that can be used", func(t *testing.T) {
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
		// And one that no program can read.
		last, err := archive.Latest(t.Context(), correlator.RulesKey)
		if err == nil {
			_, err = archive.Add(t.Context(), correlator.RulesKey, []byte("no book"), last.Number)
		}
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now().UTC()
		life, end := context.WithCancel(t.Context())
		done := start(life)
		await(t, "it tells its status", func() bool {
			now := s.status(t)
			return now.At.After(began) && now.InForce.Revision == 1 && now.Refused != nil
		})
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestMistakesOfPushing(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"nothing":              {[]string{"push"}, []string{"--reason: say why", "name the directories"}},
		"no such directory":    {[]string{"push", "/nowhere", "--reason", "x"}, []string{"/nowhere", "want a directory"}},
		"a reason of a novel":  {[]string{"push", "default", "--reason", strings.Repeat("x", 501)}, []string{"--reason: 501 bytes"}},
		"a reason of lines":    {[]string{"push", "default", "--reason", "a\nb"}, []string{"--reason: want one line"}},
		"nobody":               {[]string{"push", "default", "--reason", "x", "--author", " "}, []string{"--author: say who"}},
		"force and expect":     {[]string{"push", "default", "--reason", "x", "--force", "--expect", "1"}, []string{"exclude each other"}},
		"no directory to pull": {[]string{"pull"}, []string{"--out: name the directory"}},
		"no revision":          {[]string{"pull", "newest", "--out", "/nowhere"}, []string{`"newest" is no revision`}},
		"a rollback to zero":   {[]string{"rollback", "0", "--reason", "x"}, []string{`"0" is no revision`}},
		"a rollback without":   {[]string{"rollback", "1"}, []string{"--reason: say why"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := execute(t, append([]string{"rules"}, test.args...)...)
			expectRefused(t, out, err, test.want...)
		})
	}
	t.Run("where no correlator has run", func(t *testing.T) {
		s := startSystem(t)
		for _, args := range [][]string{{"push", "default", "--reason", "x"}, {"history"}, {"status"}, {"rollback", "--reason", "x"}, {"pull", "--out", filepath.Join(t.TempDir(), "x")}} {
			out, err := s.rules(t, args...)
			expectRefused(t, out, err, "does one run there?")
		}
	})
}
