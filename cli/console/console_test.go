package console

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"headstart/cli/clitest"
	"headstart/event"
	"headstart/term"
)

var (
	berlin = time.FixedZone("CEST", 2*3600)
	half   = time.Date(2025, 6, 5, 12, 30, 0, 0, time.UTC)
)

func testConsole(p term.Page) (*Console, *bytes.Buffer) {
	var out bytes.Buffer
	c := New(&out, "web-01", false)
	c.Zone, c.Day, c.Page = berlin, dayOf(half.In(berlin)), func() term.Page { p.Margin = TextColumn; return p }
	return c, &out
}

func session(kind event.Kind) event.Connection {
	return event.Connection{
		Kind: kind, ID: event.ConnectionID{1}, Local: clitest.Address("10.1.1.10"), LocalPort: 41822, Remote: clitest.Address("10.1.3.20"), RemotePort: 5432,
		State: event.Established, UID: 33, Inode: 4711, Direction: event.Outbound, DirectionFrom: event.FromPorts,
		OpenedAfter: half.Add(-60 * time.Second), OpenedBefore: half.Add(-30 * time.Second), SeenUntil: half,
	}
}

func alertOn(c event.Connection, change func(*event.Alert)) *event.Alert {
	a := &event.Alert{
		ID: event.AlertID("database-session-long", c.ID), Rule: "database-session-long", Severity: event.High,
		Title: "Web server holds a database session open", At: half, Host: "web-01",
		Guide:      "1. On the web server, find the process that owns the connection\n   (ss -tnp dst DATABASE) and its parent.\n2. On the database, look at what it reads.\n",
		Connection: event.DescribeConnection(&c, half),
		Evidence:   []event.Evidence{{At: half, Source: c.Local, Destination: c.Remote, Port: c.RemotePort, State: c.State, Row: event.DescribeRow(&c)}},
	}
	if change != nil {
		change(a)
	}
	return a
}

// alerts are one of each kind that looks different.
func alerts() []*event.Alert {
	listening := event.Connection{Kind: event.Listening, ID: event.ConnectionID{2}, Local: clitest.Address("::"), LocalPort: 4444, State: event.Listen, UID: 33, Inode: 4712, OpenedBefore: half}
	attempt := session(event.Attempted)
	attempt.ID, attempt.State, attempt.Remote, attempt.RemotePort = event.ConnectionID{3}, event.SynSent, clitest.Address("2001:db8::77"), 445
	attempt.OpenedAfter, attempt.OpenedBefore = half.Add(-30*time.Second), half
	inbound := session(event.Opened)
	inbound.ID, inbound.Direction, inbound.LocalPort, inbound.RemotePort = event.ConnectionID{4}, event.Inbound, 22, 50122
	inbound.OpenedAfter, inbound.OpenedBefore, inbound.Inode = time.Time{}, half.Add(-2*time.Hour), 0
	return []*event.Alert{
		alertOn(session(event.Opened), func(a *event.Alert) { a.Peer = &event.AlertPeer{Address: clitest.Address("10.1.3.20"), Host: "db-01"} }),
		alertOn(listening, func(a *event.Alert) {
			a.Rule, a.Title, a.Severity, a.Guide = "new-listening-port", "New listening port", event.Low, ""
		}),
		alertOn(attempt, func(a *event.Alert) {
			a.Rule, a.Title, a.Severity = "smb-from-web-server", "Web server connects to a file share", event.Critical
			a.Guide = "Look at the process."
		}),
		alertOn(inbound, func(a *event.Alert) {
			a.At = half.Add(10 * time.Hour) // another day in Berlin
			a.Host, a.Rule, a.Title, a.Severity = "files-01", "ssh-session-long", "SSH session that lasts", event.Medium
			a.Peer = &event.AlertPeer{Address: clitest.Address("10.1.3.20"), Host: "bastion"}
		}),
	}
}

func TestAlerts(t *testing.T) {
	for _, tt := range []struct {
		file string
		page term.Page
	}{
		{"alerts.txt", term.Page{}},
		{"alerts-80-columns.txt", term.Page{Columns: 80}},
		{"alerts-40-columns.txt", term.Page{Columns: 40}},
		{"alerts-in-colour.txt", term.Page{Columns: 100, Colour: true}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			c, out := testConsole(tt.page)
			for _, a := range alerts() {
				c.Alert(a)
			}
			clitest.Golden(t, tt.file, out.String())
		})
	}
}

