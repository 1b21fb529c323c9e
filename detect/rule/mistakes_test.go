package rule_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"headstart/detect/rule"
	"headstart/yamlsrc"
)

const header = "rule: a-rule\ntitle: A rule\nseverity: high\n"

const someLists = `ports:
  database: [1433, 3306, "5000-5100"]
networks:
  admin: [10.9.0.0/16, 2001:db8::1]
roles:
  web: [web, frontend]
`

// load makes a directory of the one rule, and lists.
func load(text string) (*rule.Set, error) {
	return rule.Load(fstest.MapFS{
		"a.yaml":     {Data: []byte(text)},
		"lists.yaml": {Data: []byte(someLists)},
	}, "rules")
}

// mistakes returns "line:column message" of each mistake.
func mistakes(t *testing.T, err error) []string {
	t.Helper()
	var all yamlsrc.Diagnostics
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("error is %T (%v), not rule.Errors", err, err)
	}
	var short []string
	for _, e := range all {
		short = append(short, fmt.Sprintf("%d:%d %s", e.Line, e.Column, e.Message))
	}
	return short
}

func TestMistakeInCondition(t *testing.T) {
	for _, test := range []struct {
		name, when string
		want       []string // from the first character of the condition, which is 4:7
	}{
		{"unknown field", `conn.prt == 22`,
			[]string{"4:12 conn has no field prt; did you mean conn.port?"}},
		{"unknown field of a group", `conn.age.mn > duration("1s")`,
			[]string{"4:16 conn.age has no field mn; did you mean conn.age.min?"}},
		{"unknown name", `con.open`,
			[]string{"4:7 unknown name con; did you mean conn?"}},
		{"field without its group", `port == 22`,
			[]string{"4:7 unknown name port; did you mean conn.port?"}},
		{"text without quotes", `conn.event == opened`,
			[]string{`4:21 unknown name opened; a text is written in quotes: "opened"`}},
		{"a group is no value", `host == "web-01"`,
			[]string{"4:7 host is not a value; it has host.name, host.roles, host.addresses, host.clock_offset"}},
		{"a field has no fields", `host.name.length == 3`,
			[]string{"4:17 host.name is text and has no fields"}},
		{"unknown list", `conn.port in ports.databse`,
			[]string{"4:26 lists.yaml has no list databse in ports; did you mean database?"}},
		{"unknown lists and names together", `con.port in ports.databse and host in roles.wbe`, []string{
			"4:7 unknown name con; did you mean conn?",
			"4:25 lists.yaml has no list databse in ports; did you mean database?",
			"4:51 lists.yaml has no list wbe in roles; did you mean web?"}},
		{"list without in", `conn.port == ports.database`,
			[]string{"4:26 ports.database is a list; it stands on the right of in: conn.port in ports.NAME"}},
		{"kind of list as value", `conn.open and ports`,
			[]string{"4:21 ports is not a value; its lists are used as in conn.port in ports.NAME"}},
		{"list of another kind", `conn.peer in ports.database`,
			[]string{"4:17 ports.database can't hold what is of the type address; write conn.port in ports.NAME"}},
		{"host in networks", `host in networks.admin`,
			[]string{"4:7 a host has several addresses; write conn.local in networks.admin or any(host.addresses, # in networks.admin)"}},
		{"peer in networks", `peer in networks.admin`,
			[]string{"4:7 write conn.peer in networks.admin"}},
		{"roles in roles", `host.roles in roles.web`,
			[]string{"4:18 roles.web is for an end: host in roles.web, peer in roles.web"}},
		{"host in a literal list", `host in ["web"]`,
			[]string{`4:7 host can only be in a list of roles: host in roles.NAME, "web" in host.roles`}},
		{"value that a field never has", `conn.direction == "outboud"`,
			[]string{`4:25 conn.direction is never "outboud"; did you mean outbound?`}},
		{"value in another case", `conn.state in ["established"]`,
			[]string{`4:22 conn.state is never "established"; did you mean ESTABLISHED?`}},
		{"impossible port", `conn.port == 70000 or conn.port in [1, 65536] or conn.port in 1..99999`, []string{
			"4:20 there is no port 70000; ports go from 0 to 65535",
			"4:46 there is no port 65536; ports go from 0 to 65535",
			"4:72 there is no port 99999; ports go from 0 to 65535"}},
		{"quoted number", `conn.port == "22"`,
			[]string{"4:20 a number is written without quotes"}},
		{"duration without unit", `conn.age.min > 30 or conn.age.min > duration("30")`, []string{
			`4:22 a duration is written duration("30s")`,
			"4:52 the duration 30 has no unit; write 30s for seconds"}},
		{"duration in days", `conn.age.min > duration("1d")`,
			[]string{`4:31 "1d" is not a duration such as 30s, 5m, 1h30m or 24h`}},
		{"date without a function", `now > "2026-01-01"`,
			[]string{`4:13 a time is written date("2026-12-31")`}},
		{"date that doesn't exist", `now > date("2026-02-30")`,
			[]string{`4:18 "2026-02-30" is not a date such as "2026-12-31" or "2026-12-31T18:00:00Z"`}},
		{"types that can't be compared", `conn.open == 1 and host.name == 5`, []string{
			"4:17 can't compare true or false with number",
			"4:36 can't compare text with number"}},
		{"types that don't go with an operator", `conn.port startsWith "2" and conn.uid matches "a"`, []string{
			"4:17 startsWith is for text, not for port",
			"4:45 matches is for text, not for number"}},
		{"text operator on an address", `conn.peer startsWith "10."`,
			[]string{`4:17 startsWith is for text, not for addresses; write conn.peer in "10.1.0.0/16"`}},
		{"arithmetic on what is no number", `host.name - 1 == 2 and conn.age.min > conn.age.max * conn.open`, []string{
			"4:17 invalid operation: - (mismatched types text and number)",
			"4:58 invalid operation: * (mismatched types duration and true or false)"}},
		{"condition of a choice and of a loop", `(conn.port ? conn.open :false) or any(host.roles, len(#))`, []string{
			"4:8 a condition is true or false, this is of the type port",
			"4:57 a condition is true or false, this is of the type number"}},
		{"not a condition", `conn.port and not host.name`, []string{
			"4:7 a condition is true or false, this is of the type port",
			"4:21 not is for what is true or false, not for text; write not (a == b), or a not in b"}},
		{"not before a comparison", `not conn.port == 22`,
			[]string{"4:7 not is for what is true or false, not for port; write not (a == b), or a not in b"}},
		{"address that is none", `conn.peer == "10.0.0.300"`,
			[]string{`4:20 "10.0.0.300" is not an address such as 10.1.5.10 or 2001:db8::1`}},
		{"network compared as an address", `conn.peer == "10.0.0.0/8"`,
			[]string{`4:20 "10.0.0.0/8" is not an address such as 10.1.5.10 or 2001:db8::1; a network is compared with in`}},
		{"address in a network", `conn.peer in ["10.1.2.3/8"]`,
			[]string{"4:21 10.1.2.3/8 is an address in a network; write the network 10.0.0.0/8 or the address 10.1.2.3"}},
		{"single = ", `conn.port = 22`,
			[]string{"4:17 = compares nothing; write == for equal"}},
		{"operators in capitals", `conn.open AND conn.attempted`,
			[]string{"4:17 AND is written in lower case: and"}},
		{"unbalanced", `(conn.open or conn.closed`,
			[]string{"4:7 the bracket ( that begins here isn't closed"}},
		{"disabled function", `repeat("x", 10) == "x"`,
			[]string{"4:7 the function repeat is not part of the rule language; it has all, any, count, date, duration, fired, hour, len, lower, none, one, time_of_day, upper or weekday"}},
		{"unknown function", `cuont(host.roles)`,
			[]string{"4:7 unknown function cuont; did you mean count?"}},
		{"method", `conn.peer.String() == "x"`,
			[]string{"4:17 fields have no functions of their own"}},
		{"element by number", `host.roles[0] == "web"`,
			[]string{"4:17 only a field can follow here; the elements of a list are tested with any(…), all(…) or in"}},
		{"variable", `let x = 1; x == 1`,
			[]string{"4:11 variables (let) are not part of the rule language"}},
		{"optional chaining", `conn?.open`,
			[]string{"4:13 ?. is not part of the rule language"}},
		{"environment as a whole", `$env.conn.open`,
			[]string{"4:7 unknown name $env"}},
		{"range as a list", `all(1..1000000, true)`,
			[]string{
				"4:7 all takes a list first: host.roles, host.addresses, peer.roles or [a, b]",
				"4:12 a range stands on the right of in: conn.port in 1000..2000"}},
		{"pattern that is none", `host.name matches "("`,
			[]string{"4:25 not a regular expression (RE2 syntax): error parsing regexp: missing closing ): `(`"}},
		{"pattern with too many states", `host.name matches "[a-z]{600}"`,
			[]string{"4:25 the regular expressions have more than 500 states; make them shorter or their repetitions smaller"}},
		{"patterns with too many states together", `host.name matches "[a-z]{300}" or host.name matches "[a-z]{300}"`,
			[]string{"4:59 the regular expressions have more than 500 states; make them shorter or their repetitions smaller"}},
		{"pattern on a text of a rule's making", `host.name + peer.name matches "a"`,
			[]string{"4:29 matches takes a field, lower(field), upper(field) or #"}},
		{"loop in a loop", `any([1, 2], all([3, 4], true))`,
			[]string{"4:19 all within another all, any, count, none or one is not part of the rule language"}},
		{"loop without a condition", `count(host.roles) > 1`,
			[]string{`4:7 count takes a list and a condition on its elements: count(host.roles, # startsWith "web")`}},
		{"function of a literal", `lower("ABC") == host.name`,
			[]string{"4:7 lower of what is written out is always the same; write the result"}},
		{"other things than addresses in a loop over addresses", `any(host.addresses, host in roles.web and "web" in host.roles and conn.open and (# in host.addresses))`, []string{
			"4:32 a loop over addresses can only test addresses; test roles outside of it",
			"4:55 a loop over addresses can only test addresses; test roles outside of it",
			"4:78 a loop over addresses can only test addresses; test conn.open outside of it",
			"4:90 in host.addresses can't be used in a loop"}},
		{"pattern that is no literal", `host.name matches peer.name`,
			[]string{`4:17 matches takes a regular expression in quotes: host.name matches "^web-[0-9]+$"`}},
		{"characters of several bytes before the place", `host.name == "größe" and conn.prt == 1`,
			[]string{"4:37 conn has no field prt; did you mean conn.port?"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(header + "when: " + test.when + "\n")
			if got := mistakes(t, err); strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("%s\ngot\n  %s\nwant\n  %s", test.when, strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
			}
		})
	}
}

