package rule_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// holds evaluates one condition.
func holds(t *testing.T, when string, o rule.Observation) bool {
	t.Helper()
	set, err := rule.Load(fstest.MapFS{
		"a.yaml":     {Data: []byte(header + "when: |\n  " + strings.ReplaceAll(when, "\n", "\n  ") + "\n")},
		"lists.yaml": {Data: []byte(someLists + "  empty: []\n")},
	}, "rules")
	if err != nil {
		t.Fatalf("%s\n%v", when, err)
	}
	results := rule.NewEvaluator(set).Evaluate(o)
	if len(results) > 1 || len(results) == 1 && results[0].Err != nil {
		t.Fatalf("%s: %+v", when, results)
	}
	return len(results) == 1 && results[0].Wait == 0
}

// session is a database session of a web server, a minute old.
func session() rule.Observation {
	c := outbound(3306, "10.1.5.10")
	c.Retransmits = 2
	return rule.Observation{
		Connection: c,
		At:         noon.Add(time.Minute),
		Host:       &rule.Host{Name: "web-01", Roles: []string{"canary", "web"}, Addresses: []event.Address{address("10.1.1.10"), address("2001:db8::1")}},
		Peer:       &rule.Host{Reports: true, Name: "db-01", Roles: []string{"database"}},
	}
}

func TestConditions(t *testing.T) {
	for _, test := range []struct {
		when string
		want bool
	}{
		{`conn.event == "opened"`, true},
		{`conn.event in ["attempted", "closed"]`, false},
		{`conn.event != "closed" and "opened" == conn.event`, true},
		{`conn.direction == "outbound" and conn.direction_from == "ports"`, true},
		{`conn.local == "10.1.1.10" and conn.peer == "10.1.5.10"`, true},
		{`"10.1.5.10" == conn.peer and "10.1.5.11" != conn.peer`, true},
		{`conn.peer != "10.1.5.10"`, false},
		{`conn.local == conn.peer`, false},
		{`conn.local in host.addresses and not (conn.peer in host.addresses)`, true},
		{`conn.peer in "10.1.0.0/16"`, true},
		{`conn.peer in ["192.0.2.1", "10.1.5.10"]`, true},
		{`conn.peer in ["::/0"]`, false},
		{`conn.peer in ["0.0.0.0/0"]`, true},
		{`conn.peer in networks.internal and not (conn.peer in networks.admin)`, true},
		{`conn.port == 3306 and conn.local_port == 51000 and conn.peer_port == 3306`, true},
		{`conn.port in ports.database`, true},
		{`conn.port not in ports.database`, false},
		{`conn.local_port in ports.database`, false},
		{`conn.port in [22, 3306]`, true},
		{`conn.port in 3000..4000 and not (conn.port in 1..3000)`, true},
		{`conn.port > 1024 and 4000 > conn.port and 1 < conn.port < 5000`, true},
		{`conn.port <= 3305 or conn.port >= 3307`, false},
		{`conn.state == "ESTABLISHED" and conn.state startsWith "EST"`, true},
		{`conn.age.min == duration("60s") and conn.age.max == duration("1m30s")`, true},
		{`conn.age.min > duration("1m")`, false},
		{`conn.age.max - conn.age.min == duration("30s")`, true},
		{`conn.open and not conn.attempted and not conn.closed and conn.reason == ""`, true},
		{`conn.open == true and conn.closed == false and conn.closed != true`, true},
		{`not conn.began_before and not conn.loopback`, true},
		{`conn.uid == 1000 and conn.retransmits >= 2`, true},
		{`conn.uid + 1 > 1000 ? conn.open : conn.closed`, true},
		{`host.name == "web-01" and host.name startsWith "web" and host.name endsWith "01" and host.name contains "-"`, true},
		{`host.name matches "^web-[0-9]+$"`, true},
		{`lower(host.name) == "web-01" and upper(host.name) == "WEB-01" and len(host.name) == 6`, true},
		{`host in roles.web`, true},
		{`host not in roles.web`, false},
		{`peer in roles.web`, false},
		{`host in roles.empty or peer in roles.empty`, false},
		{`"web" in host.roles and "database" in peer.roles`, true},
		{`"web" in peer.roles`, false},
		{`any(host.roles, # == "web")`, true},
		{`any(host.roles, # in roles.web) and not all(host.roles, # in roles.web)`, true},
		{`one(host.roles, # startsWith "c") and none(host.roles, # == "x") and count(host.roles, len(#) > 2) == 2`, true},
		{`any(host.addresses, # in "2001:db8::/32") and any(host.addresses, # == "10.1.1.10")`, true},
		{`len(host.addresses) == 2`, true},
		{`any([22, 3306], # == conn.port)`, true},
		{`peer.name == "db-01" and peer.internal and not peer.external and peer.known`, true},
		{`peer.name in ["db-01", "db-02"]`, true},
		{`now > date("2026-06-05") and now < date("2026-06-05T12:02:00Z")`, true},
		{`true`, true},
		{`not true or false`, false},
		{"conn.open // a comment\nand /* another */ conn.port == 3306", true},
	} {
		if got := holds(t, test.when, session()); got != test.want {
			t.Errorf("%s is %v", test.when, got)
		}
	}
}

