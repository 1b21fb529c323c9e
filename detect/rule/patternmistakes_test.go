package rule_test

import (
	"strings"
	"testing"
)

func TestMistakeInPattern(t *testing.T) {
	for _, test := range []struct {
		name, text string // from line 4
		want       []string
	}{
		{"count is no mapping", "when: conn.open\ncount: 5\n", []string{
			`5:8 count is written as lines of "field: value", this is a number`}},
		{"nothing of count", "when: conn.open\ncount: {}\n", []string{
			`5:8 count needs the field "by"`,
			`5:8 count needs the field "within"`,
			`5:8 count needs the field "at_least"`}},
		{"values of count out of range", "when: conn.open\ncount: {by: host.name, of: conn.peer, sum: conn.uid, within: 31d, at_least: 0, above_usual: 0, distinct: 3}\n", []string{
			"5:44 count has of (distinct values are counted) or sum (numbers are added up), not both",
			`5:62 "31d" is not a duration such as 30s, 5m, 1h30m or 24h`,
			"5:77 at_least must be 1 or more, not 0",
			"5:93 above_usual must be more than 0, not 0",
			`5:96 count has no field "distinct"; it has by, of, sum, within, at_least, above_usual or beaconing`}},
		{"beaconing out of range", "when: conn.open\ncount: {by: host.name, within: 1h, at_least: 10, beaconing: 1.2}\n", []string{
			"5:61 beaconing must be more than 0 and at most 1, not 1.2"}},
		{"beaconing of distinct values", "when: conn.open\ncount: {by: host.name, of: conn.peer, within: 1h, at_least: 10, beaconing: 0.8}\n", []string{
			"5:76 beaconing compares the times of connections; remove of and sum"}},
		{"beaconing of several hosts together", "when: conn.open\ncount: {by: conn.peer, within: 1h, at_least: 10, beaconing: 0.8}\n", []string{
			"5:61 beaconing compares the connections of one host; add host.name to by"}},
		{"beaconing of a few", "when: conn.open\ncount: {by: [host.name, conn.peer], within: 1h, at_least: 5, beaconing: 0.8}\n", []string{
			"5:73 beaconing needs an at_least of 6 or more: fewer connections show no interval"}},
		{"no key, short window, half a match", "when: conn.open\ncount: {by: [], within: 0.5s, at_least: 2.5}\n", []string{
			"5:13 by is one expression or a list of 4 at most, not of 0",
			"5:25 within is from 1s to 720h (30 days), not 0.5s",
			"5:41 at_least must be a whole number, not 2.5"}},
		{"long key, long window", "when: conn.open\ncount: {by: [host.name, conn.port, conn.uid, conn.peer, now], within: 721h, at_least: x}\n", []string{
			"5:13 by is one expression or a list of 4 at most, not of 5",
			"5:71 within is from 1s to 720h (30 days), not 721h",
			`5:87 at_least must be a number, this is "x"`}},
		{"what makes no key", "when: conn.open\ncount: {by: [host.nam, host.roles, conn.age.min, now], within: 10, at_least: .nan, above_usual: 2}\n", []string{
			"5:19 host has no field nam; did you mean host.name?",
			"5:24 this must be text, a number, an address, an end, or true or false; it is of the type list of texts",
			"5:36 this must be text, a number, an address, an end, or true or false; it is of the type duration",
			"5:50 this must be text, a number, an address, an end, or true or false; it is of the type time",
			"5:64 the duration 10 has no unit; write 10s for seconds",
			`5:78 at_least must be a number, this is ".nan"`,
			"5:97 above_usual compares with the baseline number of responders; count them with of: conn.peer"}},
		{"a field in quotes, a list, a large number", "when: conn.open\ncount: {by: '\"host.name\"', of: host.addresses, within: 5m, at_least: 1000000}\n", []string{
			"5:14 this is always the same; name a field, such as host.name or conn.peer",
			"5:32 this must be text, a number, an address, an end, or true or false; it is of the type list of addresses",
			"5:70 at_least can be 4096 at most, not 1000000"}},
		{"sum of what is no number", "when: conn.open\ncount: {by: {a: b}, sum: host.name, within: 5m, at_least: true}\n", []string{
			"5:13 by must be text, this is a mapping",
			"5:26 this must be a number; it is of the type text",
			`5:59 at_least must be a number, this is "true"`}},
		{"a large sum is none", "when: conn.open\ncount: {by: 5, sum: conn.peer, within: 5m, at_least: 1e9}\n", []string{
			"5:13 this is always the same; name a field, such as host.name or conn.peer",
			"5:21 this must be a number; it is of the type address"}},
		{"count without a condition", "count: {by: host.name, within: 5m, at_least: 3}\n", []string{
			`1:1 a rule needs the field "when"`}},
		{"key with a YAML comment", "when: conn.open\ncount:\n  by: any(host.roles, # == \"x\")\n  within: 5m\n  at_least: 3\n", []string{
			`6:10 the bracket ( that begins here isn't closed; in YAML " #" begins a comment: write the expression below "by: |"`}},
		{"key that begins with a quote", "when: conn.open\ncount:\n  by: \"x\" + host.name\n  within: 5m\n  at_least: 3\n", []string{
			`6:3 not YAML: an expression that begins with a quote goes on lines of its own below "by: |"`}},

		{"sequence with a condition of its own, and one step", "when: conn.open\nfor: 3s\nsequence: {within: 5m, steps: [{when: conn.open, by: host.name}]}\n", []string{
			"4:1 a rule with sequence has a condition in each of its steps",
			"5:1 in a rule with sequence, for belongs to a step",
			"6:31 a sequence has 2 to 8 steps, not 1"}},
		{"sequence without steps", "sequence: {within: 5m}\n", []string{`4:11 sequence needs the field "steps"`}},
		{"steps are no list", "sequence: {within: 5m, steps: x}\n", []string{
			`4:31 steps must be a list ([a, b], or one "- a" a line), this is text`}},
		{"steps", "sequence: {within: 5m, steps: [x, {when: conn.opn, by: host.nme, fro: 3s}, {by: host.name, for: 30}, {when: conn.open}]}\n", []string{
			`4:32 a step is written as lines of "field: value", this is text`,
			"4:47 conn has no field opn; did you mean conn.open?",
			"4:61 host has no field nme; did you mean host.name?",
			`4:66 a step has no field "fro"; did you mean for?`,
			`4:76 a step needs the field "when"`,
			"4:97 the duration 30 has no unit; write 30s for seconds",
			`4:102 a step needs the field "by"`}},
		{"keys of steps that don't go together", "sequence: {within: 5m, steps: [{when: conn.open, by: host.name}, {when: conn.open, by: [host.name, conn.port]}, {when: conn.open, by: conn.peer}]}\n", []string{
			"4:88 this step has 2 expressions to by, the first has 1: steps belong together when all of them are equal",
			"4:135 this step has by of the type address where the first has text: they are never equal"}},
		{"many steps", "sequence: {within: 5m, steps: [1, {when: conn.open, by: host.name}, 3, 4, 5, 6, 7, 8, 9]}\n", []string{
			"4:31 a sequence has 2 to 8 steps, not 9",
			`4:32 a step is written as lines of "field: value", this is a number`,
			`4:69 a step is written as lines of "field: value", this is a number`,
			`4:72 a step is written as lines of "field: value", this is a number`,
			`4:75 a step is written as lines of "field: value", this is a number`,
			`4:78 a step is written as lines of "field: value", this is a number`,
			`4:81 a step is written as lines of "field: value", this is a number`,
			`4:84 a step is written as lines of "field: value", this is a number`}},

		{"path of one hop, and a second pattern", "when: conn.open\npath: {hops: 1, within: 5m}\ncount: {by: host.name, within: 5m, at_least: 3}\n", []string{
			"5:14 hops is a whole number from 2 to 20, not 1",
			"6:1 a rule has one of count, sequence, path and absent; path is in line 5 already"}},
		{"path of half a hop", "when: conn.open\npath: {hops: 2.5}\n", []string{
			`5:7 path needs the field "within"`,
			"5:14 hops is a whole number from 2 to 20, not 2.5"}},
		{"long path, no window", "path: {hops: 21, within: 0s}\n", []string{
			`1:1 a rule needs the field "when"`,
			"4:14 hops is a whole number from 2 to 20, not 21",
			"4:26 within is from 1s to 720h (30 days), not 0s"}},
		{"path is no mapping", "when: conn.open\npath: 2\n", []string{
			`5:7 path is written as lines of "field: value", this is a number`}},

		{"absent of nothing known, and for beside it", "absent: {of: pollr, for: 5m}\nfor: 5m\n", []string{
			`4:14 of is poller or peer_report, not "pollr"; did you mean poller?`,
			"5:1 in a rule with absent, for belongs below absent"}},
		{"names that have changed", "absent: {of: witness, for: 5m}\nwhen: conn.open\ncount: {by: [host.name], within: 1h, at_least: 9, regular: 0.8}\n", []string{
			"4:14 of is poller or peer_report; witness is now called peer_report",
			"6:1 a rule has one of count, sequence, path and absent; absent is in line 4 already"}},
		{"a field that has changed", "when: conn.open\ncount: {by: [host.name], within: 1h, at_least: 9, regular: 0.8}\n", []string{
			`5:51 count has no field "regular"; it is now called beaconing`}},
		{"absent without for", "absent: {of: peer_report}\nwhen: conn.opn\n", []string{
			`4:9 absent needs the field "for"`,
			"5:12 conn has no field opn; did you mean conn.open?"}},
		{"absent is no mapping", "absent: [poller]\n", []string{
			`4:9 absent is written as lines of "field: value", this is a list`}},
		{"a pattern twice", "absent: {of: poller, for: 5m}\nabsent: {of: poller, for: 5m}\nsequence: 3\n", []string{
			`5:1 "absent" is here a second time; the first is in line 4`,
			"6:1 a rule has one of count, sequence, path and absent; absent is in line 4 already"}},
		{"what can't be asked of a missing poller", `absent: {of: poller, for: 5m}
when: |
  conn.open and peer in roles.web and "web" in peer.roles and baseline.known
  and (host in roles.web and now > date("2026-01-01") and host.name != "" and "web" in host.roles)
  and any(peer.roles, # == "x")
unless: [{when: conn.port in ports.database, owner: o, reason: r, expires: 2026-01-01}]
`, []string{
			"6:8 conn.open is unknown for a missing poller; use host.… and now",
			"6:22 peer.roles is unknown for a missing poller; use host.… and now",
			"6:45 peer.roles is unknown for a missing poller; use host.… and now",
			"6:72 baseline.known is unknown for a missing poller; use host.… and now",
			"8:16 peer.roles is unknown for a missing poller; use host.… and now",
			"9:22 conn.port is unknown for a missing poller; use host.… and now"}},

		{"score too high", "score: 101\nwhen: conn.open\n", []string{"4:8 score is from 0 to 100, not 101"}},
		{"score below nothing", "score: -0.5\nwhen: conn.open\n", []string{"4:8 score is from 0 to 100, not -0.5"}},
		{"score in words", "score: high\nwhen: conn.open\n", []string{`4:8 score must be a number, this is "high"`}},
		{"no score", "score:\nwhen: conn.open\n", []string{"4:7 score must be a number, this is empty"}},
		{"misspelt pattern", "cuont: {by: host.name}\nwhen: conn.open\n", []string{
			`4:1 a rule has no field "cuont"; did you mean count?`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(header + test.text)
			if got := mistakes(t, err); strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
			}
		})
	}
}