func TestChanges(t *testing.T) {
	closed := func(reason event.Reason, change func(*event.Connection)) event.Connection {
		c := session(event.Closed)
		c.Reason, c.ClosedAfter, c.ClosedBefore = reason, half.Add(-10*time.Second), half
		if change != nil {
			change(&c)
		}
		return c
	}
	exact := func(c *event.Connection) { c.ClosedAfter = half; c.OpenedAfter = c.OpenedBefore }
	brief := func(c *event.Connection) {
		c.ID, c.OpenedBefore, c.ClosedAfter, c.ClosedBefore = event.ConnectionID{9}, half.Add(-5*time.Second), half.Add(-5*time.Second), half.Add(-5*time.Second)
	}
	inbound := session(event.Opened)
	inbound.ID, inbound.Direction, inbound.LocalPort, inbound.RemotePort = event.ConnectionID{5}, event.Inbound, 443, 50122
	attempt := session(event.Attempted)
	attempt.Retransmits = 2
	before := session(event.Opened)
	before.ID, before.OpenedAfter = event.ConnectionID{6}, time.Time{}
	opened := session(event.Opened)
	brief(&opened)
	listening := event.Connection{Kind: event.Listening, LocalPort: 8080, Local: clitest.Address("0.0.0.0"), State: event.Listen, UID: 33}
	stopped := listening
	stopped.Kind = event.StoppedListening

	first := event.Changes{Host: "web-01", ObservedAt: half, Open: 12, Listening: 1, Part: 1, Parts: 2, Connections: []event.Connection{before}}
	rest := first
	rest.Part = 2
	second := event.Changes{Host: "web-01", ObservedAt: half, PreviousAt: half.Add(-30 * time.Second), Part: 1, Parts: 1, Connections: []event.Connection{
		listening, stopped, attempt, inbound, before, opened, closed(event.TimedWait, brief), closed(event.Gone, nil), closed(event.TimedWait, exact),
		closed(event.ResetOrUnknown, func(c *event.Connection) { c.OpenedAfter = time.Time{} }), closed(event.PortReused, nil), closed(event.Rebooted, nil),
	}}
	other := event.Changes{Host: "db-01", ObservedAt: half, PreviousAt: half.Add(-30 * time.Second), Part: 1, Parts: 1, Connections: []event.Connection{inbound}}

	t.Run("as text", func(t *testing.T) {
		c, out := testConsole(term.Page{})
		for _, all := range []event.Changes{first, rest, second, other} {
			c.Changes(&all)
		}
		clitest.Golden(t, "connections.txt", out.String())
	})
	t.Run("as JSON", func(t *testing.T) {
		c, out := testConsole(term.Page{})
		c.json = true
		c.Changes(&second)
		for _, a := range alerts() {
			c.Alert(a)
		}
		var types []string
		for line := range strings.Lines(out.String()) {
			var got struct {
				Type, Host, Change string
				At                 time.Time
				Connection         struct {
					Source, Destination string
					Port                int
				}
			}
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if got.Host == "" || got.At.IsZero() || got.Connection.Port == 0 || got.Connection.Destination == "" {
				t.Errorf("something is missing: %s", line)
			}
			types = append(types, got.Type+" "+got.Change)
		}
		want := "connection listening,connection stopped,connection attempted,connection opened,connection opened,connection opened," +
			strings.Repeat("connection closed,", 6) + "alert ,alert ,alert ,alert "
		if got := strings.Join(types, ","); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestJSONAlertIsTheAlert(t *testing.T) {
	want := alerts()[0]
	c, out := testConsole(term.Page{})
	c.json = true
	c.Alert(want)
	got, err := event.DecodeAlert(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	wantData, _ := json.Marshal(want)
	gotData, _ := json.Marshal(got)
	if !bytes.Equal(gotData, wantData) {
		t.Errorf("got\n%s\nwant\n%s", gotData, wantData)
	}
}

var styles = regexp.MustCompile(`\x1b\[[0-9;]+m`)

func TestHostileNamesDoNotMoveTheCursor(t *testing.T) {
	const hostile = "web\x1b[2J\x1b]0;owned\a\r\n12:00:00  \u009b1A\u202e"
	a := alertOn(session(event.Opened), func(a *event.Alert) {
		a.Host, a.Rule, a.Title, a.Guide = hostile, hostile, hostile, hostile
		a.Peer = &event.AlertPeer{Host: hostile}
	})
	changes := event.Changes{Host: hostile, ObservedAt: half, PreviousAt: half.Add(-time.Second), Connections: []event.Connection{session(event.Opened)}}
	first := event.Changes{Host: hostile, ObservedAt: half}
	for _, asJSON := range []bool{false, true} {
		c, out := testConsole(term.Page{Colour: true, Columns: 80})
		c.json = asJSON
		c.Alert(a)
		c.Changes(&changes)
		c.Changes(&first)
		text := styles.ReplaceAllString(out.String(), "")
		for i, r := range text {
			if !unicode.IsPrint(r) && r != '\n' {
				t.Fatalf("%U at %d of %q", r, i, text)
			}
		}
		for line := range strings.Lines(text) {
			if !asJSON && !strings.HasPrefix(line, "14:30:00  ") && !strings.HasPrefix(line, strings.Repeat(" ", TextColumn)) {
				t.Errorf("a line of its own: %q", line)
			}
		}
	}
}

func TestBetween(t *testing.T) {
	for _, tt := range []struct {
		least, most time.Duration
		want        string
	}{
		{0, event.Unbounded, ""},
		{0, 1950 * time.Millisecond, "≤2s"},
		{30 * time.Second, event.Unbounded, "≥30s"},
		{30 * time.Second, time.Minute, "30s to 1m"},
		{12345 * time.Millisecond, 12349 * time.Millisecond, "12.3s"},
		{4 * time.Millisecond, 703 * time.Millisecond, "4ms to 703ms"},
		{90*time.Second + time.Millisecond, 3 * time.Hour, "1m30s to 3h"},
		{time.Hour + time.Second, time.Hour + time.Minute, "1h0m1s to 1h1m"},
	} {
		if got := between(tt.least, tt.most); got != tt.want {
			t.Errorf("%s to %s: %q, want %q", tt.least, tt.most, got, tt.want)
		}
	}
}

func TestFirstStep(t *testing.T) {
	for _, tt := range []struct{ name, guide, want string }{
		{"numbered", "1. Look at\n   the process.\n2. Isolate.\n", "Look at the process."},
		{"not numbered", "Look at\nthe process.\n", "Look at the process."},
		{"one step", "1. Look.", "Look."},
		{"none", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := firstStep(tt.guide); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