func TestMistakePlaceInEveryScalarStyle(t *testing.T) {
	for name, when := range map[string]string{
		"plain":                          "when: conn.open and conn.^prt == 1\n",
		"plain over lines":               "when: conn.open\n  and\n\n    conn.^prt == 1\n",
		"plain on the next line":         "when:\n  conn.open and conn.^prt == 1\n",
		"single quotes":                  "when: 'host.name == ''it'' and conn.^prt == 1'\n",
		"single quotes over lines":       "when: 'host.name == ''x''\n\n  and conn.^prt == 1'\n",
		"double quotes":                  "when: \"host.name == \\\"x\\\\\\\"\\\" and conn.^prt == 1\"\n",
		"double quotes with escapes":     "when: \"host.name == '\\x41\\u00e9\\U0001F600'\\n\\tand conn.^prt == 1\"\n",
		"double quotes with joined line": "when: \"conn.open and conn\\\n  .^prt == 1\"\n",
		"literal":                        "when: |\n  conn.open\n  and conn.^prt == 1\n",
		"literal with a comment":         "when: |  # why\n  conn.open\n  and conn.^prt == 1\n",
		"literal with an indent":         "when: |2-\n    conn.open\n\n  and conn.^prt == 1\n",
		"folded":                         "when: >-\n  conn.open\n  and conn.^prt == 1\n",
		"folded with a blank line":       "when: >\n\n  conn.open\n\n  and conn.^prt == 1\n",
		"comment in the expression":      "when: |\n  conn.open // is it\n  /* or */ and conn.^prt == 1\n",
		"lines that end in CR LF":        "when: |\r\n  conn.open\r\n  and conn.^prt == 1\r\n",
		"after wide characters":          "when: |\n  host.name == \"数据\"\n  and host.name != \"é\" and conn.^prt == 1\n",
		"exception":                      "when: conn.open\nunless:\n  - {owner: a, reason: b, expires: 2026-01-01, when: 'conn.^prt == 1'}\n",
	} {
		t.Run(name, func(t *testing.T) {
			before, after, _ := strings.Cut(header+when, "^")
			_, err := load(before + after)
			line := 1 + strings.Count(before, "\n")
			column := 1 + len([]rune(before[strings.LastIndex(before, "\n")+1:]))
			want := fmt.Sprintf("%d:%d conn has no field prt; did you mean conn.port?", line, column)
			if got := mistakes(t, err); len(got) != 1 || got[0] != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestMistakeInFile(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{"1:1 the file is empty"}},
		{"only a comment", "# a rule\n", []string{"1:1 the file is empty"}},
		{"a list", "- rule: x\n", []string{`1:1 a rule is written as lines of "field: value", this is a list`}},
		{"nothing of a rule", "guide: x\n", []string{
			`1:1 a rule needs the field "rule"`, `1:1 a rule needs the field "title"`,
			`1:1 a rule needs the field "severity"`, `1:1 a rule needs the field "when"`}},
		{"unknown and repeated keys", header + "severty: low\ntitle: B\nwhen: conn.open\n", []string{
			`4:1 a rule has no field "severty"; did you mean severity?`,
			`5:1 "title" is here a second time; the first is in line 2`}},
		{"merge key", header + "<<: {title: B}\nwhen: conn.open\n", []string{
			`4:1 a rule has no field "<<"; it has rule, title, severity, score, score_learning, attack, references, description, false_positives, guide, thresholds, when, for, count, sequence, path, absent, unless, alert, enabled or tests`}},
		{"wrong types", "rule: [a]\ntitle: {a: b}\nseverity: 3\nattack: T1021\ndescription: [x]\nguide: true\nwhen: true\nfor: 30\nunless: x\nenabled: yes\n", []string{
			"1:7 rule must be text, this is a list",
			"2:8 title must be text, this is a mapping",
			`3:11 severity is info, low, medium, high or critical, not "3"`,
			`4:9 attack must be a list ([a, b], or one "- a" a line), this is text`,
			"5:14 description must be text, this is a list",
			"6:8 guide must be text, this is true or false",
			"7:7 when must be text, this is true or false",
			"8:6 the duration 30 has no unit; write 30s for seconds",
			`9:9 unless must be a list ([a, b], or one "- a" a line), this is text`,
			"10:10 enabled must be true or false, this is text"}},
		{"values out of range", "rule: A_b\ntitle: ''\nseverity: hihg\nattack: [T1021.2, 1021]\nwhen: ''\nfor: -5s\n", []string{
			`1:7 "A_b" can't be the id of a rule: lower-case letters and digits, with single hyphens between, at most 64 characters`,
			"2:8 title is empty",
			`3:11 severity is info, low, medium, high or critical, not "hihg"; did you mean high?`,
			`4:10 "T1021.2" is not the id of an ATT&CK technique, such as T1021 or T1021.002`,
			`4:19 "1021" is not the id of an ATT&CK technique, such as T1021 or T1021.002`,
			"5:7 when is empty",
			"6:6 for must be longer than 0s, not -5s"}},
		{"long id", "rule: " + strings.Repeat("a", 65) + "\ntitle: T\nseverity: low\nwhen: conn.open\n", []string{
			`1:7 "` + strings.Repeat("a", 60) + `…" can't be the id of a rule: lower-case letters and digits, with single hyphens between, at most 64 characters`}},
		{"nothing after when", header + "when:\n", []string{"4:6 when must be text, this is empty"}},
		{"exceptions", header + "when: conn.open\nunless:\n  - when: conn.opn\n    owner: x\n    expires: 2026-13-01\n    until: x\n  - conn.open\n", []string{
			`6:5 an exception needs the field "reason"`,
			"6:16 conn has no field opn; did you mean conn.open?",
			`8:14 "2026-13-01" is not a day such as 2026-12-31`,
			`9:5 an exception has no field "until"; it has when, owner, reason or expires`,
			`10:5 an exception is written as lines of "field: value", this is text`}},
		{"tab", header + "when: |\n\tconn.open\n", []string{"5:1 a tab in the indentation; YAML is indented with spaces"}},
		{"expression that begins with a quote", header + "when: \"web\" in host.roles\nfor: 3s\n", []string{
			`4:1 not YAML: an expression that begins with a quote goes on lines of its own below "when: |"`}},
		{"expression with a YAML comment", header + "when: any(host.roles, # == \"x\")\n", []string{
			`4:10 the bracket ( that begins here isn't closed; in YAML " #" begins a comment: write the expression below "when: |"`}},
		{"bad indent", header + "when: conn.open\n for: 3s\nguide: x\n", []string{"5:2 not YAML: wrong indentation: for has 1 space before it, and when in line 4, beside which it seems to belong, has none"}},
		{"colon in a value", header + "guide: first: look\nwhen: conn.open\n", []string{`4:1 not YAML: a value with ": " in it goes in quotes (guide: "…"), or on lines of its own below "guide: |"`}},
		{"quote that doesn't end", header + "when: 'conn.open\nfor: 3s\n", []string{"4:1 not YAML: an expression that begins with a quote goes on lines of its own below \"when: |\""}},
		{"two documents", header + "when: conn.open\n---\nrule: b\n", []string{"5:1 a second document begins here; a file holds one rule"}},
		{"references", header + "when: &a conn.open\nguide: *a\nrule2: !!str x\n", []string{
			"4:7 YAML anchors (&a) can't be used here",
			"5:8 YAML aliases (*a) can't be used here; write the value out",
			"6:8 YAML tags (!!str) can't be used here; a value that begins with ! needs quotes"}},
		{"byte order mark", "\ufeff" + header, []string{"0:0 the file begins with a byte order mark; save it as UTF-8 without one"}},
		{"another encoding", header + "guide: caf\xe9\n", []string{"4:11 not UTF-8; save the file with that encoding"}},
		{"control character", header + "guide: \x01\n", []string{"4:1 not YAML: control characters are not allowed"}},
		{"too large", header + "when: conn.open\nguide: " + strings.Repeat("x", rule.MaxFile), []string{"0:0 the file is larger than 64 KiB"}},
		{"too long an expression", header + "when: conn.open" + strings.Repeat(" and conn.open", 600) + "\n", []string{"4:7 the expression has 8409 bytes; the limit is 8192"}},
		{"too many parts", header + "when: conn.open" + strings.Repeat(" and conn.open", 300) + "\n", []string{
			"4:7 the expression has more than 500 parts; keep values in lists.yaml or make two rules of it"}},
		{"too deep", header + "when: " + strings.Repeat("(", 8000) + "\n", []string{
			"4:8006 the expression ends too early"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(test.text)
			if got := mistakes(t, err); strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
			}
		})
	}
}

func TestMistakeInLists(t *testing.T) {
	for _, test := range []struct {
		name, lists string
		want        []string
	}{
		{"entries", "ports:\n  a: [0, 65536, x, 9-3, 22-, true, [1]]\nnetworks:\n  b: [10.0.0.0/33, 10.1.1.1/8, fe80::1%eth0, x]\nroles:\n  c:\n    - ''\n", []string{
			`2:7 "0" is not a port: a number from 1 to 65535, or a range such as 1000-2000`,
			`2:10 "65536" is not a port: a number from 1 to 65535, or a range such as 1000-2000`,
			`2:17 "x" is not a port: a number from 1 to 65535, or a range such as 1000-2000`,
			"2:20 the range 9-3 is empty; write the lower port first",
			`2:25 "" is not a port: a number from 1 to 65535, or a range such as 1000-2000`,
			"2:30 a port must be text, this is true or false",
			"2:36 a port must be text, this is a list",
			`4:7 "10.0.0.0/33" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
			"4:20 10.1.1.1/8 is an address in a network; write the network 10.0.0.0/8 or the address 10.1.1.1",
			`4:32 "fe80::1%eth0" is not an address such as 10.1.5.10 or 2001:db8::1`,
			`4:46 "x" is not an address such as 10.1.5.10 or 2001:db8::1`,
			"7:7 a role is empty"}},
		{"names", "ports:\n  data-base: [1]\n  in: [1]\n  a: [1]\n  a: [2]\nport:\n  x: [1]\n", []string{
			`2:3 "data-base" can't be the name of a list: lower-case letters, digits and _, a letter first, at most 64 characters, no word of the language`,
			`3:3 "in" can't be the name of a list: lower-case letters, digits and _, a letter first, at most 64 characters, no word of the language`,
			`5:3 "a" is here a second time; the first is in line 4`,
			`6:1 lists.yaml has no field "port"; did you mean ports?`}},
		{"not a list", "ports:\n  a: 22\nnetworks: [10.0.0.0/8]\n", []string{
			`2:6 ports.a must be a list ([a, b], or one "- a" a line), this is a number`,
			`3:11 networks is written as lines of "field: value", this is a list`}},
		{"too large", "# " + strings.Repeat("x", rule.MaxLists), []string{"0:0 the file is larger than 1024 KiB"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := rule.Load(fstest.MapFS{
				"a.yaml":     {Data: []byte(header + "when: conn.port in ports.never_defined\n")},
				"lists.yaml": {Data: []byte(test.lists)},
			}, "")
			got := mistakes(t, err)
			if test.name == "entries" {
				if last := got[0]; last != "4:26 lists.yaml has no list never_defined in ports" {
					t.Errorf("a list that is missing is not reported: %s", last)
				}
				got = got[1:]
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
			}
		})
	}
}

func TestErrorsShowAllFilesAtOnce(t *testing.T) {
	_, err := rule.Load(fstest.MapFS{
		"b.yaml":     {Data: []byte(header + "when: conn.prt == 1\n")},
		"a.yaml":     {Data: []byte(header + "when: conn.opn\n")},
		"c.yaml":     {Data: []byte(header + "when: conn.open\n")},
		"lists.yaml": {Data: []byte("roles:\n  web:\t[web]\n")},
	}, "rules.expr")
	want := `rules.expr/a.yaml:4:12: conn has no field opn; did you mean conn.open?
    4 | when: conn.opn
      |            ^
rules.expr/b.yaml:1:7: the id a-rule is taken: it is that of rules.expr/a.yaml:1
    1 | rule: a-rule
      |       ^
rules.expr/b.yaml:4:12: conn has no field prt; did you mean conn.port?
    4 | when: conn.prt == 1
      |            ^
rules.expr/c.yaml:1:7: the id a-rule is taken: it is that of rules.expr/a.yaml:1
    1 | rule: a-rule
      |       ^
4 errors`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var first *yamlsrc.Diagnostic
	if !errors.As(err, &first) || first.File != "rules.expr/a.yaml" || first.Source != "when: conn.opn" {
		t.Errorf("errors.As finds %+v, not the first mistake", first)
	}
	data, _ := json.Marshal(first)
	if want := `{"file":"rules.expr/a.yaml","line":4,"column":12,"source":"when: conn.opn","message":"conn has no field opn; did you mean conn.open?"}`; string(data) != want {
		t.Errorf("as JSON: %s, want %s", data, want)
	}
}

func TestErrorPrintsNoControlCharacters(t *testing.T) {
	_, err := load(header + "when: |\n  host.nam\u202ee == \"\u009b31m\"\n")
	if err == nil || strings.ContainsAny(err.Error(), "\u202e\u009b") {
		t.Errorf("%q", err)
	}
}

func TestErrorCutsALongLine(t *testing.T) {
	_, err := load(header + "when: '" + strings.Repeat(" ", 1000) + "conn.opn" + strings.Repeat(" ", 1000) + "'\n")
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 4 || len([]rune(lines[1])) > 250 {
		t.Fatalf("%q", lines)
	}
	source, caret := []rune(lines[1]), strings.IndexRune(lines[2], '^')
	if got := string(source[caret : caret+3]); got != "opn" {
		t.Errorf("the caret is under %q", got)
	}
}

func TestOneFileDoesNotBuryTheOthers(t *testing.T) {
	_, err := rule.Load(fstest.MapFS{
		"a.yaml": {Data: []byte(strings.Repeat("x: y\n", 1000))},
		"b.yaml": {Data: []byte(header + "when: conn.opn\n")},
	}, "")
	got := mistakes(t, err)
	if len(got) != 102 || !strings.Contains(strings.Join(got, "\n"), "more than 100 errors") || !strings.Contains(got[101], "conn.open?") {
		t.Errorf("%d mistakes, the last %q", len(got), got[len(got)-1])
	}
}
