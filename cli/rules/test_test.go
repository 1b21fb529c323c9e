package rules

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"headstart/cli/clitest"
	"headstart/daemon"
)

const testedRule = `rule: ssh
title: T
severity: info
when: conn.direction == "inbound" and conn.port == 22
tests:
  hosts: |
    web-01  10.1.1.11  reports  web
  cases:
    - name: a login
      connections: 14:30:05 10.1.8.1 -> web-01:22 for 1m
      alerts: 14:30:30 ssh web-01
    - name: another service
      connections: 14:30:05 10.1.8.1 -> web-01:23 for 1m
      alerts: never ssh
`

func TestRulesTest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad, broken := filepath.Join(dir, "good"), filepath.Join(dir, "bad"), filepath.Join(dir, "broken")
	clitest.WriteFile(t, filepath.Join(good, "ssh.yaml"), testedRule)
	clitest.WriteFile(t, filepath.Join(bad, "ssh.yaml"), strings.Replace(testedRule, "conn.port == 22", "conn.port == 23", 1))
	clitest.WriteFile(t, filepath.Join(bad, "plain.yaml"), "rule: plain\ntitle: T\nseverity: info\nwhen: conn.port == 25\n")
	clitest.WriteFile(t, filepath.Join(broken, "ssh.yaml"), strings.Replace(testedRule, "never ssh", "never shh", 1))
	local := filepath.Join(dir, "local")
	clitest.WriteFile(t, filepath.Join(local, "ssh.yaml"), "override: ssh\nreason: R\nunless: [{when: conn.port == 22, owner: o, reason: ours, expires: 2030-01-01}]\n")
	own, worse := filepath.Join(dir, "own"), filepath.Join(dir, "worse")
	const nobody = "tests:\n  hosts: |\n    web-01 10.1.1.11 reports web\n  cases:\n    - name: nobody\n      connections: 14:30:05 10.1.8.1 -> web-01:22 for 1m\n      alerts: "
	clitest.WriteFile(t, filepath.Join(own, "ssh.yaml"), "override: ssh\nunless: [{when: conn.port == 22, owner: o, reason: ours, expires: 2030-01-01}]\n"+nobody+"never ssh\n")
	clitest.WriteFile(t, filepath.Join(worse, "ssh.yaml"), "override: ssh\n\n\nscore: 1\n"+nobody+"14:30:30 ssh web-01\n")
	const failures = `/ssh.yaml:9: ssh: a login: failed
  expected  11: 14:30:30 ssh web-01
  nearest   14:30:30 10.1.8.1 -> web-01:22, opened, seen by web-01:
              conn.port == 23 was false (22)
/ssh.yaml:12: ssh: another service: failed
  came      14: 14:30:30 ssh web-01  (10.1.8.1 -> web-01:23, opened 14:30:30)
/plain.yaml: warning: plain has no tests
2 cases of 1 rule: 0 passed, 2 failed, in TIME
`
	took := regexp.MustCompile(`in [0-9.]+m?s\n`)
	for _, tt := range []struct {
		name      string
		args      []string
		out, fail string
		usage     bool
	}{
		{"all pass", []string{good}, "2 cases of 1 rule: 2 passed, 0 failed, in TIME\n", "", false},
		{"all that is required is there", []string{good, "--require"}, "2 cases of 1 rule: 2 passed, 0 failed, in TIME\n", "", false},
		{"some", []string{good, "--run", "ssh/a login", "--verbose"},
			good + "/ssh.yaml:9: ssh: a login: passed\n  alert     14:30:30 ssh web-01  (10.1.8.1 -> web-01:22, opened 14:30:30)\n1 case of 1 rule: 1 passed, 0 failed, in TIME\n", "", false},
		{"a later directory wins", []string{bad, good}, bad + "/plain.yaml: warning: plain has no tests\n2 cases of 1 rule: 2 passed, 0 failed, in TIME\n", "", false},
		{"some fail", []string{bad}, strings.ReplaceAll("\n"+failures, "\n/", "\n"+bad+"/")[1:], "2 cases failed", false},
		{"a rule without tests, where they are required", []string{bad, good, "--require"},
			bad + "/plain.yaml: error: plain has no tests\n2 cases of 1 rule: 2 passed, 0 failed, in TIME\n", "1 rule lacks a case", false},
		{"what a later directory changes", []string{good, local},
			good + "/ssh.yaml:9: ssh: a login: changed: " + local + "/ssh.yaml overrides unless\n2 cases of 1 rule: 1 passed, 0 failed, 1 changed, in TIME\n", "", false},
		{"an override with tests of its own", []string{good, own}, "1 case of 1 rule: 1 passed, 0 failed, in TIME\n", "", false},
		{"one whose tests fail", []string{good, own, worse},
			worse + "/ssh.yaml:9: ssh: nobody: failed\n  expected  11: 14:30:30 ssh web-01\n" +
				"  nearest   suppressed by an exception of o: ours; it is valid until 2030-01-01\n" +
				"  note      " + own + "/ssh.yaml overrides unless, tests\n  note      " + worse + "/ssh.yaml overrides score, tests\n1 case of 1 rule: 0 passed, 1 failed, in TIME\n",
			"1 case failed", false},
		{"mistakes in tests", []string{broken}, "", "broken/ssh.yaml:14:21: there is no rule shh; did you mean ssh?", true},
		{"no such case", []string{good, "--run", "nothing"}, "", "no case matches", true},
		{"no such output", []string{good, "--output", "yaml"}, "", "want text, json or junit", true},
		{"not an expression", []string{good, "--run", "("}, "", "want a regular expression", true},
		{"no such directory", []string{filepath.Join(dir, "nothing")}, "", "nothing", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append([]string{"rules", "test"}, tt.args...)...)
			if got := took.ReplaceAllString(out, "in TIME\n"); got != tt.out {
				t.Errorf("got\n%s\nwant\n%s", got, tt.out)
			}
			if (err == nil) != (tt.fail == "") || err != nil && !strings.Contains(err.Error(), tt.fail) {
				t.Errorf("%v, want %s", err, tt.fail)
			}
			var usage *daemon.UsageError
			if errors.As(err, &usage) != tt.usage {
				t.Errorf("a usage error: %t", !tt.usage)
			}
		})
	}
}

