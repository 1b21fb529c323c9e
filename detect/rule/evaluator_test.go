package rule_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

func loadFiles(t *testing.T, files fstest.MapFS) *rule.Set {
	t.Helper()
	set, err := rule.Load(files, "rules")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// said is what an evaluation says, in short.
func said(results []rule.Result) string {
	var all []string
	for _, r := range results {
		text := r.Rule.ID
		if r.Rule.Parts() > 1 {
			text += fmt.Sprintf("#%d", r.Part)
		}
		switch {
		case r.Err != nil:
			text += " fails"
		case r.Muted != nil:
			text += " muted by " + r.Muted.Owner
		case r.Wait > 0:
			text += " waits " + r.Wait.String()
		}
		if r.Fires() {
			text += " fires"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestRuleWithForWaitsForTheLowerBound(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{"a.yaml": ruleFile("a", "conn.port == 3306\nfor: 30s")})
	evaluator := rule.NewEvaluator(set)
	o := session() // began between 30 s before noon and noon
	for _, test := range []struct {
		at   time.Duration
		want string
	}{
		{0, "a waits 30s"},
		{29999 * time.Millisecond, "a waits 1ms"},
		{30 * time.Second, "a fires"},
		{time.Hour, "a fires"},
		{-time.Minute, "a waits 30s"}, // a clock that jumped back
	} {
		o.At = noon.Add(test.at)
		if got := said(evaluator.Evaluate(o)); got != test.want {
			t.Errorf("at %v: %q, want %q", test.at, got, test.want)
		}
		again, ok := evaluator.EvaluateRule(set.Rules[0], 0, o)
		if got := said([]rule.Result{again}); !ok || got != test.want {
			t.Errorf("the one rule at %v: %q, want %q", test.at, got, test.want)
		}
	}
}

func TestRuleWithForNeedsAnOpenConnection(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{
		"for.yaml":     ruleFile("for", "conn.port == 3306\nfor: 30s"),
		"without.yaml": ruleFile("without", "conn.port == 3306"),
	})
	evaluator := rule.NewEvaluator(set)
	for _, test := range []struct {
		name   string
		change func(*event.Connection)
		want   string
	}{
		{"open", func(c *event.Connection) {}, "for fires, without fires"},
		{"attempted", func(c *event.Connection) { c.Kind, c.State = event.Attempted, event.SynSent }, "for fires, without fires"},
		{"listening", func(c *event.Connection) { *c = *listening(3306, "0.0.0.0") }, "for fires, without fires"},
		{"closed", func(c *event.Connection) {
			c.Kind, c.ClosedAfter, c.ClosedBefore = event.Closed, noon.Add(time.Hour), noon.Add(time.Hour)
		}, "without fires"},
		{"stopped", func(c *event.Connection) { *c = *listening(3306, "0.0.0.0"); c.Kind = event.StoppedListening }, "without fires"},
		{"over when it was first seen", func(c *event.Connection) {
			c.State, c.ClosedAfter, c.ClosedBefore = event.TimeWait, c.SeenUntil, c.SeenUntil
		}, "without fires"},
	} {
		o := session()
		test.change(o.Connection)
		if got := said(evaluator.Evaluate(o)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

const withExceptions = `conn.port == 3306
for: 30s
unless:
  - {when: conn.uid == 999, owner: nobody, reason: r, expires: 2099-01-01}
  - {when: conn.peer in networks.admin, owner: admin, reason: r, expires: 2026-06-04}
  - {when: 'peer.name == "db-01"', owner: dba, reason: r, expires: 2026-06-05}
  - {when: conn.open, owner: other, reason: r, expires: 2099-01-01}
`

func TestExceptions(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{
		"a.yaml":     ruleFile("a", withExceptions),
		"lists.yaml": {Data: []byte("networks: {admin: [10.1.5.10]}\n")},
	})
	evaluator := rule.NewEvaluator(set)
	o := session()
	other := *o.Connection
	other.UID = 999
	for _, test := range []struct {
		name string
		at   time.Time
		c    *event.Connection
		want string
	}{
		{"before the rule would fire none is asked", noon, o.Connection, "a waits 30s"},
		{"the first that holds and has not expired", noon.Add(time.Minute), o.Connection, "a muted by dba"},
		{"until the end of its last day", time.Date(2026, 6, 5, 23, 59, 59, 999, time.UTC), o.Connection, "a muted by dba"},
		{"not after it", time.Date(2026, 6, 6, 0, 0, 0, 0, time.UTC), o.Connection, "a muted by other"},
		{"whatever else holds", time.Date(2026, 6, 6, 0, 0, 0, 0, time.UTC), &other, "a muted by nobody"},
		{"in event time", time.Date(2099, 1, 2, 0, 0, 0, 0, time.UTC), &other, "a fires"},
	} {
		o.Connection, o.At = test.c, test.at
		if got := said(evaluator.Evaluate(o)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestRuleThatFailsIsReportedAndDoesNotFire(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{
		"a.yaml": ruleFile("a", "conn.port == 3306"),
		"b.yaml": ruleFile("b", "conn.port % conn.uid == 0"),
		"c.yaml": ruleFile("c", "conn.open\nunless:\n  - {when: conn.port % conn.uid == 0, owner: o, reason: r, expires: 2099-01-01}"),
		"d.yaml": ruleFile("d", "conn.open"),
	})
	evaluator := rule.NewEvaluator(set)
	o := session()
	o.Connection.UID = 0
	results := evaluator.Evaluate(o)
	if got := said(results); got != "a fires, b fails, c fails, d fires" {
		t.Fatal(got)
	}
	if got := results[1].Err.Error(); got != "rule b: when: runtime error: integer divide by zero at character 11" {
		t.Error(got)
	}
	if got := results[2].Err.Error(); got != "rule c: unless (o): runtime error: integer divide by zero at character 11" {
		t.Error(got)
	}
	o.Connection.UID = 7
	if got := said(evaluator.Evaluate(o)); got != "a fires, c fires, d fires" {
		t.Errorf("after a failure: %s", got)
	}
}

func TestRuleThatIsNotEnabledIsCheckedAndNotEvaluated(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{
		"a.yaml": ruleFile("a", "conn.open\nenabled: false"),
		"b.yaml": ruleFile("b", "conn.open\nenabled: true"),
	})
	evaluator := rule.NewEvaluator(set)
	if got := said(evaluator.Evaluate(session())); got != "b fires" {
		t.Error(got)
	}
	if r, ok := evaluator.EvaluateRule(set.Rules[0], 0, session()); ok {
		t.Errorf("%+v", r)
	}
	_, err := load(header + "when: conn.opn\nenabled: false\n")
	mistakes(t, err)
}

func TestResultsComeByID(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{
		"1.yaml": ruleFile("d", "conn.port == 3306"),
		"2.yaml": ruleFile("b", "conn.port == 3306"),
		"3.yaml": ruleFile("c", "conn.open"),
		"4.yaml": ruleFile("a", "conn.port < 10000"),
		"5.yaml": ruleFile("e", "conn.port == 3307"),
	})
	if got := said(rule.NewEvaluator(set).Evaluate(session())); got != "a fires, b fires, c fires, d fires" {
		t.Error(got)
	}
}

func TestEvaluatorsOfOneSetRunAtTheSameTime(t *testing.T) {
	set := shippedPack(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			evaluator := rule.NewEvaluator(set)
			o := session()
			for range 200 {
				if got := said(single(evaluator.Evaluate(o))); got != "database-session-long fires" {
					t.Error(got)
				}
			}
		})
	}
	wait.Wait()
}

func TestEvaluateWithoutCandidatesAllocatesNothing(t *testing.T) {
	o := rule.Observation{
		Connection: inbound(443), At: noon, Host: &rule.Host{Roles: []string{"web"}},
		Baseline: func(*event.Connection) rule.Baseline { return rule.Baseline{} },
	}
	patterns, _ := loadOne(t, header+aSequence)
	for name, set := range map[string]*rule.Set{"the shipped pack": shippedPack(t), "a sequence": patterns} {
		evaluator := rule.NewEvaluator(set)
		if n := testing.AllocsPerRun(100, func() { evaluator.Evaluate(o) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// A condition that is asked and doesn't hold costs what it sees, once: the
// change, and the change with the baseline. (A time or a duration that is
// calculated is boxed.)
func TestEvaluateAllocatesOnlyForConditions(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{
		"a.yaml": ruleFile("a", "conn.port == 3306 and conn.uid == 7"),
		"b.yaml": ruleFile("b", "conn.port == 3306 and baseline.unusual\ncount: {by: host.name, of: conn.peer, within: 5m, at_least: 2, above_usual: 2}"),
		"c.yaml": ruleFile("c", "conn.port == 3306 and baseline.days > 300"),
	})
	evaluator := rule.NewEvaluator(set)
	o := session()
	o.Baseline = func(*event.Connection) rule.Baseline { return rule.Baseline{Known: true} }
	if n := testing.AllocsPerRun(100, func() { evaluator.Evaluate(o) }); n != 2 {
		t.Errorf("%v allocations", n)
	}
}

// The costliest conditions that the limits let through, on the largest host.
func TestHostileConditionsEnd(t *testing.T) {
	o := session()
	o.Host.Name = strings.Repeat("a", event.MaxName)
	for i := range event.MaxRoles {
		o.Host.Roles = append(o.Host.Roles, fmt.Sprint(strings.Repeat("a", event.MaxName-4), i))
	}
	for i := range event.MaxAddresses {
		o.Host.Addresses = append(o.Host.Addresses, event.AddressFrom4(0x0a000000+uint32(i)))
	}
	for name, when := range map[string]string{
		"loops":               "conn.open" + strings.Repeat(" and none(host.addresses, # == conn.peer)", 40),
		"patterns":            "conn.open" + strings.Repeat(` and none(host.roles, # matches "(a|aa|a?){20}x$")`, 2),
		"concatenation":       "len(host.name" + strings.Repeat(" + host.name", 80) + ") == 81 * 255",
		"list of its own":     "any([" + strings.Repeat("conn.port, ", 150) + "1], # == 3306)",
		"elements in a field": "conn.open" + strings.Repeat(" and conn.peer not in host.addresses", 50),
	} {
		t.Run(name, func(t *testing.T) {
			if !holds(t, when, o) {
				t.Errorf("doesn't hold")
			}
		})
	}
}
