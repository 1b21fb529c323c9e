package scaffold_test

import (
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/detect/rule/format"
	"headstart/event"
	"headstart/rulekit/scaffold"
	rules "headstart/rules.expr"
)

func pack(t testing.TB) *rule.Set {
	t.Helper()
	set, err := rule.Load(rules.Files, "default")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// FuzzFile writes rules with any words of people's in them. Each loads beside the
// pack's lists, and says what it was told.
func FuzzFile(f *testing.F) {
	f.Add("FTP: from web servers", uint8(0), uint16(21), true)
	f.Add("true", uint8(1), uint16(22), false)
	f.Add("'", uint8(2), uint16(445), true)
	f.Add("{a: \x1b[2J}", uint8(3), uint16(1), false)
	lists, err := rules.Files.ReadFile("lists.yaml")
	if err != nil {
		f.Fatal(err)
	}
	set := pack(f)
	f.Fuzz(func(t *testing.T, title string, kind uint8, port uint16, inbound bool) {
		title = strings.Join(strings.Fields(title), " ")
		if title == "" || len(title) > 60 || port == 0 {
			return
		}
		d := &scaffold.Draft{
			ID: "a-rule", Title: title, Severity: "low", Kind: scaffold.Kind(scaffold.Kinds()[kind%4]), Inbound: inbound,
			Service: scaffold.ServiceOf(set, port), Then: scaffold.ServiceOf(set, 22), State: "conn.open", Attack: []string{"T1021"},
			Host:   scaffold.End{Term: "host in roles.web", Name: "web-01", Address: "10.1.1.11", Roles: []string{"web"}},
			Peer:   scaffold.End{Term: "peer.external", Name: "stranger-01", Address: "203.0.113.7", External: true},
			Length: 5 * time.Minute, AtLeast: 3, Within: 10 * time.Minute,
		}
		text := d.File("")
		made, err := rule.Load(fstest.MapFS{"lists.yaml": {Data: lists}, "a-rule.yaml": {Data: []byte(text)}}, "new")
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if r := made.Rule("a-rule"); r == nil || r.Title == "" || r.Tests == nil || len(r.Tests.Cases) != 2 {
			t.Fatalf("%+v of\n%s", r, text)
		}
		if _, err := format.File("a-rule.yaml", []byte(text)); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	})
}

func TestServiceIsTheSmallestListThatHasThePort(t *testing.T) {
	set := pack(t)
	for port, want := range map[uint16]string{22: "conn.port in ports.ssh", 3306: "conn.port in ports.database", 445: "conn.port in ports.smb", 9999: "conn.port == 9999", 443: "conn.port == 443", 40000: "conn.port == 40000"} {
		s := scaffold.ServiceOf(set, port)
		if s.Term != want || s.Port != port || s.Other == port {
			t.Errorf("%d: %+v, want %s", port, s, want)
		}
	}
}

func TestIDOf(t *testing.T) {
	for title, want := range map[string]string{"FTP: from web servers!": "ftp-from-web-servers", "  ": "", "Ünïcode 7": "n-code-7", strings.Repeat("ab ", 40): strings.Trim(strings.Repeat("ab-", 22)[:64], "-")} {
		if got := scaffold.IDOf(title); got != want {
			t.Errorf("%q: %q, want %q", title, got, want)
		}
	}
}

// TestHostileHostsAreKeptOut makes a rule and an exception of a connection between
// hosts whose names and roles would be YAML, or rows of a table.
func TestHostileHostsAreKeptOut(t *testing.T) {
	set := pack(t)
	const name = "a\nrule: x\n\x1b[2J\" or true"
	e := &scaffold.Example{
		Connection: &event.Connection{Kind: event.Opened, Direction: event.Outbound, Local: address("10.1.1.1"), Remote: address("10.1.1.2"), RemotePort: 22, State: event.Established},
		Host:       &rule.Host{Name: name, Roles: []string{"x y", "web\n- z", "reports"}}, Peer: &rule.Host{Name: name + "2", Roles: []string{"a: b"}, Reports: true},
	}
	d, err := scaffold.Like(set, e)
	if err != nil {
		t.Fatal(err)
	}
	d.ID, d.Title, d.Severity = "a-rule", "T", "low"
	lists, err := rules.Files.ReadFile("lists.yaml")
	if err != nil {
		t.Fatal(err)
	}
	long := set.Rule("ssh-session-long")
	original, err := rules.Files.ReadFile("ssh-session-long.yaml")
	if err != nil {
		t.Fatal(err)
	}
	x := scaffold.Except(long, e, scaffold.Exception{Owner: name, Reason: name, Expires: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)})
	made, err := rule.Load(fstest.MapFS{
		"lists.yaml": {Data: lists}, "a-rule.yaml": {Data: []byte(d.File(""))}, "ssh-session-long.yaml": {Data: original}, "x.yaml": {Data: []byte(x)},
	}, "new")
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, d.File(""), x)
	}
	if made.Rule("x") != nil || len(made.Rule("ssh-session-long").Unless) != 1 {
		t.Errorf("it said\n%s\n%s", d.File(""), x)
	}
	if strings.Contains(x+d.File(""), "\x1b") {
		t.Errorf("an escape sequence in\n%s\n%s", x, d.File(""))
	}
}

func address(text string) event.Address { return event.AddressFrom(netip.MustParseAddr(text)) }
