package rules

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/cli/clitest"
	"headstart/cli/cmdutil"
	"headstart/event"
	"headstart/rulestore"
	"headstart/services/correlator"
)

// startPushed starts a system with a correlator with pushed rules.
func startPushed(t *testing.T) testSystem {
	t.Helper()
	s := testSystem{clitest.Start(t, event.StreamConnections)}
	s.Serve(t, "correlator", withPushedRules("pushed"))
	clitest.Wait(t, "the correlator reports its rules", func() bool {
		_, err := execute(t, "rules", "status", "--server", s.URL)
		return err == nil
	})
	return s
}

func withPushedRules(names ...string) cmdutil.Service {
	return clitest.Correlator(func(o *correlator.Options) { o.Rules, o.Instance = names, "correlator-0" })
}

// rules runs a command of headstart rules on the system.
// rules runs a command of rules on the system. A push or a rollback waits as
// long as a busy machine needs until the rules are active.
func (s testSystem) rules(t *testing.T, args ...string) (string, error) {
	t.Helper()
	all := append([]string{"rules"}, args...)
	if (args[0] == "push" || args[0] == "rollback") && !slices.Contains(args, "--wait") {
		all = append(all, "--wait", "2m")
	}
	return execute(t, append(all, "--server", s.URL)...)
}

func expectSays(t *testing.T, out string, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, text := range want {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), text) {
			t.Errorf("no %q in\n%s", text, out)
		}
	}
}

func expectRejected(t *testing.T, out string, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("it is not rejected:\n%s", out)
	}
	for _, text := range want {
		if !strings.Contains(out+err.Error(), text) {
			t.Errorf("no %q in\n%s%v", text, out, err)
		}
	}
}

func ruleText(id, when string) string {
	return "rule: " + id + "\ntitle: T\nseverity: low\nwhen: " + when + "\n"
}

