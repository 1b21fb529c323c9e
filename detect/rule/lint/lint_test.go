package lint_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/detect/rule/lint"
	rules "headstart/rules.expr"
)

// whole is a rule that nothing is said of but its condition.
const whole = `rule: a-rule
title: T
severity: low
attack: [T1021]
description: D
guide: G
tests:
  hosts: |
    web-01 10.1.1.10 reports web
  cases:
    - name: nothing
      connections: |
        09:00 web-01 -> web-01:1
      alerts: |
        never a-rule
`

// layerOf makes a layer of texts by file name.
func layerOf(name string, files map[string]string) rule.Layer {
	fsys := fstest.MapFS{}
	for file, text := range files {
		fsys[file] = &fstest.MapFile{Data: []byte(text)}
	}
	return rule.Layer{Name: name, Files: fsys}
}

var noon = time.Date(2026, 6, 5, 12, 0, 0, 0, time.UTC)

// warned lists the warnings of layers as "file:line:column code: message".
func warned(t *testing.T, layers ...rule.Layer) []string {
	t.Helper()
	report := lint.Check(layers, nil, time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC))
	for _, m := range report.Errors {
		t.Errorf("a mistake: %v", m)
	}
	var all []string
	for _, w := range report.Warnings {
		all = append(all, fmt.Sprintf("%s:%d:%d %s: %s", w.File, w.Line, w.Column, w.Code, w.Message))
	}
	return all
}

func exceptionOf(when, expires string) string {
	return whole + "when: conn.port == 22 and conn.open\nunless:\n  - {when: '" + when + "', owner: ops, reason: R, expires: " + expires + "}\n"
}

func TestWarnings(t *testing.T) {
	const lists = "ports: {ssh: [22]}\nnetworks: {partners: []}\nroles: {web: [web]}\n"
	const uses = " and (conn.port in ports.ssh or not (conn.peer in networks.partners) or host in roles.web)\n"
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "when: conn.open and conn.port == 22\n", ""},
		{"contradiction", "when: |\n  conn.open\n  and conn.port == 22\n  and conn.port == 23\n", "19:7 never-fires: the rule never fires: conn.port == 22 and conn.port == 23 can't be true of one connection"},
		{"three that exclude each other", "when: peer.internal == false and peer.external == false and conn.direction == 'inbound'\n",
			"16:61 never-fires: the rule never fires: peer.internal == false, peer.external == false and conn.direction == \"inbound\" can't be true of one connection"},
		{"constant", "when: 'false'\n", "16:8 never-fires: the rule never fires: false is never true"},
		{"alternatives", "when: conn.port == 1 and (conn.port == 2 or conn.port == 3)\n",
			"16:27 never-fires: the rule never fires, whichever of its 2 alternatives is tried; of the first: conn.port == 1 and conn.port == 2 can't be true of one connection"},
		{"one alternative is left", "when: conn.port == 1 and (conn.port == 2 or conn.open)\n", ""},
		{"empty list", "when: conn.peer in networks.partners and conn.open\n", "16:7 never-fires: the rule never fires: networks.partners is an empty list; put something into it, or disable the rule"},
		{"everything", "when: conn.port >= 0\n", `16:7 fires-on-everything: the condition holds for every connection; narrow it down, or disable the rule with "enabled: false"`},
		{"everything that opens", "when: conn.open and len(host.name) < 100\n", "16:7 fires-on-everything: the rule fires on every connection that opens; it fires on all of 240 unrelated synthetic connections"},
		{"everything that lasts", "when: conn.open\nfor: 8h\n", ""},
		{"for and an end", "when: conn.closed and conn.port == 22\nfor: 5m\n",
			`17:6 for-after-end: for applies while a connection is open, and the condition needs one that has ended: remove for and write conn.age.min > duration("5m") in the condition`},
		{"old attempt", "when: conn.attempted and conn.age.min > duration(\"5m\")\n",
			"16:7 attempt-too-old: the condition needs an attempt older than two minutes, and Linux gives up before (net.ipv4.tcp_syn_retries)"},
		{"attempt that waits too long", "when: conn.attempted and conn.port == 22\nfor: 5m\n",
			"16:7 attempt-too-old: the condition needs an attempt older than two minutes, and Linux gives up before (net.ipv4.tcp_syn_retries)"},
		{"young attempt", "when: conn.attempted and conn.age.min > duration(\"30s\")\n", ""},
		{"step that never matches", "sequence:\n  within: 5m\n  steps:\n    - {when: conn.port == 22, by: host.name}\n    - {when: conn.open and conn.closed, by: host.name}\n",
			"20:28 never-fires: this step never matches, and so the rule never fires: conn.open and conn.closed can't be true of one connection"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := warned(t, layerOf("d", map[string]string{"a.yaml": whole + test.text,
				"lists.yaml": lists, "b.yaml": strings.Replace(whole, "a-rule", "another", 1) + "when: conn.port != 22" + uses}))
			want := test.want
			if want != "" {
				want = "d/a.yaml:" + want
			}
			if strings.Join(got, "\n") != want {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), want)
			}
		})
	}
}

