package rule_test

import (
	"math/rand/v2"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

func TestConditionWaitsForAnAge(t *testing.T) {
	closed := func(o *rule.Observation) {
		c := o.Connection
		c.Kind, c.ClosedAfter, c.ClosedBefore = event.Closed, noon.Add(time.Minute), noon.Add(time.Minute)
	}
	fromBefore := func(o *rule.Observation) { o.Connection.OpenedAfter = time.Time{} }
	attempted := func(o *rule.Observation) { o.Connection.Kind, o.Connection.State = event.Attempted, event.SynSent }
	over := func(o *rule.Observation) {
		c := o.Connection
		c.State, c.ClosedAfter, c.ClosedBefore = event.TimeWait, c.SeenUntil, c.SeenUntil
	}
	for _, test := range []struct {
		when, want string
		changes    []func(*rule.Observation)
	}{
		// The session has lived from 60 to 90 s; its edge's usually live 20 s.
		{`conn.age.min > duration("59s")`, "a fires", nil},
		{`conn.age.min > duration("1m")`, "a waits 1ns", nil},
		{`conn.age.min >= duration("1m")`, "a fires", nil},
		{`conn.age.min >= duration("90s")`, "a waits 30s", nil},
		{`duration("90s") <= conn.age.min`, "a waits 30s", nil},
		{`duration("90s") < conn.age.min`, "a waits 30.000000001s", nil},
		{`conn.age.max >= duration("100s")`, "a waits 10s", nil},
		{`conn.open and conn.age.min >= 4 * baseline.length.p99 and conn.port == 3306`, "a waits 20s", nil},
		{`conn.age.min >= duration("65s") and conn.age.min >= 4 * baseline.length.p99 and conn.age.max > duration("1s")`, "a waits 20s", nil},
		{"conn.age.min >= duration(\"65s\")\nfor: 70s", "a waits 10s", nil},
		{"conn.age.min >= duration(\"90s\")\nfor: 70s", "a waits 30s", nil},
		{"conn.age.min >= duration(\"50s\")\nfor: 40s", "a fires", nil},
		{`conn.attempted and conn.age.min >= duration("90s")`, "a waits 30s", []func(*rule.Observation){attempted}},

		// What can't get older, or isn't only too young, doesn't wait.
		{`conn.age.min >= duration("90s")`, "", []func(*rule.Observation){closed}},
		{`conn.age.min >= duration("60s")`, "a fires", []func(*rule.Observation){closed}},
		{`conn.age.min >= duration("90s")`, "", []func(*rule.Observation){over}},
		{`conn.age.min >= duration("90s") and conn.port == 1`, "", nil},
		{`conn.age.min >= duration("90s") and baseline.known`, "", nil},
		{`conn.age.min >= duration("90s") or conn.port == 1`, "", nil},
		{`not (conn.age.min < duration("90s"))`, "", nil},
		{`conn.age.min < duration("90s") and conn.age.max <= duration("90s")`, "a fires", nil},
		{`conn.age.min > 0.5 * conn.age.max`, "a fires", nil},
		{`conn.age.min > 0.9 * conn.age.max`, "", nil},

		// Nothing bounds the age of what was there before.
		{`conn.age.max > duration("1000000h")`, "a fires", []func(*rule.Observation){fromBefore}},
		{`conn.age.max >= 1e300 * baseline.length.p99`, "a fires", []func(*rule.Observation){fromBefore}},
		{`conn.age.max > 1e300 * baseline.length.p99`, "", []func(*rule.Observation){fromBefore}},
		{`conn.age.min > 1e300 * baseline.length.p99`, "", nil},
		{`conn.age.min > -1e300 * baseline.length.p99`, "a fires", nil},
		{`conn.age.min > duration("1s") * (conn.port % conn.retransmits)`, "a fails", []func(*rule.Observation){func(o *rule.Observation) { o.Connection.Retransmits = 0 }}},
	} {
		set := loadFiles(t, fstest.MapFS{"a.yaml": ruleFile("a", test.when)})
		o := session()
		o.Baseline = func(*event.Connection) rule.Baseline {
			return rule.Baseline{Length: rule.UsualLength{P99: 20 * time.Second}}
		}
		for _, change := range test.changes {
			change(&o)
		}
		results := rule.NewEvaluator(set).Evaluate(o)
		if got := said(results); got != test.want {
			t.Errorf("%s: %q, want %q", test.when, got, test.want)
			continue
		}
		if len(results) == 0 || results[0].Wait == 0 {
			continue
		}
		o.At = o.At.Add(results[0].Wait - 1)
		if again, ok := rule.NewEvaluator(set).EvaluateRule(set.Rules[0], 0, o); !ok || again.Wait != 1 {
			t.Errorf("%s: %+v a nanosecond too early", test.when, again)
		}
		o.At = o.At.Add(1)
		if again, ok := rule.NewEvaluator(set).EvaluateRule(set.Rules[0], 0, o); !ok || !again.Fires() {
			t.Errorf("%s: %+v when the time has come", test.when, again)
		}
	}
}

func TestExceptionDoesNotWait(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{"a.yaml": ruleFile("a",
		"conn.open\nunless: [{when: 'conn.age.min >= duration(\"90s\")', owner: o, reason: r, expires: 2099-01-01}]")})
	evaluator := rule.NewEvaluator(set)
	o := session()
	if got := said(evaluator.Evaluate(o)); got != "a fires" {
		t.Error(got)
	}
	o.At = noon.Add(90 * time.Second)
	if got := said(evaluator.Evaluate(o)); got != "a muted by o" {
		t.Error(got)
	}
}

