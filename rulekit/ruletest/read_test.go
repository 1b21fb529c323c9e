package ruletest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"headstart/detect/rule"
	"headstart/rulekit/ruletest"
)

// ruleWith returns a rule whose tests are given, and the set that it is in.
func ruleWith(t testing.TB, tests string) (*rule.Set, *rule.Rule) {
	t.Helper()
	const head = `rule: ssh-seen
title: Somebody logs in
severity: low
when: conn.direction == "inbound" and conn.port == 22
tests:
`
	set, err := rule.Load(fstest.MapFS{"a.yaml": {Data: []byte(head + tests)}}, "d")
	if err != nil {
		t.Fatal(err)
	}
	return set, set.Rule("ssh-seen")
}

// testsWith returns tests whose lines are fine but for those that are given.
func testsWith(replaced map[string]string) string {
	lines := map[string]string{
		"hosts": "web-01..web-02 10.1.1.11 reports web", "usual": "web-01 -> web-02:443 every 10m for 2s",
		"connections": "14:30:05 10.1.8.1 -> web-01:22 for 5m", "alerts": "14:30:30 ssh-seen web-01",
	}
	for name, line := range replaced {
		lines[name] = line
	}
	return fmt.Sprintf("  hosts: |\n    %s\n  learn: 2 days\n  usual: |\n    %s\n  cases:\n    - name: a\n      connections: |\n        %s\n      alerts: |\n        %s\n",
		lines["hosts"], lines["usual"], lines["connections"], lines["alerts"])
}

// TestErrors holds what is said of lines that can't be played: under which
// character, and what.
func TestErrors(t *testing.T) {
	for _, test := range []struct{ table, line, want string }{
		{"hosts", "web-01", `a host is a name and an address`},
		{"hosts", "web-01 10.1.1 reports", `"10.1.1" is not an address`},
		{"hosts", "web-09..web-02 10.1.1.11 reports", "a range of hosts must ascend"},
		{"hosts", "web-01..db-02 10.1.1.11 reports", "a range of hosts must ascend"},
		{"hosts", "web-01..web-9999 10.1.1.11 reports", "a range of hosts must ascend, by at most 500"},
		{"hosts", "web-01..web-02 255.255.255.255 reports", "too few addresses follow"},
		{"hosts", "10.1.1.1 10.1.1.1 reports", "can't be the name of a host"},
		{"hosts", "web-01,web-02 10.1.1.1 reports", "can't be the name of a host"},
		{"hosts", "web-01..web-02 10.1.1.11 web", "no host has a poller"},
		{"hosts", "web-01..web-02 10.1.1.11 reports clock=3", `clock= is a duration such as 3s or -1500ms, not "3"`},
		{"hosts", "web-01..web-02 10.1.1.11 reports since=monday", `since= is a number from 1 to 32, not "monday"`},
		{"hosts", "web-01..web-02 10.1.1.11 reports role=web", `"role" is unknown: a host has clock= and since=`},
		{"usual", "web-01 web-02:443 every 10m", "write a connection as in web-01 -> db-01:5432"},
		{"usual", "web-01 -> web-02 every 10m", `"web-02" has no port`},
		{"usual", "web-01 -> web-02:443", "write one of them"},
		{"usual", "web-01 -> web-02:443 every 10m at 10:00", "write one of them"},
		{"usual", "web-01 -> web-02:443 every 10", "the duration 10 has no unit: write 10s for seconds"},
		{"usual", "web-01 -> web-02:443 every 1ms", "every: must be at least 1s"},
		{"usual", "web-01 -> web-02:443 evry 10m", `"evry" is none of every, for, at, days; did you mean every?`},
		{"usual", "web-01 -> web-02:443 every 10m for", `"for": the value is missing`},
		{"usual", "web-01 -> web-02:443 every 10m days 9", `a day is a number from 1 to 3, not "9"`},
		{"usual", "web-01..web-02 -> web-01..web-02:1..200 every 1s", "usual has more than 100,000 connections"},
		{"connections", "2:30pm 10.1.8.1 -> web-01:22", `"2:30pm" is not a time of the day such as 14:31:28`},
		{"connections", "99:00:00 10.1.8.1 -> web-01:22", "or of the next such as 26:00:00"},
		{"connections", "14:30:05 web-1 -> web-02:22", `hosts has no "web-1"; did you mean web-01?`},
		{"connections", "14:30:05 10.1.8.1 -> 10.1.8.2:22", "neither end has a poller: no host would show this"},
		{"connections", "14:30:05 10.1.8.1 -> web-01:70000", `a port is a number from 1 to 65535, not "70000"`},
		{"connections", "14:30:05 10.1.8.1 -> web-01:9..1", "a range of ports must ascend"},
		{"connections", "14:30:05 10.1.8.9..10.1.8.1 -> web-01:22", "a range of addresses must ascend"},
		{"connections", "14:30:05 10.0.0.0..11.0.0.0 -> web-01:22", "a range of addresses must ascend, by at most 500"},
		{"connections", "14:30:05 10.1.8.1 -> web-01:22 unanswred", `did you mean unanswered?`},
		{"connections", "14:30:05 10.1.8.1 -> web-01:22 hidden at web-02", "web-02 is not an end of this connection: it can't hide it"},
		{"connections", "14:30:05 10.1.8.1 -> web-01:22 times 0", `times is a number from 1 to 10000, not "0"`},
		{"connections", "14:30:05 10.1.8.1 -> web-01:22 times 10000 every 24h", "a case has at most two days"},
		{"connections", "14:30:05 10.1.8.1..10.1.8.99 -> web-01:1..200 times 999", "the cases have more than 100,000 connections"},
		{"connections", "14:30:05 10.1.8.1 silent for 20m", `hosts has no "10.1.8.1"`},
		{"connections", "14:30:05 web-01 silent 20m", "web-01 silent for 20m"},
		{"connections", "14:30:05 web-01 listens on 22", "web-01 listens 4444"},
		{"connections", "14:30:05 10.1.8.1,10.1.8.1 -> web-01:22", "10.1.8.1 is listed twice"},
		{"connections", "14:30:05", "a line of connections is"},
		{"alerts", "ssh-seen web-01", `a line of alerts is "TIME RULE HOST"`},
		{"alerts", "14:30:30 ssh-sen web-01", "there is no rule ssh-sen; did you mean ssh-seen?"},
		{"alerts", "14:30:30 ssh-seen web-1", `hosts has no "web-1"; did you mean web-01?`},
		{"alerts", "never ssh-sen", "there is no rule ssh-sen; did you mean ssh-seen?"},
		{"alerts", "14:30:30 ssh-seen web-01\n        never ssh-seen", "contradicts this for ssh-seen"},
	} {
		t.Run(test.line, func(t *testing.T) {
			set, r := ruleWith(t, testsWith(map[string]string{test.table: test.line}))
			_, mistakes := ruletest.Read(set, r)
			if mistakes == nil {
				t.Fatal("it is taken")
			}
			found := false
			for _, e := range mistakes {
				for _, want := range strings.Split(test.want, "|") {
					found = found || strings.Contains(e.Message, want)
				}
				if e.File != "d/a.yaml" || e.Line == 0 || e.Column == 0 || e.Source == "" {
					t.Errorf("without a place: %v", e)
				}
			}
			if !found {
				t.Errorf("got %v\nwant %s", mistakes, test.want)
			}
		})
	}
}

