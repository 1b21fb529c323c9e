package rule

import (
	"strings"
	"testing"

	"github.com/expr-lang/expr/ast"

	"headstart/detect/rule/condition"
)

func TestConditionsThatCanNotHold(t *testing.T) {
	const lists = `
ports: {ssh: [22], none: []}
networks: {internal: [10.0.0.0/8], none: []}
roles: {web: [web, frontend], servers: [web, frontend, db], none: []}
`
	s := newSource("lists.yaml")
	l := condition.NewLists()
	readLists(l, s, []byte(lists))
	lang := condition.NewLanguage(l, &condition.Macros{}, nil)
	parse := func(t *testing.T, text string) ast.Node {
		tree, mistakes := lang.Parse(text)
		if mistakes != nil {
			t.Fatal(mistakes)
		}
		return tree.Node
	}
	r := &condition.Reasoner{Lists: l, Language: lang, Kinds: condition.KindsOfChange(), Thresholds: map[string]string{"long": "5m", "many": "20"},
		Macros: map[string]ast.Node{"ssh": parse(t, "conn.port == 22 and macros.out"), "out": parse(t, `conn.direction == "outbound"`)}}
	for _, test := range []struct{ when, clash string }{
		{"false", "false"},
		{"true", ""},
		{"conn.open", ""},
		{"conn.port == 22 and conn.port == 23", "conn.port == 22, conn.port == 23"},
		{"conn.open and conn.port == 22 and not (conn.port in ports.ssh)", "conn.port == 22, not (conn.port in ports.ssh)"},
		{"conn.port == 22 or conn.port == 23", ""},
		{"(conn.port == 22 or conn.port == 23) and conn.port > 100", "conn.port == 22, conn.port > 100"},
		{"conn.port in [22, 23] and conn.port in 1000..2000", "conn.port in [22, 23], conn.port in 1000..2000"},
		{"conn.port in [22, 23] and conn.port != 22", ""},
		{"conn.port in ports.none", "conn.port in ports.none"},
		{"conn.port not in ports.none", ""},
		{"conn.peer in networks.none or host in roles.none", "conn.peer in networks.none"},
		{`conn.direction == "inbound" and conn.direction == "outbound"`, `conn.direction == "inbound", conn.direction == "outbound"`},
		{`conn.direction == "inbound" and conn.event == "listening"`, `conn.direction == "inbound", conn.event == "listening"`},
		{`conn.state in ["SYN_SENT", "LISTEN"] and conn.direction == "outbound"`, ""},
		{`conn.state == "LISTEN" and conn.direction == "outbound"`, `conn.state == "LISTEN", conn.direction == "outbound"`},
		{"conn.open and conn.closed", "conn.open, conn.closed"},
		{"conn.open and conn.attempted == true", "conn.open, conn.attempted == true"},
		{`conn.open and conn.reason != ""`, `conn.open, conn.reason != ""`},
		{`conn.event != "closed" and conn.closed and conn.open == false`, ""},
		{"peer.internal and peer.external", "peer.internal, peer.external"},
		{"peer.internal and not peer.external", ""},
		{"not peer.internal and not peer.external and conn.port == 22", ""},
		{"conn.hour < 6 and conn.hour > 20", "conn.hour < 6, conn.hour > 20"},
		{"conn.hour >= 24", "conn.hour >= 24"},
		{"6 > conn.hour and 6 <= conn.hour", "6 > conn.hour, 6 <= conn.hour"},
		{"baseline.days > 3 and baseline.days <= 3", "baseline.days > 3, baseline.days <= 3"},
		{"baseline.days >= 3 and baseline.days <= 3", ""},
		{"not (baseline.days < 20) and baseline.days < thresholds.many", "not (baseline.days < 20), baseline.days < thresholds.many"},
		{`conn.age.min > duration("5m") and conn.age.max < duration("3m")`, `conn.age.min > duration("5m"), conn.age.max < duration("3m")`},
		{`conn.age.min > thresholds.long and conn.age.min < 2 * duration("1m")`, `conn.age.min > thresholds.long, conn.age.min < 2 * duration("1m")`},
		{`conn.age.min < duration("0s")`, `conn.age.min < duration("0s")`},
		{"baseline.unusual and baseline.known", "baseline.unusual, baseline.known"},
		{"baseline.unusual and not baseline.known", ""},
		{"host in roles.web and not (host in roles.servers)", "host in roles.web, not (host in roles.servers)"},
		{"host in roles.servers and not (host in roles.web)", ""},
		{"host in roles.web and not (peer in roles.servers)", ""},
		{`"web" in host.roles and not (host in roles.web)`, `"web" in host.roles, not (host in roles.web)`},
		{`host.name == "a" and host.name == "b"`, `host.name == "a", host.name == "b"`},
		{`host.name == "a" and host.name != "b"`, ""},
		{`host.name in ["a", "b"] and host.name not in ["a", "b", "c"]`, `host.name in ["a", "b"], not (host.name in ["a", "b", "c"])`},
		{`conn.peer == "::ffff:10.0.0.1" and conn.peer != "10.0.0.1"`, `conn.peer == "::ffff:10.0.0.1", conn.peer != "10.0.0.1"`},
		{`host.name startsWith "a" and not (host.name startsWith "a")`, `host.name startsWith "a", not (host.name startsWith "a")`},
		{"macros.ssh and conn.port == 23", "conn.port == 22, conn.port == 23"},
		{`macros.ssh and conn.direction == "inbound"`, `conn.direction == "outbound", conn.direction == "inbound"`},
		{"not macros.ssh and conn.port == 22", ""},
		{`fired("x", host) and not fired("x", host)`, `fired("x", host), not (fired("x", host))`},
		{strings.Repeat("(conn.open or conn.closed) and ", 20) + "false", ""}, // too many branches to look at
	} {
		t.Run(test.when, func(t *testing.T) {
			branches, _ := r.Branches(parse(t, test.when), true, -1, 0)
			var names []string
			for _, term := range r.Never(branches, false) {
				names = append(names, term.String())
			}
			if got := strings.Join(names, ", "); got != test.clash {
				t.Errorf("got %q, want %q", got, test.clash)
			}
		})
	}
}
