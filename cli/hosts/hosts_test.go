package hosts

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/cli/clitest"
	"headstart/event"
	"headstart/term"
)

// reportingHosts publishes the last messages of some hosts, and an earlier one.
func reportingHosts(t *testing.T, s *clitest.System) {
	t.Helper()
	now := time.Now()
	for n, c := range []event.Changes{
		{Host: "web-01", ObservedAt: now.Add(-time.Hour), Open: 99, Interval: 30 * time.Second},
		{Host: "web-01", ObservedAt: now.Add(-2 * time.Second), Open: 12, Listening: 3, Interval: 30 * time.Second, Missed: 2,
			Addresses: []event.Address{clitest.Address("10.1.1.10"), clitest.Address("2001:db8::1")}, Roles: []string{"web", "proxy"}},
		{Host: "db-01", ObservedAt: now.Add(-5 * time.Minute), Open: 4, Interval: 30 * time.Second, Addresses: []event.Address{clitest.Address("10.1.3.20")}},
		{Host: "files-01", ObservedAt: now.Add(-26 * time.Hour), Interval: time.Minute},
		{Host: "clock\x1b[2J", ObservedAt: now.Add(-time.Hour - time.Second), ClockOffset: time.Hour, Interval: 10 * time.Second},
		{Host: "ahead", ObservedAt: now.Add(3 * time.Hour), ClockOffset: -3 * time.Hour, Interval: 10 * time.Second},
	} {
		c.BootID, c.Run, c.Sequence, c.Part, c.Parts = "b", "r", uint64(n+1), 1, 1
		s.PublishChanges(t, &c)
	}
	s.Publish(t, bus.Output{Subject: "connection.broken", ID: "x", Data: []byte("x")}, nil)
}

func TestHosts(t *testing.T) {
	s := clitest.Start(t, event.StreamConnections)
	if out, err := execute(t, "hosts", "--server", s.URL); err != nil || out != "no host has reported yet\n" {
		t.Errorf("without hosts: %v, %q", err, out)
	}
	reportingHosts(t, s)
	out, err := execute(t, "hosts", "--server", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	want := []string{
		"unreadable: the last message of 1 host",
		"HOST STATE LAST EVERY CLOCK OPEN LISTENING MISSED ADDRESSES ROLES",
		"ahead reports 0s ago 10s 3h ahead 0 0 0",
		"clock�[2J reports 1s ago 10s 1h behind 0 0 0",
		"db-01 late 5m ago 30s ok 4 0 0 10.1.3.20",
		"files-01 gone 26h ago 1m ok 0 0 0",
		"web-01 reports 2s ago 30s ok 12 3 2 10.1.1.10, 2001:db8::1 web, proxy",
	}
	if len(lines) != len(want) {
		t.Fatalf("got\n%s", out)
	}
	for n := range want {
		got := strings.Join(strings.Fields(lines[n]), " ")
		if n == 2 || n == 3 || n == 6 { // it may have taken some seconds
			got, want[n] = withoutAge(got), withoutAge(want[n])
		}
		if got != want[n] {
			t.Errorf("line %d: %q, want %q", n, got, want[n])
		}
	}
}

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Execute(t, clitest.Root(NewCommand()), args...)
}

func withoutAge(line string) string {
	before, rest, _ := strings.Cut(line, " reports ")
	_, after, _ := strings.Cut(rest, " ago ")
	return before + " reports " + after
}

func TestHostsAsJSON(t *testing.T) {
	s := clitest.Start(t, event.StreamConnections)
	reportingHosts(t, s)
	out, err := execute(t, "hosts", "--server", s.URL, "--output", "json")
	if err != nil {
		t.Fatal(err)
	}
	hosts := map[string]map[string]any{}
	for line := range strings.Lines(out) {
		var h map[string]any
		if strings.HasPrefix(line, "{") {
			if err := json.Unmarshal([]byte(line), &h); err != nil || h["type"] != "host" || strings.Contains(line, "\x1b") {
				t.Fatalf("%s: %v", line, err)
			}
			hosts[h["host"].(string)] = h
		}
	}
	for host, want := range map[string]map[string]any{
		"web-01":       {"state": "reports", "open": 12.0, "listening": 3.0, "missed": 2.0, "interval_seconds": 30.0},
		"db-01":        {"state": "late", "open": 4.0, "clock_offset_seconds": 0.0},
		"files-01":     {"state": "gone", "interval_seconds": 60.0},
		"clock\x1b[2J": {"state": "reports", "clock_offset_seconds": 3600.0},
		"ahead":        {"state": "reports", "clock_offset_seconds": -10800.0},
	} {
		for key, value := range want {
			if got := hosts[host][key]; got != value {
				t.Errorf("%s of %q is %v, want %v", key, host, got, value)
			}
		}
	}
	if len(hosts) != 5 {
		t.Errorf("%d hosts", len(hosts))
	}
}

func TestSilence(t *testing.T) {
	for _, tt := range []struct {
		age, interval time.Duration
		want          string
	}{
		{0, 30 * time.Second, "reports"},
		{119 * time.Second, 30 * time.Second, "reports"},
		{2 * time.Minute, 30 * time.Second, "late"},
		{14 * time.Minute, 10 * time.Minute, "reports"},
		{30 * time.Minute, 10 * time.Minute, "late"},
		{15 * time.Minute, 30 * time.Second, "gone"},
		{200 * time.Minute, 10 * time.Minute, "gone"},
		{20 * time.Hour, 8760 * time.Hour, "gone"},
		{15 * time.Minute, -time.Second, "gone"},
	} {
		if got := silence(tt.age, tt.interval); got != tt.want {
			t.Errorf("%s without a snapshot every %s: %s, want %s", tt.age, tt.interval, got, tt.want)
		}
	}
}

func TestHostsOnATerminal(t *testing.T) {
	at := time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC)
	var hosts []reporting
	for _, c := range []event.Changes{
		{Host: "db-01", ObservedAt: at.Add(-20 * time.Minute), Interval: 30 * time.Second, Addresses: []event.Address{clitest.Address("10.1.3.20")}, Roles: []string{"database"}},
		{Host: "web-01", ObservedAt: at.Add(-12 * time.Second), Interval: 10 * time.Second, ClockOffset: 1200 * time.Millisecond, Open: 23, Listening: 4, Addresses: []event.Address{
			clitest.Address("10.1.1.10"), clitest.Address("10.1.1.11"), clitest.Address("10.1.1.12"), clitest.Address("10.1.1.13"), clitest.Address("10.1.1.14"), clitest.Address("10.1.1.15")}},
		{Host: "web-02", ObservedAt: at.Add(-3 * time.Minute), Interval: 30 * time.Second, ClockOffset: -5 * time.Second, Missed: 7},
	} {
		hosts = append(hosts, reportingHost(&c, at, at))
	}
	clitest.Golden(t, "hosts.txt", hostsText(hosts, term.Page{}))
	clitest.Golden(t, "hosts-80-columns.txt", hostsText(hosts, term.Page{Columns: 80, Colour: true}))
}