func TestAbsentWitnessCanBeTooYoung(t *testing.T) {
	set, r := loadOne(t, header+"absent: {of: peer_report, for: 1m}\nwhen: conn.age.min >= duration(\"90s\")\n")
	o := session()
	if result, ok := rule.NewEvaluator(set).Absent(r, o); !ok || result.Wait != 30*time.Second || result.Fires() {
		t.Errorf("%+v, %v", result, ok)
	}
	o.Connection = nil
	if result, ok := rule.NewEvaluator(set).Absent(r, o); ok {
		t.Errorf("%+v without a connection", result)
	}
}

func TestBaselineIsQueriedOnceAndOnlyWhenNeeded(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{
		"a.yaml": ruleFile("a", "conn.port == 3306"),
		"b.yaml": ruleFile("b", "conn.port == 3306 and baseline.known"),
		"c.yaml": ruleFile("c", "baseline.days == 3 and conn.open and conn.age.min > 2 * baseline.length.p99"),
		"d.yaml": ruleFile("d", "conn.open\nunless: [{when: baseline.unusual, owner: o, reason: r, expires: 2099-01-01}]"),
		"e.yaml": ruleFile("e", "conn.port == 443 and baseline.known"),
		"f.yaml": ruleFile("f", "baseline.known and conn.uid == 7 and conn.attempted"),
		"g.yaml": ruleFile("g", "conn.attempted and conn.uid != 7"),
	})
	evaluator := rule.NewEvaluator(set)
	asked := 0
	o := session()
	o.Baseline = func(c *event.Connection) rule.Baseline {
		asked++
		return rule.Baseline{Known: true, Days: 3, Length: rule.UsualLength{P99: 19 * time.Second}}
	}
	if got := said(evaluator.Evaluate(o)); got != "a fires, b fires, c fires, d fires" || asked != 1 {
		t.Errorf("%s; asked %d times", got, asked)
	}
	asked = 0
	o.Connection.RemotePort = 22
	o.Connection.Kind, o.Connection.State = event.Attempted, event.SynSent
	if got := said(evaluator.Evaluate(o)); got != "g fires" || asked != 0 {
		t.Errorf("%s; asked %d times", got, asked)
	}
}

// TestSplittingChangesNothing evaluates random conditions, which are split into
// clauses, and the same as one that can't be: both fire on the same changes.
func TestSplittingChangesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	leaves := append(leafConditions(),
		`conn.age.min >= duration("8s")`, `conn.age.max > duration("7s")`, `duration("1s") < conn.age.min`, `conn.age.min > baseline.length.p99`,
		`conn.age.max >= baseline.days * duration("3s")`, `conn.age.min > conn.age.max`, `not baseline.known`, `baseline.days in 1..2`)
	fired, waited := 0, 0
	for range 1000 {
		when := randomCondition(r, leaves, 2)
		for range r.IntN(4) {
			when += " and " + randomCondition(r, leaves, 1)
		}
		set, err := rule.Load(fstest.MapFS{
			"lists.yaml": {Data: []byte(indexLists)},
			"split.yaml": ruleFile("split", "|\n  "+when),
			"whole.yaml": ruleFile("whole", "|\n  ("+when+") == true"),
		}, "rules")
		if err != nil {
			t.Fatal(err)
		}
		evaluator := rule.NewEvaluator(set)
		for range 30 {
			o := randomObservation(r)
			split, _ := evaluator.EvaluateRule(set.Rules[0], 0, o)
			whole, holds := evaluator.EvaluateRule(set.Rules[1], 0, o)
			if (split.Rule != nil && split.Fires()) != holds {
				t.Fatalf("%s\n%+v at %v\nsplit: %+v\nwhole: %v", when, *o.Connection, o.At, split, holds)
			}
			if holds && whole.Fires() {
				fired++
			}
			if split.Wait > 0 {
				waited++
			}
		}
	}
	if fired == 0 || waited == 0 {
		t.Errorf("%d fired, %d waited", fired, waited)
	}
}
