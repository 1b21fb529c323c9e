package rule_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/detect/rule"
	"headstart/event"
	rules "headstart/rules.expr"
)

func shippedPack(t testing.TB) *rule.Set {
	t.Helper()
	set, err := rule.Load(rules.Files, "rules.expr")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

var (
	webServer = &rule.Host{Name: "web-01", Roles: []string{"web"}}
	noRoles   = &rule.Host{Name: "box-01"}
)

// seen makes an observation of a connection, some time after noon.
func seen(c *event.Connection, by *rule.Host, after time.Duration) rule.Observation {
	return rule.Observation{Connection: c, Host: by, At: noon.Add(after)}
}

func attempt(port uint16, to string) *event.Connection {
	c := outbound(port, to)
	c.Kind, c.State, c.DirectionFrom = event.Attempted, event.SynSent, event.FromHandshake
	return c
}

func from(address event.Address, c *event.Connection) *event.Connection {
	c.Remote = address
	return c
}

func known(peer *rule.Host, o rule.Observation) rule.Observation {
	o.Peer = peer
	return o
}

// packTest says what the shipped rules that look at single connections make of
// an observation. Nothing is known as normal. What patterns and the baseline do
// is tested where they meet: see the tests that the rules carry.
type packTest struct {
	name string
	seen rule.Observation
	want string
}

func packTests() []packTest {
	bastion := &rule.Host{Name: "jump-01", Roles: []string{"bastion"}}
	pooled := &rule.Host{Name: "shop-01", Roles: []string{"web", "database-pool"}}
	lan, outside := address("10.1.9.9"), address("203.0.113.7")
	overBefore := outbound(5432, "10.1.5.10")
	overBefore.State, overBefore.ClosedAfter, overBefore.ClosedBefore = event.TimeWait, overBefore.SeenUntil, overBefore.SeenUntil
	closed := outbound(5432, "10.1.5.10")
	closed.Kind, closed.ClosedAfter, closed.ClosedBefore = event.Closed, noon.Add(time.Hour), noon.Add(time.Hour)
	local := outbound(5432, "127.0.0.1")
	local.Local = address("127.0.0.1")
	before := listening(4444, "0.0.0.0")
	before.OpenedAfter = time.Time{}
	stopped := listening(4444, "0.0.0.0")
	stopped.Kind = event.StoppedListening
	const minute = time.Minute
	return []packTest{
		{"database session of a web server", seen(outbound(5432, "10.1.5.10"), webServer, 30*time.Second), "database-session-long fires"},
		{"… on MySQL", seen(outbound(3306, "10.1.5.10"), webServer, minute), "database-session-long fires"},
		{"… on SQL Server, outside", seen(outbound(1433, "203.0.113.9"), webServer, minute), "database-session-long fires"},
		{"… shorter", seen(outbound(5432, "10.1.5.10"), webServer, 29*time.Second), "database-session-long waits 1s"},
		{"… that has ended", seen(closed, webServer, time.Hour), ""},
		{"… that was over when it was first seen", seen(overBefore, webServer, time.Hour), ""},
		{"… of a pool", seen(outbound(5432, "10.1.5.10"), pooled, minute), ""},
		{"… of a host without roles", seen(outbound(5432, "10.1.5.10"), noRoles, time.Hour), ""},
		{"… on the host itself", seen(local, webServer, minute), ""},
		{"… of somebody else on the web server", seen(inbound(5432), webServer, minute), ""},

		{"SSH session on a web server", seen(inbound(22), webServer, 5*minute), "ssh-session-long fires"},
		{"… shorter", seen(inbound(22), webServer, 299*time.Second), "ssh-session-long waits 1s"},
		{"… from a jump host", known(bastion, seen(inbound(22), webServer, 5*minute)), ""},
		{"… from outside on any host", seen(from(outside, inbound(22)), noRoles, 5*minute), "ssh-session-long fires"},
		{"… from inside on a host without roles", seen(from(lan, inbound(22)), noRoles, time.Hour), ""},
		{"… of the web server to another host", seen(outbound(22, "10.1.5.10"), webServer, time.Hour), ""},

		{"new listening port", seen(listening(4444, "0.0.0.0"), noRoles, 0), "new-listening-port fires"},
		{"… on IPv6", seen(listening(8081, "::"), webServer, 0), "new-listening-port fires"},
		{"… above those that Linux hands out", seen(listening(61000, "10.1.1.10"), webServer, 0), "new-listening-port fires"},
		{"… that Linux handed out", seen(listening(40000, "0.0.0.0"), noRoles, 0), ""},
		{"… for the host itself", seen(listening(4444, "127.0.0.1"), noRoles, 0), ""},
		{"… that was there before", seen(before, noRoles, 0), ""},
		{"… that is expected", seen(listening(443, "0.0.0.0"), webServer, 0), ""},
		{"… that stopped", seen(stopped, noRoles, 0), ""},

		{"what a web server does all day: requests", seen(inbound(443), webServer, 0), ""},
		{"… HTTPS outward", seen(outbound(443, "203.0.113.9"), webServer, time.Hour), ""},
		{"… monitoring", seen(inbound(9100), webServer, 24*time.Hour), ""},
	}
}

func TestShippedRuleset(t *testing.T) {
	evaluator := rule.NewEvaluator(shippedPack(t))
	for _, test := range packTests() {
		t.Run(test.name, func(t *testing.T) {
			if got := said(single(evaluator.Evaluate(test.seen))); got != test.want {
				t.Errorf("%+v of %+v\ngot  %q\nwant %q", test.seen.Connection, test.seen.Host, got, test.want)
			}
		})
	}
}

// single leaves out the results of patterns.
func single(results []rule.Result) []rule.Result {
	return slices.DeleteFunc(slices.Clone(results), func(r rule.Result) bool { return r.Rule.IsPattern() })
}

// TestShippedRulesAreComplete holds what people need of each rule when it has
// fired: what it means, what to do, and what to look it up by. What only says
// that something is odd about a host (info) is no technique of an intruder.
func TestShippedRulesAreComplete(t *testing.T) {
	for _, r := range shippedPack(t).Rules {
		if !r.Enabled || r.Title == "" || r.Description == "" || r.Guide == "" || r.File != "rules.expr/"+r.ID+".yaml" {
			t.Errorf("%s lacks something: %+v", r.ID, r)
		}
		if len(r.Attack) == 0 && r.Severity > event.Info {
			t.Errorf("%s names no technique of ATT&CK", r.ID)
		}
		if len(r.Unless) > 0 {
			t.Errorf("%s has exceptions: those are of one company, and end", r.ID)
		}
	}
}

// TestShippedTextsNameWhatThereIs holds that a text which sends its reader to a
// list or to another rule sends him to one that is there.
func TestShippedTextsNameWhatThereIs(t *testing.T) {
	set := shippedPack(t)
	lists := string(readFile(t, "lists.yaml"))
	listName := regexp.MustCompile(`\b(?:ports|networks|roles)\.([a-z_]+)`)
	ruleName := regexp.MustCompile(`(?:rule|see) ([a-z]+(?:-[a-z]+)+)|\b([a-z]+(?:-[a-z]+)+) takes over`)
	for _, r := range set.Rules {
		text := strings.Join(strings.Fields(r.Description+" "+r.Guide+" "+strings.Join(r.FalsePositives, " ")), " ")
		for _, m := range listName.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(lists, "\n  "+m[1]+":") {
				t.Errorf("%s speaks of the list %s, which lists.yaml doesn't have", r.ID, m[0])
			}
		}
		for _, m := range ruleName.FindAllStringSubmatch(text, -1) {
			if name := m[1] + m[2]; set.Rule(name) == nil {
				t.Errorf("%s speaks of the rule %s, which isn't there", r.ID, name)
			}
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := rules.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestShippedPackRaisesOneAlertForOneFact holds that no two of the rules that
// look at single connections fire on the same one, whatever its port and host.
func TestShippedPackRaisesOneAlertForOneFact(t *testing.T) {
	t.Parallel()
	evaluator := rule.NewEvaluator(shippedPack(t))
	hosts := []*rule.Host{nil, noRoles, webServer, {Roles: []string{"app"}}, {Roles: []string{"web", "bastion"}}, {Roles: []string{"database"}}}
	for port := 0; port < 1<<16; port += 1 + port/7000*97 {
		for _, h := range hosts {
			for _, c := range []*event.Connection{
				attempt(uint16(port), "10.1.5.10"), outbound(uint16(port), "10.1.5.10"), inbound(uint16(port)), listening(uint16(port), "0.0.0.0"),
			} {
				if results := single(evaluator.Evaluate(seen(c, h, time.Hour))); len(results) > 1 {
					t.Fatalf("port %d of %+v: %s", port, h, said(results))
				}
			}
		}
	}
}