func TestRulesTestForMachines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.WriteFile(t, filepath.Join(dir, "ssh.yaml"), strings.Replace(testedRule, "never ssh", "14:30:30 ssh web-01", 1))
	t.Run("json", func(t *testing.T) {
		out, err := execute(t, "rules", "test", dir, "--output", "json")
		var report struct {
			Passed, Failed int
			Rules          []struct {
				Rule  string
				Cases []struct {
					Passed  bool
					Missing []struct {
						Line     int
						Expected string
						Nearest  []string
					}
				}
			}
		}
		if e := json.Unmarshal([]byte(out), &report); e != nil || err == nil || report.Passed != 1 || report.Failed != 1 {
			t.Fatalf("%v, %v: %s", err, e, out)
		}
		if missing := report.Rules[0].Cases[1].Missing; len(missing) != 1 || missing[0].Line != 14 || missing[0].Expected != "14:30:30 ssh web-01" || len(missing[0].Nearest) == 0 {
			t.Errorf("%+v", missing)
		}
	})
	t.Run("junit", func(t *testing.T) {
		out, err := execute(t, "rules", "test", dir, "--output", "junit")
		var suites struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Suites   []struct {
				Name  string `xml:"name,attr"`
				Cases []struct {
					Name    string `xml:"name,attr"`
					Line    int    `xml:"line,attr"`
					Failure *struct {
						Message string `xml:"message,attr"`
					} `xml:"failure"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		if e := xml.Unmarshal([]byte(out), &suites); e != nil || err == nil || suites.Tests != 2 || suites.Failures != 1 || len(suites.Suites) != 1 {
			t.Fatalf("%v, %v: %s", err, e, out)
		}
		cases := suites.Suites[0].Cases
		if cases[0].Failure != nil || cases[1].Failure == nil || cases[1].Failure.Message != "expected 14:30:30 ssh web-01" || cases[1].Line != 12 {
			t.Errorf("%+v", cases)
		}
	})
}
