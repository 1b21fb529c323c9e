package rule_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// loadOne loads the rule that a file's text is, with some lists.
func loadOne(t *testing.T, text string) (*rule.Set, *rule.Rule) {
	t.Helper()
	set, err := load(text)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return set, set.Rules[0]
}

func TestLoadReadsPatterns(t *testing.T) {
	for _, test := range []struct {
		name, text string
		get        func(*rule.Rule) any
		parts      int
		want       any
	}{
		{"count", `score: 12.5
when: conn.port in ports.database
for: 3s
count:
  by: host.name
  of: conn.peer
  within: 10m
  at_least: 5
  above_usual: 1.5
`, func(r *rule.Rule) any { return *r.Count }, 1, rule.Count{
			By: []string{"host.name"}, Of: "conn.peer", Within: 10 * time.Minute, AtLeast: 5, AboveUsual: 1.5}},
		{"sum", `when: conn.open
count: {by: [host.name, "conn.port in [22, 23]"], sum: conn.retransmits * 2, within: 720h, at_least: 0.1e2}
`, func(r *rule.Rule) any { return *r.Count }, 1, rule.Count{
			By: []string{"host.name", "conn.port in [22, 23]"}, Sum: "conn.retransmits * 2", Within: 720 * time.Hour, AtLeast: 10}},
		{"sequence", `sequence:
  within: 5m
  steps:
    - when: |
        conn.direction == "inbound"
      by: [host.name]
      for: 30s
    - {when: conn.open, by: peer.name}
`, func(r *rule.Rule) any { return *r.Sequence }, 2, rule.Sequence{Within: 5 * time.Minute, Steps: []rule.Step{
			{By: []string{"host.name"}, When: `conn.direction == "inbound"`, For: 30 * time.Second}, {By: []string{"peer.name"}, When: "conn.open"}}}},
		{"path", "when: baseline.unusual\nfor: 1m\npath: {hops: 2, within: 1h}\n",
			func(r *rule.Rule) any { return *r.Path }, 1, rule.Path{Hops: 2, Within: time.Hour}},
		{"absent poller", "absent: {of: poller, for: 5m}\nwhen: host in roles.web\n",
			func(r *rule.Rule) any { return *r.Absent }, 0, rule.Absent{Of: rule.MissingPoller, For: 5 * time.Minute}},
		{"absent peer report", "absent: {of: peer_report, for: 90s}\n",
			func(r *rule.Rule) any { return *r.Absent }, 0, rule.Absent{Of: rule.MissingPeerReport, For: 90 * time.Second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, r := loadOne(t, header+test.text)
			if got := test.get(r); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			if r.Parts() != test.parts || !r.IsPattern() {
				t.Errorf("%d parts, a pattern is %v", r.Parts(), r.IsPattern())
			}
			set := 0
			for _, is := range []bool{r.Count != nil, r.Sequence != nil, r.Path != nil, r.Absent != nil} {
				if is {
					set++
				}
			}
			if set != 1 {
				t.Errorf("it is %d patterns", set)
			}
		})
	}
}

func TestScoreIsOfTheSeverityUnlessSaid(t *testing.T) {
	for text, want := range map[string]float64{
		"severity: info": 1, "severity: low": 10, "severity: medium": 30, "severity: high": 60, "severity: critical": 90,
		"severity: low\nscore: 0": 0, "severity: info\nscore: 100": 100, "severity: high\nscore: 2.5": 2.5,
	} {
		_, r := loadOne(t, "rule: a\ntitle: T\nwhen: conn.open\n"+text+"\n")
		if r.Score != want || r.IsPattern() || r.Parts() != 1 {
			t.Errorf("%q scores %v, want %v", text, r.Score, want)
		}
	}
}