func TestWhatConditionsSeeOf(t *testing.T) {
	for _, test := range []struct {
		name, when string
		change     func(*rule.Observation)
	}{
		{"an inbound connection", `conn.direction == "inbound" and conn.port == 22 and conn.local_port == 22 and conn.peer_port == 51000`,
			func(o *rule.Observation) { o.Connection = inbound(22) }},
		{"an attempt", `conn.event == "attempted" and conn.attempted and not conn.open and not conn.closed`,
			func(o *rule.Observation) { o.Connection.Kind, o.Connection.State = event.Attempted, event.SynSent }},
		{"a closed connection", `conn.event == "closed" and conn.closed and not conn.open and conn.reason == "time-wait" and conn.age.min == duration("5s")`,
			func(o *rule.Observation) {
				c := o.Connection
				c.Kind, c.State, c.Reason = event.Closed, event.TimeWait, event.TimedWait
				c.ClosedAfter, c.ClosedBefore = noon.Add(5*time.Second), noon.Add(5*time.Second)
			}},
		{"a connection that is first seen in TIME_WAIT", `conn.event == "opened" and not conn.open and conn.age.min == duration("0s")`,
			func(o *rule.Observation) {
				c := o.Connection
				c.State, c.ClosedAfter, c.ClosedBefore = event.TimeWait, c.SeenUntil, c.SeenUntil
			}},
		{"a connection from before", `conn.began_before and conn.age.min == duration("1m") and conn.age.max > duration("1000000h")`,
			func(o *rule.Observation) { o.Connection.OpenedAfter = time.Time{} }},
		{"a listening socket", `conn.event == "listening" and conn.direction == "" and conn.direction_from == "" and conn.state == "LISTEN"
  and conn.port == 4444 and conn.local == "0.0.0.0" and conn.peer_port == 0 and not conn.open and not conn.loopback
  and not peer.internal and not peer.external and not peer.known and peer.name == ""`,
			func(o *rule.Observation) { o.Connection = listening(4444, "0.0.0.0") }},
		{"a socket that stopped listening", `conn.event == "stopped" and conn.closed and not conn.open and conn.age.min == duration("10s")`,
			func(o *rule.Observation) {
				o.Connection = listening(4444, "0.0.0.0")
				o.Connection.Kind = event.StoppedListening
				o.Connection.ClosedAfter, o.Connection.ClosedBefore = noon.Add(10*time.Second), noon.Add(20*time.Second)
			}},
		{"a listener on loopback", `conn.loopback`, func(o *rule.Observation) { o.Connection = listening(4444, "127.0.0.53") }},
		{"a listener on IPv6 loopback", `conn.loopback`, func(o *rule.Observation) { o.Connection = listening(4444, "::1") }},
		{"a connection over loopback", `conn.loopback`, func(o *rule.Observation) {
			o.Connection.Local, o.Connection.Remote = address("127.0.0.1"), address("127.0.0.1")
		}},
		{"a host's connection to its own address", `conn.loopback`, func(o *rule.Observation) { o.Connection.Remote = o.Connection.Local }},
		{"an external peer that is not known", `peer.external and not peer.internal and not peer.known and peer.name == "" and len(peer.roles) == 0`,
			func(o *rule.Observation) { o.Connection.Remote, o.Peer = address("203.0.113.7"), nil }},
		{"a host of which nothing is known", `host.name == "" and not (host in roles.web) and len(host.addresses) == 0`,
			func(o *rule.Observation) { o.Host = nil }},
		{"numbers that have no name", `conn.event != "opened" and conn.state != "ESTABLISHED" and conn.direction != "inbound"`,
			func(o *rule.Observation) {
				o.Connection.Kind, o.Connection.State, o.Connection.Direction = 200, 200, 200
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := session()
			test.change(&o)
			if !holds(t, test.when, o) {
				t.Errorf("%s doesn't hold", test.when)
			}
		})
	}
}

func listening(port uint16, on string) *event.Connection {
	return &event.Connection{
		Kind: event.Listening, State: event.Listen, Local: address(on), LocalPort: port, Inode: 4712,
		OpenedAfter: noon.Add(-30 * time.Second), OpenedBefore: noon, SeenUntil: noon,
	}
}
