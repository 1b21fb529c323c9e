package rule_test

import (
	"testing"
	"time"

	"headstart/event"
	rules "headstart/rules.expr"
	"headstart/services/correlator/rule"
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

// packTest says what the shipped rules make of an observation.
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

		{"SMB from a web server", seen(outbound(445, "10.1.5.10"), webServer, 0), "smb-from-web-server fires"},
		{"… attempted", seen(attempt(445, "10.1.5.10"), webServer, 0), "smb-from-web-server fires"},
		{"… over NetBIOS", seen(outbound(139, "10.1.5.10"), webServer, 0), "smb-from-web-server fires"},
		{"… from another host", seen(outbound(445, "10.1.5.10"), noRoles, time.Hour), ""},
		{"… to a web server", seen(inbound(445), webServer, time.Hour), ""},

		{"RDP from a web server", seen(outbound(3389, "10.1.7.10"), webServer, 0), "rdp-from-web-server fires"},
		{"… attempted", seen(attempt(3389, "10.1.7.10"), webServer, 0), "rdp-from-web-server fires"},
		{"… from another host", seen(outbound(3389, "10.1.7.10"), noRoles, time.Hour), ""},
		{"… next port", seen(outbound(3390, "10.1.7.10"), webServer, time.Hour), ""},

		{"WinRM from a web server", seen(outbound(5985, "10.1.7.10"), webServer, 0), "winrm-from-web-server fires"},
		{"… with TLS", seen(attempt(5986, "10.1.7.10"), webServer, 0), "winrm-from-web-server fires"},
		{"… from another host", seen(outbound(5986, "10.1.7.10"), noRoles, time.Hour), ""},

		{"unanswered SSH from a web server", seen(attempt(22, "10.1.5.10"), webServer, 0), "remote-administration-attempt fires"},
		{"unanswered SMB from any host", seen(attempt(445, "10.1.5.10"), noRoles, 0), "remote-administration-attempt fires"},
		{"unanswered RDP from any host", seen(attempt(3389, "203.0.113.9"), noRoles, 0), "remote-administration-attempt fires"},
		{"unanswered WinRM from any host", seen(attempt(5985, "10.1.5.10"), noRoles, 0), "remote-administration-attempt fires"},
		{"… with TLS", seen(attempt(5986, "10.1.5.10"), nil, 0), "remote-administration-attempt fires"},
		{"… answered", seen(outbound(22, "10.1.5.10"), noRoles, time.Hour), ""},
		{"… from a jump host", seen(attempt(22, "10.1.5.10"), bastion, 0), ""},
		{"unanswered HTTPS", seen(attempt(443, "10.1.5.10"), noRoles, 0), ""},

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

func TestShippedPack(t *testing.T) {
	evaluator := rule.NewEvaluator(shippedPack(t))
	for _, test := range packTests() {
		t.Run(test.name, func(t *testing.T) {
			if got := said(evaluator.Evaluate(test.seen)); got != test.want {
				t.Errorf("%+v of %+v\ngot  %q\nwant %q", test.seen.Connection, test.seen.Host, got, test.want)
			}
		})
	}
}

// TestShippedRulesAreTested holds that each rule of the pack fires in one of
// the cases above, with a neighbour in which it doesn't.
func TestShippedRulesAreTested(t *testing.T) {
	set := shippedPack(t)
	evaluator := rule.NewEvaluator(set)
	fired := make(map[string]bool)
	for _, test := range packTests() {
		for _, result := range evaluator.Evaluate(test.seen) {
			fired[result.Rule.ID] = fired[result.Rule.ID] || result.Fires()
		}
	}
	for _, r := range set.Rules {
		if !fired[r.ID] {
			t.Errorf("no test lets %s fire", r.ID)
		}
		if !r.Enabled || r.Description == "" || r.Guide == "" || len(r.Attack) == 0 || r.File != "rules.expr/"+r.ID+".yaml" {
			t.Errorf("%s lacks something: %+v", r.ID, r)
		}
	}
}

func TestShippedPackRaisesOneAlertForOneFact(t *testing.T) {
	evaluator := rule.NewEvaluator(shippedPack(t))
	hosts := []*rule.Host{nil, noRoles, webServer, {Roles: []string{"app"}}, {Roles: []string{"web", "bastion"}}, {Roles: []string{"database"}}}
	for port := 0; port < 1<<16; port += 1 + port/7000*97 {
		for _, h := range hosts {
			for _, c := range []*event.Connection{
				attempt(uint16(port), "10.1.5.10"), outbound(uint16(port), "10.1.5.10"), inbound(uint16(port)), listening(uint16(port), "0.0.0.0"),
			} {
				if results := evaluator.Evaluate(seen(c, h, time.Hour)); len(results) > 1 {
					t.Fatalf("port %d of %+v: %s", port, h, said(results))
				}
			}
		}
	}
}