func TestMatchOfAPattern(t *testing.T) {
	usual := func(*event.Connection) rule.Baseline { return rule.Baseline{Fanout: rule.UsualFanout{P99: 7, Now: 2}} }
	for _, test := range []struct {
		name, count string
		want        rule.Result
	}{
		{"text", "by: host.name", rule.Result{By: "web-01"}},
		{"number", "by: conn.port", rule.Result{By: "3306"}},
		{"number that is not whole", "by: conn.port / 4", rule.Result{By: "826.5"}},
		{"large number", "by: conn.port * 1000000.0", rule.Result{By: "3306000000"}},
		{"address", "by: conn.peer", rule.Result{By: "10.1.5.10"}},
		{"condition", "by: conn.peer in networks.admin or host in roles.web", rule.Result{By: "true"}},
		{"choice", `by: 'conn.open ? peer.name : ""'`, rule.Result{By: "db-01"}},
		{"choice of numbers", `by: 'conn.open ? conn.port : 1.5'`, rule.Result{By: "3306"}},
		{"text that is put together", `by: 'lower(host.name) + "/" + peer.name'`, rule.Result{By: "web-01/db-01"}},
		{"several", "by: [host.name, conn.peer, conn.port, conn.open]", rule.Result{By: "web-01\x0010.1.5.10\x003306\x00true"}},
		{"distinct values", "by: host.name\n  of: conn.peer", rule.Result{By: "web-01", Of: "10.1.5.10"}},
		{"distinct values against the usual", "by: host.name\n  of: conn.port\n  above_usual: 2", rule.Result{By: "web-01", Of: "3306", Usual: 7}},
		{"sum", "by: host.name\n  sum: conn.retransmits * 2", rule.Result{By: "web-01", Sum: 4}},
		{"sum of the baseline", "by: host.name\n  sum: baseline.fanout.now", rule.Result{By: "web-01", Sum: 2}},
		{"key from the baseline", "by: baseline.fanout.p99", rule.Result{By: "7"}},
		{"length of a name", "by: len(host.name)", rule.Result{By: "6"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			set, _ := loadOne(t, header+"when: conn.port == 3306\ncount:\n  "+test.count+"\n  within: 1m\n  at_least: 2\n")
			o := session()
			o.Baseline = usual
			results := rule.NewEvaluator(set).Evaluate(o)
			if len(results) != 1 || !results[0].Fires() {
				t.Fatalf("%+v", results)
			}
			test.want.Rule = set.Rules[0]
			if results[0] != test.want {
				t.Errorf("got  %+v\nwant %+v", results[0], test.want)
			}
		})
	}
}

func TestEndsAreTheSameFromBothSides(t *testing.T) {
	set, _ := loadOne(t, header+"when: baseline.host.learning\ncount: {by: [conn.originator, conn.responder, conn.service], within: 1m, at_least: 2}\n")
	evaluator := rule.NewEvaluator(set)
	web, database := &rule.Host{Name: "web-01"}, &rule.Host{Name: "db-01"}
	there, back := outbound(5432, "10.1.5.10"), outbound(5432, "10.1.5.10")
	back.Direction = event.Inbound
	back.Local, back.Remote, back.LocalPort, back.RemotePort = back.Remote, back.Local, back.RemotePort, back.LocalPort
	for _, test := range []struct {
		name       string
		connection *event.Connection
		host, peer *rule.Host
		want       string
	}{
		{"from the originator", there, web, database, "web-01 db-01 db-01:5432"},
		{"from the responder", back, database, web, "web-01 db-01 db-01:5432"},
		{"of an unknown peer", there, web, nil, "web-01 10.1.5.10 10.1.5.10:5432"},
		{"of an unknown host", back, nil, web, "web-01 10.1.5.10 10.1.5.10:5432"},
		{"of a listening socket", listening(80, "0.0.0.0"), web, database, "web-01 web-01 web-01:80"},
	} {
		results := evaluator.Evaluate(rule.Observation{Connection: test.connection, Host: test.host, Peer: test.peer, At: noon})
		if len(results) != 1 || strings.ReplaceAll(results[0].By, "\x00", " ") != test.want {
			t.Errorf("%s: %+v, want %s", test.name, results, test.want)
		}
	}
	for when, want := range map[string]bool{
		`conn.originator == conn.responder`: false, `conn.service != conn.responder`: true,
		`conn.originator == conn.originator and baseline.days == 0`: true,
	} {
		if holds(t, when, session()) != want {
			t.Errorf("%s isn't %v", when, want)
		}
	}
	_, err := load(header + "when: conn.responder == \"db-01\"\n")
	if got := mistakes(t, err); len(got) != 1 || got[0] != "4:22 can't compare end with text" {
		t.Errorf("%q", got)
	}
}