func TestWarningsOfExceptions(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"active", exceptionOf(`host.name == "a"`, "2026-12-31"), ""},
		{"expired", exceptionOf(`host.name == "a"`, "2026-11-23"), "18:64 exception-expired: the exception has expired and has no effect: remove it or renew it with ops"},
		{"on its last day", exceptionOf(`host.name == "a"`, "2026-11-24"), "18:64 exception-expires-soon: the exception expires on 2026-11-24: remove it or renew it with ops"},
		{"never", exceptionOf(`conn.port == 23`, "2026-12-31"), "18:13 exception-never-holds: the exception never holds where the rule does: conn.port == 22 and conn.port == 23 can't be true of one connection"},
		{"always", exceptionOf(`conn.open or host.name == "a"`, "2026-12-31"), "18:13 exception-hides-all: the exception holds wherever the rule does; disable the rule instead (enabled: false)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := test.want
			if want != "" {
				want = "d/a.yaml:" + want
			}
			if got := strings.Join(warned(t, layerOf("d", map[string]string{"a.yaml": test.text})), "\n"); got != want {
				t.Errorf("got\n  %s\nwant\n  %s", got, want)
			}
		})
	}
}

func TestWarningsOfWhatIsMissingOrUnused(t *testing.T) {
	got := warned(t, layerOf("base", map[string]string{
		"ssh-sessions.yaml": strings.Replace(whole, "a-rule", "ssh-sessions", 1) + "when: conn.port in ports.ssh and conn.open\n",
		"lists.yaml":        "ports:\n  ssh: [22]\n  telnet: [23]\n",
	}), layerOf("local", map[string]string{
		"new.yaml": "rule: ssh-session\ntitle: T\nseverity: low\nwhen: conn.port == 2222\n",
	}))
	want := []string{
		"base/lists.yaml:3:3 unused-list: no rule uses ports.telnet",
		"local/new.yaml:1:7 no-description: the rule has no description: add what it finds, what it assumes and its false positives",
		"local/new.yaml:1:7 no-guide: the rule has no guide: add the analyst's first steps",
		"local/new.yaml:1:7 no-attack: the rule names no MITRE ATT&CK technique: add attack, such as [T1021.004], or use severity info",
		"local/new.yaml:1:7 no-tests: the rule has no tests: add a case in which it fires and one in which it nearly does",
		"local/new.yaml:1:7 similar-id: this is a rule of its own beside ssh-sessions of base/ssh-sessions.yaml; write rule: ssh-sessions to replace that one",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestWarningsOfLayers(t *testing.T) {
	named := func(id, more string) string { return strings.Replace(whole, "a-rule", id, 1) + more }
	base := layerOf("base", map[string]string{
		"long.yaml":   named("session-long", "thresholds:\n  session: 5m\n  unused: 3\nwhen: macros.ssh and conn.open\nfor: thresholds.session\n"),
		"block.yaml":  named("login-seen", "when: macros.ssh and conn.closed\nalert: false\n"),
		"asks.yaml":   named("after-login", "when: conn.port == 5432 and fired(\"login-seen\", host) and fired(\"off\", host)\n"),
		"off.yaml":    named("off", "when: conn.port == 23\nenabled: false\n"),
		"lost.yaml":   named("lost", "when: conn.port == 24\nalert: false\n"),
		"macros.yaml": "ssh: conn.port == 22\nrest: conn.port == 5\n",
	})
	local := layerOf("local", map[string]string{
		"long.yaml":    "override: session-long\nseverity: low\nscore: 5\nthresholds: {session: 5m}\nunless:\n  - {when: conn.port == 23, owner: o, reason: r, expires: 2026-12-31}\n",
		"longer.yaml":  "override: session-long\nscore: 5\n",
		"replace.yaml": named("lost", "when: conn.port == 24\n"),
	})
	got := warned(t, base, local)
	want := []string{
		"base/asks.yaml:16:65 fired-of-disabled-rule: the rule off is disabled, so this is never true",
		"base/long.yaml:18:3 unused-threshold: nothing in the rule uses thresholds.unused",
		"base/macros.yaml:2:1 unused-macro: no rule uses macros.rest",
		"local/long.yaml:2:11 override-changes-nothing: severity is low in base/long.yaml already",
		"local/long.yaml:4:23 override-changes-nothing: thresholds.session is 5m in base/long.yaml already",
		"local/long.yaml:6:12 exception-never-holds: the exception never holds where the rule does: conn.port == 22 and conn.port == 23 can't be true of one connection",
		"local/longer.yaml:2:8 override-changes-nothing: score is 5 in local/long.yaml already",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	got = warned(t, base, layerOf("local", map[string]string{"lost.yaml": "override: lost\nscore: 7\n"}), layerOf("own", map[string]string{"lost.yaml": named("lost", "when: conn.port == 24\n")}))
	if w := "local/lost.yaml:1:11 override-without-effect: this override has no effect: own/lost.yaml takes the rule's place"; !slices.Contains(got, w) {
		t.Errorf("got\n  %s\nwant also %s", strings.Join(got, "\n  "), w)
	}
	got = warned(t, layerOf("one", map[string]string{"lost.yaml": named("lost", "when: conn.port == 24\nalert: false\n")}))
	if w := "one/lost.yaml:17:1 building-block-unused: the rule raises no alert, and no other rule uses it with fired(\"lost\", …)"; !slices.Contains(got, w) {
		t.Errorf("got\n  %s\nwant also %s", strings.Join(got, "\n  "), w)
	}
}

// TestMistakesDoNotLeadToWarnings holds that what follows from a mistake is not
// said too: a list isn't unused because the rule that uses it can't be read.
func TestMistakesDoNotLeadToWarnings(t *testing.T) {
	report := lint.Check([]rule.Layer{layerOf("d", map[string]string{
		"a.yaml":     whole + "when: conn.prt in ports.ssh\n",
		"b.yaml":     strings.Replace(whole, "a-rule", "b-rule", 1) + "when: conn.port == 1 and conn.port == 2\n",
		"lists.yaml": "ports:\n  ssh: [22]\n",
	})}, nil, noon)
	if len(report.Errors) != 1 || report.Set != nil || len(report.Warnings) != 1 || report.Warnings[0].File != "d/b.yaml" {
		t.Errorf("mistakes %v, warnings %v", report.Errors, report.Warnings)
	}
}

func TestWarningSaysThatItIsOne(t *testing.T) {
	report := lint.Check([]rule.Layer{layerOf("d", map[string]string{"a.yaml": whole + "when: conn.open and conn.closed\n"})}, nil, noon)
	const want = "d/a.yaml:16:21: warning: the rule never fires: conn.open and conn.closed can't be true of one connection [never-fires]\n" +
		"   16 | when: conn.open and conn.closed\n      |                     ^"
	if len(report.Warnings) != 1 || report.Warnings[0].Error() != want {
		t.Errorf("got\n%v\nwant\n%s", report.Warnings, want)
	}
}

// TestDefaultRulesetHasNoWarnings holds for the shipped rules what check asks of others.
func TestDefaultRulesetHasNoWarnings(t *testing.T) {
	for _, w := range lint.Check([]rule.Layer{{Name: "rules.expr", Files: rules.Files}}, nil, noon).Warnings {
		t.Error(w)
	}
}

// TestPageHasEveryWarning compares the table of the page about check with what
// there is.
func TestPageHasEveryWarning(t *testing.T) {
	const file = "../../../docs/rule-check.md"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("\n| code | what it says |\n| --- | --- |\n")
	codes := map[string]bool{}
	for _, l := range lint.Codes() {
		fmt.Fprintf(&want, "| `%s` | %s |\n", l.Code, l.Doc)
		codes[l.Code] = true
	}
	want.WriteString("\n")
	_, rest, _ := strings.Cut(string(page), "<!-- warnings -->\n")
	if got, _, found := strings.Cut(rest, "<!-- /warnings -->"); !found || got != want.String() {
		t.Errorf("%s: put this between <!-- warnings --> and <!-- /warnings -->:\n%s", file, want.String())
	}
	if len(codes) != len(lint.Codes()) {
		t.Errorf("a code is used twice: %v", slices.Sorted(maps.Keys(codes)))
	}
}