// TestErrorsAreReportedTogether holds that each has its caret, and that what follows
// from another isn't said.
func TestErrorsAreReportedTogether(t *testing.T) {
	set, r := ruleWith(t, testsWith(map[string]string{
		"usual": "web-01 -> web-03:443 every 10x", "connections": "14:30:05 10.1.8.1 -> web-01:22 fro 5m", "alerts": "14:30:30 ssh-seen web-03",
	}))
	_, mistakes := ruletest.Read(set, r)
	const want = `d/a.yaml:10:15: hosts has no "web-03"; did you mean web-01?
   10 |     web-01 -> web-03:443 every 10x
      |               ^
d/a.yaml:14:40: "fro" is none of for, every, times, unanswered, dropped, hidden; did you mean for?
   14 |         14:30:05 10.1.8.1 -> web-01:22 fro 5m
      |                                        ^
d/a.yaml:16:27: hosts has no "web-03"; did you mean web-01?
   16 |         14:30:30 ssh-seen web-03
      |                           ^
3 errors`
	if got := mistakes.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// FuzzRead holds that no lines make it panic, or come to more than the limits.
func FuzzRead(f *testing.F) {
	for _, lines := range [][4]string{
		{"web-01..web-02 10.1.1.11 reports web clock=3s since=2", "web-01 -> web-02:443 every 10m for 2s days 1,2", "14:30:05 web-01 -> 10.1.6.1..10.1.6.20:445,8000..8010 unanswered every 2s", "14:30:30 ssh-seen web-01"},
		{"a 2001:db8::1 reports", "a -> b:1 at 10:00,11:00:00", "14:30 a listens 127.0.0.1:4444", "never *"},
		{"a 10.1.1.1 listed", "a -> [2001:db8::2]:22 every 1h", "14:30 a silent for 20m", "never ssh-seen"},
		{"a 10.1.1.1 reports", "10.1.1.2 -> a:22 every 1h", "26:00:00 a -> 10.1.1.2:22 times 20 dropped hidden at a for 1s", "until 15:00"},
	} {
		f.Add(lines[0], lines[1], lines[2], lines[3])
	}
	set, r := ruleWith(f, testsWith(nil))
	f.Fuzz(func(t *testing.T, hosts, usual, connections, alerts string) {
		table := func(text string) (table rule.Table) {
			for n, line := range strings.Split(text, "\n") {
				if line = strings.TrimSpace(line); line != "" {
					table = append(table, rule.Line{Text: line, Line: n + 1, Column: 1})
				}
			}
			return table
		}
		changed := *r
		changed.Tests = &rule.Tests{Hosts: table(hosts), LearnDays: 1, Usual: table(usual), Cases: []rule.Case{
			{Name: "a", Line: 1, Connections: table(connections), Alerts: table(alerts)},
		}}
		read, mistakes := ruletest.Read(set, &changed)
		if (read == nil) != (mistakes != nil) {
			t.Fatalf("%v, %v", read, mistakes)
		}
		for _, e := range mistakes {
			if e.Message == "" || e.Error() == "" {
				t.Errorf("a mistake that says nothing: %+v", e)
			}
		}
	})
}