func TestSubnetOfThePeer(t *testing.T) {
	set, _ := loadOne(t, header+"when: conn.uid >= 0\ncount: {by: [host.name, peer.subnet], within: 1m, at_least: 2}\n")
	evaluator := rule.NewEvaluator(set)
	for peer, want := range map[string]string{
		"10.1.5.10": "10.1.5.0/24", "10.1.6.255": "10.1.6.0/24", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
	} {
		results := evaluator.Evaluate(rule.Observation{Connection: outbound(445, peer), Host: &rule.Host{Name: "web-01"}, At: noon})
		if len(results) != 1 || strings.ReplaceAll(results[0].By, "\x00", " ") != "web-01 "+want {
			t.Errorf("%s: %+v, want %s", peer, results, want)
		}
	}
	if !holds(t, `peer.subnet == ""`, rule.Observation{Connection: listening(80, "0.0.0.0"), At: noon}) {
		t.Error("a listening socket has a subnet")
	}
}

func TestAStepReachesTheHostOfTheNext(t *testing.T) {
	set, _ := loadOne(t, header+`sequence:
  within: 5m
  steps:
    - {when: conn.port == 3306, by: conn.responder}
    - {when: conn.port == 22, by: host.name}
    - {when: conn.port == 23, by: conn.peer}
`)
	results := rule.NewEvaluator(set).Evaluate(session())
	if len(results) != 1 || results[0].By != "db-01" {
		t.Errorf("%+v", results)
	}
}

func TestOnlyWhatFiresHasAKey(t *testing.T) {
	set, _ := loadOne(t, header+`when: conn.port == 3306
for: 2m
count: {by: host.name, of: conn.peer, within: 1m, at_least: 2, above_usual: 2}
unless: [{when: conn.uid == 0, owner: root, reason: r, expires: 2099-01-01}]
`)
	evaluator := rule.NewEvaluator(set)
	o := session()
	o.Baseline = func(*event.Connection) rule.Baseline { t.Error("the baseline was asked"); return rule.Baseline{} }
	waits, _ := evaluator.EvaluateRule(set.Rules[0], 0, o)
	if want := (rule.Result{Rule: set.Rules[0], Wait: time.Minute}); waits != want {
		t.Errorf("%+v", waits)
	}
	o.At, o.Connection.UID = noon.Add(2*time.Minute), 0
	muted, _ := evaluator.EvaluateRule(set.Rules[0], 0, o)
	if want := (rule.Result{Rule: set.Rules[0], Muted: set.Rules[0].Unless[0]}); muted != want {
		t.Errorf("%+v", muted)
	}
	o.Connection.UID, o.Baseline = 1, nil
	fires, _ := evaluator.EvaluateRule(set.Rules[0], 0, o)
	if want := (rule.Result{Rule: set.Rules[0], By: "web-01", Of: "10.1.5.10"}); fires != want {
		t.Errorf("%+v", fires)
	}
}

const aSequence = `sequence:
  within: 5m
  steps:
    - {when: conn.direction == "inbound" and conn.port == 22, by: host.name}
    - {when: conn.direction == "outbound" and conn.port == 3306, by: host.name, for: 90s}
    - {when: conn.port == 3306 and conn.open, by: peer.name}
unless: [{when: conn.uid == 0, owner: root, reason: r, expires: 2099-01-01}]
`

