package ruletest_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"headstart/detect/rule"
	"headstart/rulekit/ruletest"
)

// play plays a rule's tests and returns the alerts of each case, as tables have
// them.
func play(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, err := rule.Load(fsys, "d")
	if err != nil {
		t.Fatal(err)
	}
	report, err := ruletest.Run(t.Context(), set, ruletest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	came := map[string]string{}
	for _, r := range report.Rules {
		for _, c := range r.Cases {
			var lines []string
			for i := range c.Alerts {
				a := &c.Alerts[i]
				lines = append(lines, a.At+" "+a.Rule+" "+a.Host)
			}
			came[c.Name] = strings.Join(lines, ", ")
		}
	}
	return came
}

// TestTablesOfHosts tests what hosts show of connections, with rules that fire on
// each change. web-01 is polled at whole and half minutes, web-02 seven seconds
// later.
func TestTablesOfHosts(t *testing.T) {
	rules := map[string]string{}
	for name, when := range map[string]string{
		"opened": "conn.event == 'opened'", "closed": "conn.event == 'closed'", "attempted": "conn.event == 'attempted'",
		"listening": "conn.event == 'listening' and not conn.began_before", "behind": "conn.event == 'opened' and host.clock_offset > duration('2s')",
	} {
		rules[name+".yaml"] = fmt.Sprintf("rule: %s\ntitle: T\nseverity: info\nwhen: |\n  %s\n", name, when)
	}
	cases := []struct{ name, happens, want string }{
		{"both ends show it, and the end", "14:30:05 web-01 -> web-02:22 for 1m",
			"14:30:07 opened web-02, 14:30:30 opened web-01, 14:31:07 closed web-02, 14:31:30 closed web-01"},
		{"who ends it keeps it for a minute", "14:30:08 web-01 -> web-02:22 for 5s", "14:30:30 opened web-01, 14:30:30 closed web-01"},
		{"dropped by the other end", "14:30:08 web-01 -> web-02:22 for 5s dropped", "14:30:37 opened web-02, 14:30:37 closed web-02"},
		{"who is reached shows no attempt", "14:30:05 web-01 -> web-02:22 unanswered for 10m", "14:30:30 attempted web-01"},
		{"an end hides it", "14:30:05 web-01 -> web-02:22 for 1m hidden at web-02", "14:30:30 opened web-01, 14:31:30 closed web-01"},
		{"a poller is silent", "14:30:00 web-01 silent for 5m\n        14:30:05 web-01 -> web-02:22 for 10m\n        until 14:45:00",
			"14:30:07 opened web-02, 14:35:00 opened web-01, 14:40:07 closed web-02, 14:40:30 closed web-01"},
		{"a program listens", "14:30:05 web-01 listens 4444", "14:30:30 listening web-01"},
		{"a port that accepts a connection is listened on", "14:30:05 10.1.8.1 -> web-01:8080 for 1m", "14:30:30 opened web-01, 14:31:30 closed web-01"},
		{"two, three times, twenty seconds apart", "14:30:05 10.1.8.1 -> web-01:81,82 times 2 every 20s for 5m\n        until 14:33:00",
			"14:30:30 opened web-01, 14:30:30 opened web-01, 14:31:00 opened web-01, 14:31:30 opened web-01"},
		{"a clock is behind", "14:30:05 late-01 -> 10.1.8.1:22 for 1m", "14:30:14 behind late-01, 14:30:14 opened late-01, 14:31:14 closed late-01"},
		{"on the next day", "24:10:05 10.1.8.1 -> web-01:22 for 1m", "24:10:30 opened web-01, 24:11:30 closed web-01"},
	}
	var tests strings.Builder
	tests.WriteString("tests:\n  hosts: |\n    web-01..web-02 10.1.1.11 reports\n    late-01 10.1.1.20 reports clock=3s\n  cases:\n")
	for _, c := range cases {
		fmt.Fprintf(&tests, "    - name: %s\n      connections: |\n        %s\n      alerts: never *\n", c.name, c.happens)
	}
	rules["opened.yaml"] += tests.String()
	came := play(t, rules)
	for _, c := range cases {
		if came[c.name] != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, came[c.name], c.want)
		}
	}
}

// TestCasesAreIndependent holds that the same case says the same alone
// and beside others, and twice.
func TestCasesAreIndependent(t *testing.T) {
	set := defaultRuleset(t)
	tests, mistakes := ruletest.Read(set, set.Rule("listener-then-visitor"))
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	fixture, err := tests.Learn(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	for n := range tests.Cases {
		scenario, err := fixture.Scenario(t.Context(), set, n)
		if err != nil {
			t.Fatal(err)
		}
		var said [2]string
		for i := range said {
			outcome, err := scenario.Play(t.Context(), set)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range outcome.Alerts {
				said[i] += a.ID + "\n"
			}
			if v := outcome.Verdict(tests); !v.Passed() {
				t.Errorf("%s: %s", tests.Cases[n].Name, v)
			}
		}
		if said[0] != said[1] {
			t.Errorf("%s: first\n%sthen\n%s", tests.Cases[n].Name, said[0], said[1])
		}
	}
}

// TestBuildingBlocks holds that a rule that raises no alert has tests
// like any other, and that "never *" isn't about it.
func TestBuildingBlocks(t *testing.T) {
	const head = "title: T\nseverity: info\n"
	files := map[string]string{
		"block.yaml": "rule: login\nalert: false\n" + head + "when: conn.port == 22 and conn.direction == 'inbound'\ntests:\n" +
			testsWith(map[string]string{"alerts": "14:30:30 login web-01"}),
		"odd.yaml": "rule: odd\n" + head + "when: fired('login', host) and conn.port == 23\ntests:\n" +
			testsWith(map[string]string{"alerts": "never *"}),
	}
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, err := rule.Load(fsys, "d")
	if err != nil {
		t.Fatal(err)
	}
	report, err := ruletest.Run(t.Context(), set, ruletest.Options{})
	if err != nil || report.Passed != 2 || report.Failed != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestExamplesOfTheDocument plays the rules of docs/rule-tests.md.
func TestExamplesOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/rule-tests.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("the document has no examples")
	}
	fsys := fstest.MapFS{}
	id := ""
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		name := id + ".test.yaml"
		if first, ok := strings.CutPrefix(block, "rule: "); ok {
			id, _, _ = strings.Cut(first, "\n")
			name = id + ".yaml"
		}
		fsys[name] = &fstest.MapFile{Data: []byte(block)}
	}
	set, err := rule.Load(fsys, "rule-tests.md")
	if err != nil {
		t.Fatal(err)
	}
	report, err := ruletest.Run(t.Context(), set, ruletest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range report.Rules {
		r := &report.Rules[i]
		if lack := r.Lacks(); lack != "" {
			t.Errorf("%s %s", r.Rule, lack)
		}
		for k := range r.Cases {
			if c := &r.Cases[k]; !c.Passed {
				t.Errorf("%s: %s: %s", r.Rule, c.Name, c)
			}
		}
	}
}