// revisions returns the output of rules history, the newest first.
func (s testSystem) revisions(t *testing.T) (all []revisionLine) {
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

func (s testSystem) status(t *testing.T) *rulestore.Status {
	t.Helper()
	out, _ := s.rules(t, "status", "--output", "json")
	status, err := rulestore.DecodeStatus([]byte(strings.SplitN(out, "\n", 2)[0]))
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func TestRulesArePushedAndRolledBack(t *testing.T) {
	t.Parallel()
	s := startPushed(t)
	dir := filepath.Join(t.TempDir(), "rules")
	own := filepath.Join(dir, "own.yaml")
	clitest.WriteFile(t, own, ruleText("own", "conn.port == 1"))

	out, err := s.rules(t, "history")
	expectSays(t, out, err, "no rules have been pushed yet")
	out, err = s.rules(t, "rollback", "--reason", "x")
	expectRejected(t, out, err, "no rules have been pushed yet")
	if now := s.status(t); now.Active.Source != "default" || now.Active.Revision != 0 || now.Active.Count < 20 {
		t.Errorf("before the first push %+v is active", now.Active)
	}

	out, err = s.rules(t, "push", dir, "--reason", "the first", "--author", "ann@laptop")
	expectSays(t, out, err, "revision 1 is stored: 1 rule", "added own", "active on correlator-0")
	if now := s.status(t).Active; now.Source != "pushed" || now.Revision != 1 || now.Author != "ann@laptop" || now.Reason != "the first" || now.Count != 1 {
		t.Errorf("active is %+v", now)
	}

	t.Run("invalid rules are rejected", func(t *testing.T) {
		clitest.WriteFile(t, filepath.Join(dir, "broken.yaml"), ruleText("broken", "conn.prot == 1"))
		out, err := s.rules(t, "push", dir, "--reason", "broken")
		expectRejected(t, out, err, "broken.yaml:4:12: conn has no field prot", "the rules are rejected: 1 mistake")
		if n := len(s.revisions(t)); n != 1 {
			t.Errorf("%d revisions", n)
		}
		if err := os.Remove(filepath.Join(dir, "broken.yaml")); err != nil {
			t.Fatal(err)
		}
	})

	clitest.WriteFile(t, own, ruleText("own", "conn.port == 2"))
	out, err = s.rules(t, "push", "default", dir, "--reason", "on top of the default ruleset", "--author", "bob@desk")
	expectSays(t, out, err, "revision 2 is stored", "changed own", "active on correlator-0")

	t.Run("a push on an old revision is rejected", func(t *testing.T) {
		out, err := s.rules(t, "push", dir, "--reason", "x", "--expect", "1")
		expectRejected(t, out, err, "the newest revision is 2, pushed by bob@desk at ", "(on top of the default ruleset), not 1", "--force")
		out, err = s.rules(t, "push", dir, "--reason", "x", "--expect", "0")
		expectRejected(t, out, err, "revision is 2", "not 0")
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
	expectRejected(t, out, err, "new or empty")

	t.Run("pulled rules don't overwrite later ones", func(t *testing.T) {
		out, err := s.rules(t, "push", pulled+"/1-default", pulled+"/2-rules", "--reason", "the same")
		expectSays(t, out, err, "revision 3 is stored")
		out, err = s.rules(t, "push", pulled+"/old", "--reason", "of the old")
		expectRejected(t, out, err, "the newest revision is 3", "not 1")
		out, err = s.rules(t, "push", pulled+"/1-default", pulled+"/2-rules", "--reason", "edited on")
		expectSays(t, out, err, "revision 4 is stored")
		out, err = s.rules(t, "push", pulled+"/old", "--reason", "I insist", "--force", "--output", "json")
		expectSays(t, out, err, `"revision":5`, `"reason":"I insist"`)
	})

	out, err = s.rules(t, "rollback", "--reason", "too many alerts", "--author", "ann@laptop")
	expectSays(t, out, err, "revision 6 is stored", "active on correlator-0")
	out, err = s.rules(t, "rollback", "1", "--reason", "as at first")
	expectSays(t, out, err, "revision 7 is stored: 1 rule", "changed own", "removed administration-at-unusual-hour")
	out, err = s.rules(t, "rollback", "99", "--reason", "x")
	expectRejected(t, out, err, "revision 99 is unknown: the store keeps 1 to 7")

	all := s.revisions(t)
	if len(all) != 7 || all[0].Restores != 1 || all[1].Restores != 4 || all[0].Hash != all[6].Hash || all[1].Author != "ann@laptop" {
		t.Errorf("history %+v", all)
	}
	if now := s.status(t).Active; now.Revision != 7 || now.Hash != all[6].Hash {
		t.Errorf("active is %+v", now)
	}
	out, err = s.rules(t, "history")
	expectSays(t, out, err, "REVISION PUSHED BY RULES HASH REASON AND CHANGES", "the first (added own)", "ann@laptop", "too many alerts")
	out, err = s.rules(t, "status")
	expectSays(t, out, err, "correlator-0: 1 rule of pushed active, "+all[6].Hash[:12], "revision 7, pushed by", ": as at first, since")
}

func TestCorrelatorRejectsPushedRulesThatDoNotFit(t *testing.T) {
	t.Parallel()
	local := filepath.Join(t.TempDir(), "local")
	clitest.WriteFile(t, filepath.Join(local, "own.yaml"), "override: own\nseverity: high\n")
	dir := filepath.Join(t.TempDir(), "rules")
	clitest.WriteFile(t, filepath.Join(dir, "own.yaml"), ruleText("own", "conn.port == 1"))
	other := filepath.Join(t.TempDir(), "rules")
	clitest.WriteFile(t, filepath.Join(other, "other.yaml"), ruleText("other", "conn.port == 1"))
	s := testSystem{clitest.Start(t, event.StreamConnections)}
	archive, err := s.Bus.OpenRevisions(t.Context(), "RULES", clitest.Storage)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.rules(t, "push", dir, "--reason", "before a correlator runs")
	expectSays(t, out, err, "revision 1 is stored", "no correlator runs with --rules pushed")
	service := withPushedRules("pushed", local)
	running, end := context.WithCancel(t.Context())
	done := s.Go(running, "correlator", service)
	clitest.Wait(t, "revision 1 is active", func() bool {
		out, err := s.rules(t, "status")
		return err == nil && strings.Contains(out, "1 rule of pushed, "+local)
	})
	out, err = s.rules(t, "push", other, "--reason", "without the rule that is overridden there", "--author", "bob")
	expectRejected(t, out, err, "correlator-0 rejects revision 2 and keeps the previous rules:", "there is no rule own to override")
	out, err = s.rules(t, "status")
	expectRejected(t, out, err, "revision 2 by bob, is rejected", "there is no rule own to override", "rules are rejected by 1 correlator")
	if now := s.status(t); now.Active.Revision != 1 || now.Rejected == nil || now.Rejected.Revision != 2 {
		t.Errorf("status %+v", now)
	}
	t.Run("a restarted correlator activates the newest usable revision", func(t *testing.T) {
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
		// And one that no program can read.
		last, err := archive.Latest(t.Context(), "set")
		if err == nil {
			_, err = archive.Add(t.Context(), "set", []byte("no book"), last.Number)
		}
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now().UTC()
		running, end := context.WithCancel(t.Context())
		done := s.Go(running, "correlator", service)
		clitest.Wait(t, "it reports its status", func() bool {
			now := s.status(t)
			return now.At.After(began) && now.Active.Revision == 1 && now.Rejected != nil
		})
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestMistakesOfPushing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"nothing":              {[]string{"push"}, []string{"--reason: want one line", "want the directories"}},
		"no such directory":    {[]string{"push", "/nowhere", "--reason", "x"}, []string{"/nowhere", "want a directory"}},
		"a reason of a novel":  {[]string{"push", "default", "--reason", strings.Repeat("x", 501)}, []string{"--reason: 501 bytes"}},
		"a reason of lines":    {[]string{"push", "default", "--reason", "a\nb"}, []string{"--reason: want one line"}},
		"no author":            {[]string{"push", "default", "--reason", "x", "--author", " "}, []string{"--author: want one line"}},
		"force and expect":     {[]string{"push", "default", "--reason", "x", "--force", "--expect", "1"}, []string{"exclude each other"}},
		"no directory to pull": {[]string{"pull"}, []string{"--out: want a directory"}},
		"no revision":          {[]string{"pull", "newest", "--out", "/nowhere"}, []string{`revision "newest": want a number`}},
		"a rollback to zero":   {[]string{"rollback", "0", "--reason", "x"}, []string{`revision "0": want a number`}},
		"a rollback without":   {[]string{"rollback", "1"}, []string{"--reason: want one line"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := execute(t, append([]string{"rules"}, test.args...)...)
			expectRejected(t, out, err, test.want...)
		})
	}
	t.Run("where no correlator has run", func(t *testing.T) {
		s := testSystem{clitest.Start(t)}
		for _, args := range [][]string{{"push", "default", "--reason", "x"}, {"history"}, {"status"}, {"rollback", "--reason", "x"}, {"pull", "--out", filepath.Join(t.TempDir(), "x")}} {
			out, err := s.rules(t, args...)
			expectRejected(t, out, err, "is one running there?")
		}
	})
}