func TestStepsAreAskedOneByOne(t *testing.T) {
	set, r := loadOne(t, header+aSequence)
	evaluator := rule.NewEvaluator(set)
	database := session()
	ssh := seen(inbound(22), database.Host, time.Minute)
	root := session()
	root.Connection.UID = 0
	ended := session()
	ended.Connection.Kind, ended.Connection.ClosedAfter, ended.Connection.ClosedBefore = event.Closed, noon.Add(time.Hour), noon.Add(time.Hour)
	for _, test := range []struct {
		name string
		seen rule.Observation
		want string
		keys string
	}{
		{"the first", ssh, "a-rule#0 fires", "web-01"},
		{"two of them, one of which waits", database, "a-rule#1 waits 30s, a-rule#2 fires", " db-01"},
		{"with an exception", root, "a-rule#1 waits 30s, a-rule#2 muted by root", " "},
		{"none", ended, "", ""},
	} {
		results := evaluator.Evaluate(test.seen)
		if got := said(results); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		var keys []string
		for _, result := range results {
			keys = append(keys, result.By)
		}
		if got := strings.Join(keys, " "); got != test.keys {
			t.Errorf("%s: keys %q, want %q", test.name, got, test.keys)
		}
	}
	for _, part := range []int{-1, 3} {
		if result, ok := evaluator.EvaluateRule(r, part, database); ok {
			t.Errorf("part %d: %+v", part, result)
		}
	}
	database.At = noon.Add(90 * time.Second)
	if result, ok := evaluator.EvaluateRule(r, 1, database); !ok || !result.Fires() || result.Part != 1 || result.By != "web-01" {
		t.Errorf("%+v", result)
	}
}

func TestPatternThatFailsIsReported(t *testing.T) {
	long := "host.name" + strings.Repeat(" + host.name", 4)
	for name, test := range map[string]struct{ text, want string }{
		"condition of a step": {"sequence:\n  within: 5m\n  steps: [{when: conn.open, by: host.name}, {when: conn.port % conn.uid == 0, by: host.name}]\n",
			"rule a-rule: step 2: when: runtime error: integer divide by zero at character 11"},
		"key": {"when: conn.open\ncount: {by: [conn.port, conn.port % conn.uid], within: 5m, at_least: 2}\n",
			"rule a-rule: by: runtime error: integer divide by zero at character 11"},
		"counted value": {"when: conn.open\ncount: {by: conn.port, of: conn.port % conn.uid, within: 5m, at_least: 2}\n",
			"rule a-rule: of: runtime error: integer divide by zero at character 11"},
		"sum": {"when: conn.open\ncount: {by: conn.port, sum: conn.port % conn.uid, within: 5m, at_least: 2}\n",
			"rule a-rule: sum: runtime error: integer divide by zero at character 11"},
		"sum without an end": {"when: conn.open\ncount: {by: conn.port, sum: conn.port / conn.uid, within: 5m, at_least: 2}\n",
			"rule a-rule: sum: a division by 0"},
		"long key": {"when: conn.open\ncount: {by: " + long + ", within: 5m, at_least: 2}\n", "rule a-rule: by: it has more than 1024 bytes"},
		"long value": {"when: conn.open\ncount: {by: host.name, of: " + long + ", within: 5m, at_least: 2}\n",
			"rule a-rule: of: it has more than 1024 bytes"},
		"exception": {"when: conn.open\npath: {hops: 2, within: 5m}\nunless: [{when: conn.port % conn.uid == 0, owner: o, reason: r, expires: 2099-01-01}]\n",
			"rule a-rule: unless (o): runtime error: integer divide by zero at character 11"},
	} {
		t.Run(name, func(t *testing.T) {
			set, _ := loadOne(t, header+test.text)
			o := session()
			o.Connection.UID, o.Host.Name = 0, strings.Repeat("x", event.MaxName)
			for _, result := range rule.NewEvaluator(set).Evaluate(o) {
				if result.Err != nil {
					if result.Err.Error() != test.want || result.Fires() || result.Muted != nil {
						t.Errorf("%+v", result)
					}
					return
				}
			}
			t.Error("nothing failed")
		})
	}
}

