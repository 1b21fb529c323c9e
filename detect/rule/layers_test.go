package rule_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/detect/rule/condition"
	"headstart/event"
	"headstart/yamlsrc"

	"golang.org/x/tools/txtar"
)

// layers makes directories of files "directory/file", in the order in which
// their first files come.
func layers(text string) (all []rule.Layer) {
	for _, f := range txtar.Parse([]byte(text)).Files {
		name, file, _ := strings.Cut(f.Name, "/")
		n := slices.IndexFunc(all, func(l rule.Layer) bool { return l.Name == name })
		if n < 0 {
			n = len(all)
			all = append(all, rule.Layer{Name: name, Files: fstest.MapFS{}})
		}
		all[n].Files.(fstest.MapFS)[file] = &fstest.MapFile{Data: f.Data}
	}
	return all
}

func loadLayers(t *testing.T, text string) *rule.Set {
	t.Helper()
	set, err := rule.LoadLayers(layers(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

const pack = `
-- pack/lists.yaml --
ports: {ssh: [22], db_old: [3306], db_new: [5432]}
roles: {web: [web]}
-- pack/macros.yaml --
remote: conn.port in ports.ssh and not conn.loopback
-- pack/ssh.yaml --
rule: ssh-long
title: Long
severity: medium
thresholds: {session: 5m, least: 3}
when: macros.remote
for: thresholds.session
unless:
  - {when: host.name == "a", owner: pack, reason: r, expires: 2030-01-01}
-- pack/sweep.yaml --
rule: sweep
title: Sweep
severity: high
thresholds: {hosts: 5, window: 10m, most: 1.5}
when: conn.port in ports["db_*"] and conn.port != thresholds.hosts
count: {by: host.name, of: conn.peer, within: thresholds.window, at_least: thresholds.hosts, above_usual: thresholds.most}
`

func TestOverrideChangesARule(t *testing.T) {
	set := loadLayers(t, pack+`
-- site/ssh.yaml --
override: ssh-long
reason: people work here
severity: low
thresholds: {session: 15m}
unless:
  - {when: host.name == "b", owner: site, reason: r, expires: 2030-01-01}
-- team/ssh.yaml --
override: ssh-long
severity: info
score: 7
enabled: false
-- team/sweep.yaml --
override: sweep
thresholds: {hosts: 9}
`)
	ssh, sweep := set.Rule("ssh-long"), set.Rule("sweep")
	if ssh.Severity != event.Info || ssh.Score != 7 || ssh.ScoreLearning != 3.5 || ssh.Enabled || ssh.For != 15*time.Minute {
		t.Errorf("%+v", ssh)
	}
	if len(ssh.Unless) != 2 || ssh.Unless[0].File != "pack/ssh.yaml" || ssh.Unless[1].Owner != "site" || ssh.Unless[1].File != "site/ssh.yaml" || ssh.Unless[1].Line != 6 {
		t.Errorf("exceptions %+v", ssh.Unless)
	}
	if got := fmt.Sprint(ssh.Overrides); got != "[{site/ssh.yaml people work here [severity thresholds.session unless]} {team/ssh.yaml  [severity score enabled]}]" {
		t.Errorf("overrides %s", got)
	}
	if sweep.Count.AtLeast != 9 || sweep.Count.Within != 10*time.Minute || sweep.Count.AboveUsual != 1.5 || sweep.Severity != event.High {
		t.Errorf("%+v", sweep.Count)
	}
	want := "[{hosts 9 team/sweep.yaml 2 true} {most 1.5 pack/sweep.yaml 4 true} {window 10m pack/sweep.yaml 4 true}]"
	if got := fmt.Sprint(sweep.Thresholds); got != want {
		t.Errorf("thresholds %s, want %s", got, want)
	}
	if got := fmt.Sprint(ssh.Thresholds); !strings.Contains(got, "{least 3 pack/ssh.yaml 4 false}") {
		t.Errorf("a threshold that nothing uses: %s", got)
	}
}

func TestLaterLayerWins(t *testing.T) {
	set := loadLayers(t, pack+`
-- site/lists.yaml --
ports: {ssh: [2222]}
hosts: {jump: [bastion, "jump-*"]}
add:
  roles: {web: [frontend]}
-- site/macros.yaml --
remote: conn.port in ports.ssh and host not in hosts.jump
-- site/mine.yaml --
rule: sweep
title: Mine
severity: low
when: host in roles.web
`)
	if mine := set.Rule("sweep"); mine.Title != "Mine" || mine.File != "site/mine.yaml" || len(set.Rules) != 2 {
		t.Errorf("%+v", mine)
	}
	defined := map[string]string{}
	for _, d := range set.Definitions {
		defined[d.Kind+"."+d.Name] = fmt.Sprintf("%s:%d %d %t %v", d.File, d.Line, d.Size, d.Used, d.Over)
	}
	for name, want := range map[string]string{
		"ports.ssh":         "site/lists.yaml:1 1 true [pack/lists.yaml]",
		"ports.db_old":      "pack/lists.yaml:1 1 false []", // the rule that used it was replaced
		"roles.web":         "site/lists.yaml:4 2 true [pack/lists.yaml]",
		"hosts.jump":        "site/lists.yaml:2 2 true []",
		"networks.internal": ":0 0 true []",
		"macros.remote":     "site/macros.yaml:1 1 true [pack/macros.yaml]",
	} {
		if defined[name] != want {
			t.Errorf("%s is %s, want %s", name, defined[name], want)
		}
	}
	evaluator := rule.NewEvaluator(set)
	at := func(host string, port uint16, roles ...string) string {
		return said(evaluator.Evaluate(rule.Observation{Connection: outbound(port, "10.1.5.10"), At: noon.Add(time.Hour), Host: &rule.Host{Name: host, Roles: roles}}))
	}
	for host, want := range map[string]string{"desk": "ssh-long fires", "bastion": "", "jump-7": "", "jum": "ssh-long fires", "": "ssh-long fires"} {
		if got := at(host, 2222); got != want {
			t.Errorf("host %q: %s, want %s", host, got, want)
		}
	}
	if got := at("desk", 22, "frontend"); got != "sweep fires" {
		t.Errorf("a role that was added: %s", got)
	}
}

func TestGlobIsEveryListThatFits(t *testing.T) {
	evaluator := rule.NewEvaluator(loadLayers(t, pack))
	for port, want := range map[uint16]string{3306: "sweep fires", 5432: "sweep fires", 80: ""} {
		if got := said(evaluator.Evaluate(rule.Observation{Connection: outbound(port, "10.1.5.10"), At: noon})); got != want {
			t.Errorf("port %d: %q, want %q", port, got, want)
		}
	}
}

func TestHashIdentifiesTheActiveRules(t *testing.T) {
	one := loadLayers(t, pack)
	if again := loadLayers(t, strings.ReplaceAll(pack, "ssh.yaml", "z.yaml")); again.Hash != one.Hash {
		t.Error("the name of a file changes the hash")
	}
	if other := loadLayers(t, pack+"\n-- site/o.yaml --\noverride: sweep\nscore: 3\n"); other.Hash == one.Hash {
		t.Error("an override doesn't change the hash")
	}
}

func TestMistakeInLayers(t *testing.T) {
	const site = "-- site/o.yaml --\n"
	for _, test := range []struct{ name, text, want string }{
		{"override of nothing", site + "override: shh-long\nscore: 1\n", "site/o.yaml:1:11 there is no rule shh-long to override; did you mean ssh-long?"},
		{"override of what can't be", site + "override: sweep\nwhen: conn.open\n", "site/o.yaml:2:1 an override has no field \"when\"; it has override, reason, severity, score, score_learning, enabled, alert, thresholds, unless or tests"},
		{"override that says nothing", site + "override: sweep\n", "site/o.yaml:1:11 an override changes something: severity, score, score_learning, enabled, alert, thresholds, unless or tests"},
		{"override with values that can't be", site + "override: sweep\nseverity: hihg\nscore: 200\nenabled: maybe\nthresholds: {host: 3, hosts: 5m, window: 8000h}\n",
			`site/o.yaml:2:11 severity is info, low, medium, high or critical, not "hihg"; did you mean high?
site/o.yaml:3:8 score is from 0 to 100, not 200
site/o.yaml:4:10 enabled must be true or false, this is text
site/o.yaml:5:14 the rule sweep has no threshold host; did you mean hosts?
site/o.yaml:5:30 hosts is a number in the rule, such as 5
site/o.yaml:5:42 within is from 1s to 720h (30 days), not 8000h`},
		{"exception of an override", site + "override: sweep\nunless:\n  - {when: conn.prt == 1, owner: o, reason: r, expires: 2030-01-01}\n",
			"site/o.yaml:3:17 conn has no field prt; did you mean conn.port?"},
		{"threshold that isn't there", site + header + "when: conn.port < thresholds.low\nfor: thresholds.x\n",
			"site/o.yaml:4:30 the rule has no thresholds; they are written below \"thresholds:\"\nsite/o.yaml:5:6 the rule has no thresholds; they are written below \"thresholds:\""},
		{"thresholds that can't be", site + header + "thresholds: {a-b: 1, c: x, d: [1], e: -5m, e: 1, f: .nan}\nwhen: conn.age.min > thresholds.c\n",
			`site/o.yaml:4:14 "a-b" can't be the name of a threshold: lower-case letters, digits and _, a letter first, at most 64 characters, no word of the language
site/o.yaml:4:25 a threshold is a number, or a duration such as 5m, not "x"
site/o.yaml:4:31 a threshold is a number, or a duration such as 5m; this is a list
site/o.yaml:4:39 a threshold is a number, or a duration such as 5m, not "-5m"
site/o.yaml:4:44 "e" is here a second time; the first is in line 4
site/o.yaml:4:53 f must be a number, this is ".nan"
site/o.yaml:5:33 the rule has no thresholds; they are written below "thresholds:"`},
		{"threshold of another type", site + header + "thresholds: {a: 5, b: 5m}\nwhen: conn.age.min > thresholds.a or conn.port == thresholds.b\nfor: thresholds.a\n",
			"site/o.yaml:4:17 the duration 5 has no unit; write 5s for seconds\nsite/o.yaml:5:33 a duration is written duration(\"30s\")\nsite/o.yaml:5:48 can't compare port with duration"},
		{"threshold of a misspelt group", site + header + "thresholds: {a: 5m}\nwhen: conn.open\nfor: threshold.a\n",
			"site/o.yaml:6:6 threshold.a is no value; did you mean thresholds.a?"},
		{"macro that isn't there", site + header + "when: macros.remot\n", "site/o.yaml:4:14 macros.yaml has no macro remot; did you mean remote?"},
		{"macros as a value", site + header + "when: macros or thresholds\n", "site/o.yaml:4:7 macros is not a value; name one of them: macros.NAME\nsite/o.yaml:4:17 thresholds is not a value; name one of them: thresholds.NAME"},
		{"broken macros", "-- site/macros.yaml --\nremote: conn.prt == 1\nb: macros.c\nc: macros.b\nd: [x]\n1x: conn.open\ne: thresholds.a > 3\nf: conn.port\n",
			`site/macros.yaml:1:14 conn has no field prt; did you mean conn.port?
site/macros.yaml:2:11 in the macro c: the macro b uses itself (b, c, b)
site/macros.yaml:4:4 macro d must be text, this is a list
site/macros.yaml:5:1 "1x" can't be the name of a macro: lower-case letters, digits and _, a letter first, at most 64 characters, no word of the language
site/macros.yaml:6:15 only a rule has thresholds; a macro is the same for all rules
site/macros.yaml:7:4 a condition is true or false, this is of the type port`},
		{"macro that is too large", "-- site/macros.yaml --\na: " + strings.Repeat("conn.open and ", 40) + "conn.open\n" + site + header + "when: macros.a and macros.a and macros.a and macros.a\n",
			"site/o.yaml:4:40 with its macros the expression has more than 500 parts; make two rules of it"},
		{"macro where it can't be asked", site + header + "absent: {of: poller, for: 5m}\nwhen: macros.remote\n",
			"site/o.yaml:5:14 in the macro remote: conn.port is unknown for a missing poller; use host.… and now\nsite/o.yaml:5:14 in the macro remote: conn.loopback is unknown for a missing poller; use host.… and now"},
		{"list to add to", "-- site/lists.yaml --\nadd: {ports: {shh: [1]}, port: {x: [1]}}\n", "site/lists.yaml:1:26 add has no field \"port\"; did you mean ports?\nsite/lists.yaml:1:15 there is no list shh in ports to add to; did you mean ssh?"},
		{"hosts", "-- site/lists.yaml --\nhosts: {a: [\"web-[\", \"\", x, " + strings.Repeat("y", 70) + "*]}\n" + site + header + "when: |\n  conn.peer in hosts.a or any(host.roles, # in hosts.a)\n",
			`site/lists.yaml:1:13 "web-[" is not a name such as web-01, or web-* for all that begin so
site/lists.yaml:1:22 a host is empty
site/lists.yaml:1:29 a name with * has at most 64 characters
site/o.yaml:5:13 hosts.a is for an end: host in hosts.a, peer in hosts.a
site/o.yaml:5:45 hosts.a can't be used in a loop`},
		{"glob that fits nothing", site + header + "when: conn.port in ports[\"dbx_*\"]\n", "site/o.yaml:4:25 lists.yaml has no list dbx_* in ports"},
		{"time zones", site + header + "when: hour(conn.began, \"Berlin\") < 6 and hour(conn.port, \"UTC\") < 6 and weekday(now) == \"x\" and weekday(now, \"UTC\") == \"sonntag\" and time_of_day(now, \"UTC\") > 3\n",
			`site/o.yaml:4:24 there is no time zone "Berlin"; they are called as in "Europe/Berlin", "America/New_York" or "UTC"
site/o.yaml:4:47 hour takes a time first, such as conn.began or now, not port
site/o.yaml:4:73 weekday takes a time and a zone: weekday(conn.began, "Europe/Berlin")
site/o.yaml:4:120 weekday(…) is never "sonntag"; it has sunday, monday, tuesday, wednesday, thursday, friday or saturday
site/o.yaml:4:160 a duration is written duration("30s")`},
		{"fired", site + header + "when: fired(\"swep\", host) or fired(\"sweep\", conn) or fired(\"sweep\") or fired(\"sweep\", host, duration(\"1000h\")) or fired(\"sweep\", host, conn.age.min)\n",
			`site/o.yaml:4:13 there is no rule swep; did you mean sweep?
site/o.yaml:4:45 fired is about host or peer
site/o.yaml:4:54 fired takes a rule and an end, and how long ago it may be: fired("new-listening-port", host, duration("1h"))
site/o.yaml:4:93 fired looks back from 1s to 720h (30 days)
site/o.yaml:4:145 how long ago it may be is a duration that is written out: duration("1h")`},
		{"words of other languages", site + header + "when: cidr(conn.peer, \"10.0.0.0/8\") and startswith(host.name, \"x\")\n",
			"site/o.yaml:4:7 unknown function cidr; write conn.peer in \"10.0.0.0/8\"\nsite/o.yaml:4:41 unknown function startswith; write host.name startsWith \"web-\""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := rule.LoadLayers(layers(pack+test.text), nil)
			var got []string
			if all, ok := err.(yamlsrc.Diagnostics); ok {
				for _, e := range all {
					got = append(got, fmt.Sprintf("%s:%d:%d %s", e.File, e.Line, e.Column, e.Message))
				}
			}
			want := strings.Split(test.want, "\n")
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestOverrideBelowARuleThatReplacesIsAWarning(t *testing.T) {
	set := loadLayers(t, pack+"-- a/o.yaml --\noverride: sweep\nscore: 1\n-- b/sweep.yaml --\nrule: sweep\ntitle: T\nseverity: low\nwhen: conn.open\n")
	if len(set.Warnings) != 1 || set.Warnings[0].Message != "this override has no effect: b/sweep.yaml takes the rule's place" || set.Rule("sweep").Score != 10 {
		t.Errorf("%v", set.Warnings)
	}
}

func TestTimeInAZone(t *testing.T) {
	o := session() // opened at noon UTC on a Friday in August
	berlin := noon.Add(2 * time.Hour)
	for when, want := range map[string]bool{
		`hour(conn.began, "Europe/Berlin") == 14 and hour(conn.began, "UTC") == 12`:                                           true,
		`weekday(conn.began, "Pacific/Auckland") == "` + strings.ToLower(noon.Add(12*time.Hour).Weekday().String()) + `"`:     true,
		`weekday(conn.began, "Pacific/Auckland") in ["monday"] and weekday(conn.began, "Pacific/Auckland") not in ["monday"]`: false,
		`time_of_day(conn.began, "Europe/Berlin") == duration("` + fmt.Sprintf("%dh", berlin.Hour()) + `")`:                   true,
		`time_of_day(now, "UTC") > duration("12h0m59s")`:                                                                      true,
		`time_of_day(now, "Asia/Kathmandu") == duration("17h46m")`:                                                            true,
		`conn.began == now - conn.age.min`:                                                                                    true,
	} {
		if got := holds(t, when, o); got != want {
			t.Errorf("%s is %t", when, got)
		}
	}
}

func TestFiredLooksBack(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{
		"a.yaml": ruleFile("a", `conn.port == 3306 and fired("b", host, duration("1h"))`),
		"b.yaml": ruleFile("b", "conn.port == 1"),
		"c.yaml": ruleFile("c", `conn.port == 3306 and (fired("b", peer) or fired("a", peer))`),
		"d.yaml": ruleFile("d", `conn.port == 3306 and not fired("b", host)`),
	})
	if set.Feeds("b") != condition.FiredFor || set.Feeds("a") != condition.FiredFor || set.Feeds("c") != 0 {
		t.Errorf("looked back to: b %s, a %s, c %s", set.Feeds("b"), set.Feeds("a"), set.Feeds("c"))
	}
	o := session()
	for _, test := range []struct {
		host string
		ago  time.Duration
		want string
	}{
		{"nobody", 0, "a waits 1ns, c waits 1ns, d fires"},
		{"web-01", time.Minute, "a fires, c waits 1ns"},
		{"web-01", 2 * time.Hour, "a waits 1ns, c waits 1ns"},
		{"db-01", time.Hour, "a waits 1ns, c fires, d fires"},
		{"db-01", 25 * time.Hour, "a waits 1ns, c waits 1ns, d fires"},
	} {
		o.Fired = func(id, host string) (time.Time, bool) {
			return o.At.Add(-test.ago), id == "b" && host == test.host
		}
		if got := said(rule.NewEvaluator(set).Evaluate(o)); got != test.want {
			t.Errorf("b fired about %s %s ago: %s, want %s", test.host, test.ago, got, test.want)
		}
	}
	o.Connection.ClosedBefore = noon.Add(time.Second)
	o.Connection.Kind = event.Closed
	o.Fired = nil
	if got := said(rule.NewEvaluator(set).Evaluate(o)); got != "d fires" {
		t.Errorf("one that is over: %s; it can't wait", got)
	}
}
