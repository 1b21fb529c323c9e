package rule_test

import (
	"reflect"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
)

const needsLists = `
ports: {ssh: [22], high: ["1024-65535", 1023]}
networks: {office: [192.0.2.0/24, 192.0.2.7, "2001:db8::/32", 0.0.0.0/0]}
roles: {web: [web, frontend], desk: [desk]}
hosts: {jump: [jump-01, "jump-1*"]}
`

func TestNeeds(t *testing.T) {
	web, desk := rule.RoleList{Name: "roles.web", Roles: []string{"frontend", "web"}}, rule.RoleList{Name: "roles.desk", Roles: []string{"desk"}}
	named := rule.RoleList{Name: `"db"`, Roles: []string{"db"}}
	const ssh = "conn.port in ports.ssh"
	for _, tt := range []struct {
		name, text string
		want       rule.Needs
	}{
		{"nothing", "when: " + ssh, rule.Needs{}},
		{"for", "when: " + ssh + "\nfor: 5m", rule.Needs{Lengths: []time.Duration{5 * time.Minute}}},
		{"an age", `when: conn.age.min >= duration("30s") and ` + ssh, rule.Needs{Lengths: []time.Duration{30 * time.Second}}},
		{"the longer of two", "when: duration(\"30s\") < conn.age.min\nfor: 10s", rule.Needs{Lengths: []time.Duration{30 * time.Second}}},
		{"a threshold", "thresholds: {session: 7m}\nwhen: conn.age.min > thresholds.session", rule.Needs{Lengths: []time.Duration{7 * time.Minute}}},
		{"what may be long", `when: conn.age.max > duration("30s")`, rule.Needs{}},
		{"a length that isn't asked for in every case", `when: conn.age.min > duration("30s") or ` + ssh, rule.Needs{}},
		{"a length of the baseline", "when: conn.age.min > 3 * baseline.length.p99", rule.Needs{Baseline: true}},
		{"roles", "when: host in roles.web and peer in roles.desk", rule.Needs{Hosts: []rule.RoleList{web}, Peers: []rule.RoleList{desk}}},
		{"a role by its name", `when: '"db" in peer.roles'`, rule.Needs{Peers: []rule.RoleList{named}}},
		{"one of two roles", "when: host in roles.web or host in roles.desk", rule.Needs{}},
		{"no role", "when: not (host in roles.web)", rule.Needs{}},
		{"not without", "when: not (host not in roles.web)", rule.Needs{Hosts: []rule.RoleList{web}}},
		{"the baseline", "when: baseline.unusual", rule.Needs{Baseline: true}},
		{"the usual fan-out", "when: " + ssh + "\ncount: {by: host.name, of: conn.peer, within: 1m, at_least: 5, above_usual: 2}", rule.Needs{Baseline: true}},
		{"steps", `sequence:
  within: 5m
  steps:
    - {when: host in roles.web, by: host.name, for: 1m}
    - {when: host in roles.desk and conn.age.min > duration("2m"), by: host.name}`,
			rule.Needs{Lengths: []time.Duration{time.Minute, 2 * time.Minute}, Hosts: []rule.RoleList{web, desk}}},
		{"what is absent", "when: host in roles.web\nabsent: {of: poller, for: 5m}", rule.Needs{Hosts: []rule.RoleList{web}}},
		{"what is absent everywhere", "absent: {of: poller, for: 5m}", rule.Needs{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := needsSet(t, tt.text)
			if got := set.Needs(set.Rules[0]); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func needsSet(t *testing.T, text string) *rule.Set {
	t.Helper()
	set, err := rule.Load(fstest.MapFS{
		"a.yaml":      {Data: []byte("rule: a\ntitle: A\nseverity: high\n" + text)},
		"lists.yaml":  {Data: []byte(needsLists)},
		"macros.yaml": {Data: []byte("login: conn.port in ports.ssh\n")},
	}, "rules")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestContents(t *testing.T) {
	got := needsSet(t, "when: conn.port == 22").Contents()
	want := map[string][]string{
		"ports.ssh": {"22"}, "ports.high": {"1023-65535"},
		"networks.office":   {"0.0.0.0/0", "2001:db8::/32"},
		"networks.internal": got["networks.internal"],
		"roles.web":         {"frontend", "web"}, "roles.desk": {"desk"},
		"hosts.jump":   {"jump-01", "jump-1*"},
		"macros.login": {"conn.port in ports.ssh"},
	}
	if !reflect.DeepEqual(got, want) || len(got["networks.internal"]) < 8 || got["networks.internal"][0] != "10.0.0.0/8" {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