func TestKeysOfHostileNamesAreApart(t *testing.T) {
	set, _ := loadOne(t, header+"when: conn.open\ncount: {by: [host.name, peer.name], within: 5m, at_least: 2}\n")
	evaluator := rule.NewEvaluator(set)
	o := session()
	o.Host, o.Peer = &rule.Host{Name: "a\x00b"}, &rule.Host{Name: "c"}
	one := evaluator.Evaluate(o)[0].By
	o.Host, o.Peer = &rule.Host{Name: "a"}, &rule.Host{Name: "b\x00c"}
	if other := evaluator.Evaluate(o)[0].By; one == other || strings.Count(one, "\x00") != 1 {
		t.Errorf("%q and %q", one, other)
	}
}

func TestAbsent(t *testing.T) {
	web, other := &rule.Host{Name: "web-01", Roles: []string{"web"}, ClockOffset: 3 * time.Second}, &rule.Host{Name: "x"}
	const except = "unless: [{when: now > date(\"2026-06-05T13:00:00Z\"), owner: night, reason: r, expires: 2099-01-01}]\n"
	for _, test := range []struct {
		name, text string
		seen       rule.Observation
		want       string
	}{
		{"poller", "absent: {of: poller, for: 5m}\n", rule.Observation{Host: web, At: noon}, "a-rule fires"},
		{"poller of a host of which nothing is known", "absent: {of: poller, for: 5m}\n", rule.Observation{At: noon}, "a-rule fires"},
		{"poller, with a condition", "absent: {of: poller, for: 5m}\nwhen: host in roles.web and host.clock_offset < duration(\"5s\")\n",
			rule.Observation{Host: web, At: noon}, "a-rule fires"},
		{"poller, with a condition that doesn't hold", "absent: {of: poller, for: 5m}\nwhen: host in roles.web\n",
			rule.Observation{Host: other, At: noon}, ""},
		{"poller, before an exception", "absent: {of: poller, for: 5m}\n" + except, rule.Observation{Host: web, At: noon}, "a-rule fires"},
		{"poller, with an exception", "absent: {of: poller, for: 5m}\n" + except,
			rule.Observation{Host: web, At: noon.Add(2 * time.Hour)}, "a-rule muted by night"},
		{"peer report", "absent: {of: peer_report, for: 5m}\nwhen: conn.port == 3306 and peer.name == \"db-01\" and baseline.unusual\n",
			func() rule.Observation {
				o := session()
				o.Baseline = func(*event.Connection) rule.Baseline { return rule.Baseline{Unusual: true} }
				return o
			}(), "a-rule fires"},
		{"peer report, without a baseline", "absent: {of: peer_report, for: 5m}\nwhen: baseline.unusual\n", session(), ""},
		{"peer report, where the condition fails", "absent: {of: peer_report, for: 5m}\nwhen: conn.port % 0 == conn.uid % conn.retransmits\n",
			func() rule.Observation { o := session(); o.Connection.Retransmits = 0; return o }(), "a-rule fails"},
		{"peer report without a connection", "absent: {of: peer_report, for: 5m}\nwhen: conn.port == 0 and not conn.open and baseline.host.learning\n",
			rule.Observation{Host: web, At: noon, Baseline: func(*event.Connection) rule.Baseline { return rule.Baseline{} }}, "a-rule fires"},
		{"not enabled", "absent: {of: poller, for: 5m}\nenabled: false\n", rule.Observation{Host: web, At: noon}, ""},
		{"of another pattern", "when: conn.open\npath: {hops: 2, within: 5m}\n", session(), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			set, r := loadOne(t, header+test.text)
			result, ok := rule.NewEvaluator(set).Absent(r, test.seen)
			got := ""
			if ok {
				got = said([]rule.Result{result})
			}
			if got != test.want {
				t.Errorf("%q (%v), want %q", got, result.Err, test.want)
			}
		})
	}
}

func TestAbsentRulesAreNotEvaluatedOnChanges(t *testing.T) {
	set, _ := loadOne(t, header+"absent: {of: peer_report, for: 5m}\n")
	if got := said(rule.NewEvaluator(set).Evaluate(session())); got != "" {
		t.Error(got)
	}
}
