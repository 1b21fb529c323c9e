package rule_test

import (
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
)

func TestEvaluationsAreMeasuredNowAndThen(t *testing.T) {
	set, err := rule.Load(fstest.MapFS{
		"often.yaml":  {Data: []byte("rule: often\ntitle: T\nseverity: low\nwhen: conn.port == 443\n")},
		"always.yaml": {Data: []byte("rule: always\ntitle: T\nseverity: low\nwhen: conn.open\n")},
		"never.yaml":  {Data: []byte("rule: never\ntitle: T\nseverity: low\nwhen: conn.port == 22\n")},
	}, "rules")
	if err != nil {
		t.Fatal(err)
	}
	e := rule.NewEvaluator(set)
	if e.Costs() != nil {
		t.Error("something is measured that wasn't asked for")
	}
	now, asked := time.Duration(0), 0
	e.Measure(func() time.Duration { now += time.Millisecond; asked++; return now })
	const events = 64_000
	for range events {
		if n := len(e.Evaluate(rule.Observation{Connection: inbound(443), At: noon, Host: &rule.Host{Name: "x"}})); n != 2 {
			t.Fatalf("%d results", n)
		}
	}
	if asked > 2*2*events/32 {
		t.Errorf("the clock was asked %d times for %d evaluations", asked, 2*events)
	}
	for id, measured := range map[string]bool{"often": true, "always": true, "never": false} {
		cost := e.Costs()[set.Rule(id)]
		if !measured {
			if cost != nil {
				t.Errorf("%s was measured: %+v", id, cost)
			}
			continue
		}
		if cost == nil || cost.Samples < events/64/2 || cost.Average() != time.Millisecond {
			t.Errorf("%s: %+v", id, cost)
		}
	}
}

func TestOneLongPauseIsNoAverage(t *testing.T) {
	c := rule.Cost{Samples: 101, Total: 100*time.Microsecond + time.Second, Most: time.Second}
	if c.Average() != time.Microsecond {
		t.Errorf("the average is %s", c.Average())
	}
}

func TestSetWithoutSomeRules(t *testing.T) {
	set := shippedPack(t)
	less := set.Without([]string{"ssh-session-long", "no-such-rule"})
	if less.Hash != set.Hash || len(less.Rules) != len(set.Rules) {
		t.Error("it is another set")
	}
	if less.Rule("ssh-session-long").Enabled || !set.Rule("ssh-session-long").Enabled {
		t.Error("the rule isn't off there, or is off in the first too")
	}
	o := rule.Observation{Connection: outbound(445, "10.1.5.10"), At: noon, Host: &rule.Host{Name: "web-01", Roles: []string{"web"}}}
	all := rule.NewEvaluator(set).Evaluate(o)
	if len(all) == 0 {
		t.Fatal("nothing holds")
	}
	off := all[0].Rule.ID
	for _, r := range rule.NewEvaluator(set.Without([]string{off})).Evaluate(o) {
		if r.Rule.ID == off {
			t.Error("it is evaluated all the same")
		}
	}
}
