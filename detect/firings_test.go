package detect_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/rule"
	"headstart/event"

	"golang.org/x/tools/txtar"
)

const blocks = `
-- hosts --
web-01   10.1.1.11  reports  web
db-01    10.1.5.10  reports  database
stranger 203.0.113.7
-- scene the block fires first --
10:00:00 stranger -> web-01:22 for 1h
10:05:00 web-01 -> db-01:5432 for 1h
-- scene the block fires while the connection is open --
10:00:00 web-01 -> db-01:5432 for 1h
10:05:00 stranger -> web-01:22 for 1h
-- scene both with one reading --
10:00:05 stranger -> web-01:22 for 1h
10:00:06 web-01 -> db-01:5432 for 1h
-- scene the connection was over before --
10:00:00 web-01 -> db-01:5432 for 1m
10:05:00 stranger -> web-01:22 for 1h
-- scene too long ago --
10:00:00 stranger -> web-01:22 for 1m
11:30:00 web-01 -> db-01:5432 for 1m
-- scene the block alone --
10:00:00 stranger -> web-01:22 for 1h
`

func blockRules(t *testing.T) *rule.Set {
	t.Helper()
	set, err := rule.Load(fstest.MapFS{
		"a.yaml": {Data: []byte("rule: login\ntitle: T\nseverity: low\nalert: false\nwhen: conn.direction == \"inbound\" and conn.port == 22\n")},
		"b.yaml": {Data: []byte("rule: login-then-database\ntitle: T\nseverity: high\nwhen: conn.direction == \"outbound\" and conn.port == 5432 and fired(\"login\", host, duration(\"1h\"))\n")},
		"c.yaml": {Data: []byte("rule: at-the-database\ntitle: T\nseverity: high\nwhen: conn.direction == \"inbound\" and conn.port == 5432 and fired(\"login-then-database\", peer)\n")},
	}, "rules")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestFiredFeedsOtherRules holds when a rule that asks about another fires, that
// a building block raises nothing, and that a restart between any two messages
// changes nothing.
func TestFiredFeedsOtherRules(t *testing.T) {
	set := blockRules(t)
	s, err := parseScript(txtar.Parse([]byte(blocks)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"the block fires first":                        "10:05:00 login-then-database web-01, 10:05:07 at-the-database db-01",
		"the block fires while the connection is open": "10:05:00 login-then-database web-01, 10:05:07 at-the-database db-01",
		"both with one reading":                        "10:00:30 login-then-database web-01, 10:00:37 at-the-database db-01",
		"the connection was over before":               "",
		"too long ago":                                 "",
		"the block alone":                              "",
	}
	for _, sc := range s.scenes {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			p, err := s.stage(sc)
			if err != nil {
				t.Fatal(err)
			}
			o := detect.Options{Baseline: baseline.Options{Learning: 24 * time.Hour}}
			c := detect.New(set, o)
			var got []string
			for _, m := range p.messages(p.begin, p.dense, p.end) {
				for _, a := range apply(t, c, &m).Alerts {
					got = append(got, a.At.Format(clock)+" "+a.Rule+" "+a.Host)
				}
				saved, err := c.Save()
				if err != nil {
					t.Fatal(err)
				}
				c = detect.New(set, o)
				if err := c.Restore(saved); err != nil {
					t.Fatal(err)
				}
			}
			expected, ok := want[sc.name]
			if got := strings.Join(got, ", "); !ok || got != expected {
				t.Errorf("got %q, want %q", got, expected)
			}
		})
	}
}

// TestFiringsAreBounded holds that what fired(…) sees has a cap and an expiry.
func TestFiringsAreBounded(t *testing.T) {
	c := detect.New(blockRules(t), detect.Options{MaxHosts: 20})
	at := dayStart(1)
	login := func(host string, n uint64) {
		conn := event.Connection{
			ID: event.ConnectionID{byte(n)}, Kind: event.Opened, State: event.Established, Direction: event.Inbound, DirectionFrom: event.FromListener,
			Local: event.Address{Hi: 0, Lo: 0xffff0a010101}, Remote: event.Address{Hi: 0, Lo: 0xffffcb007107}, LocalPort: 22, RemotePort: 50000,
			OpenedAfter: at.Add(-time.Second), OpenedBefore: at, SeenUntil: at,
		}
		c.Apply(&event.Changes{
			Host: host, BootID: "b", Run: "r", Sequence: n, ObservedAt: at, Interval: pollEvery, Part: 1, Parts: 1, Connections: []event.Connection{conn},
		}, at)
	}
	for n := range 30 {
		at = at.Add(time.Minute)
		login("host-"+string(rune('a'+n)), 1)
	}
	if got := c.Sizes().Firings; got != 20 {
		t.Errorf("%d firings of 20 hosts", got)
	}
	at = at.Add(5 * time.Hour)
	login("host-a", 2)
	if got := c.Sizes().Firings; got != 1 {
		t.Errorf("%d firings five hours later, want the one", got)
	}
}
