package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"headstart/event"
)

var at = time.Date(2025, 6, 5, 15, 16, 0, 0, time.UTC)

func connection(kind event.Kind) event.Connection {
	return event.Connection{
		Kind: kind, State: event.Established, Direction: event.Outbound, DirectionFrom: event.FromPorts,
		Local: event.AddressFrom4(0x0a01010a), LocalPort: 40000, Remote: event.AddressFrom4(0x0a01050a), RemotePort: 445,
		OpenedAfter: at.Add(-30 * time.Second), OpenedBefore: at, SeenUntil: at,
	}
}

func hostileAlert() *event.Alert {
	c := connection(event.Opened)
	return &event.Alert{
		ID: "1", Rule: "smb-from-web-server", Severity: event.High, At: at,
		Title: "Title\x1b[2J\nforged line", Host: "web\r\x1b]0;owned\x07", Guide: "1. Look.\n2. Act.",
		Connection: event.DescribeConnection(&c, at),
		Peer:       &event.AlertPeer{Host: "files\x9b2J"},
	}
}

func TestHostileNamesDontMoveTheCursor(t *testing.T) {
	var out bytes.Buffer
	c := &console{out: &out, local: time.UTC}
	c.alert(hostileAlert())
	changes := event.Changes{Host: "web\x1b[2J", ObservedAt: at, PreviousAt: at.Add(-30 * time.Second), Connections: []event.Connection{connection(event.Opened)}}
	c.changes(&changes)
	for i, r := range out.String() {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			t.Errorf("control character %q at byte %d of:\n%q", r, i, out.String())
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("%d lines, want 4: a name has made a line of its own:\n%s", n, out.String())
	}
}

func TestAlertIsReadable(t *testing.T) {
	var out bytes.Buffer
	a := hostileAlert()
	a.Title, a.Host, a.Peer.Host = "Web server reaches for file shares", "web-01", "files-01"
	(&console{out: &out, local: time.UTC}).alert(a)
	want := `15:16:00  HIGH      Web server reaches for file shares  smb-from-web-server
          web-01  10.1.1.10 → 10.1.5.10:445 (files-01)  ESTABLISHED, 0s to 30s old
          Look.
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestConnectionThatCameAndWentIsOneLine(t *testing.T) {
	var out bytes.Buffer
	opened := connection(event.Opened)
	opened.State, opened.ClosedAfter, opened.ClosedBefore = event.TimeWait, at.Add(-2*time.Second), at.Add(-2*time.Second)
	closed := opened
	closed.Kind, closed.Reason = event.Closed, event.TimedWait
	changes := event.Changes{Host: "web-01", ObservedAt: at, PreviousAt: at.Add(-30 * time.Second), Connections: []event.Connection{opened, closed}}
	(&console{out: &out, local: time.UTC}).changes(&changes)
	want := "15:15:58  came+went web-01  outbound 10.1.1.10 → 10.1.5.10:445, time-wait, lived at most 28s\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out.String(), want)
	}
}

func TestJSONLinesHaveAType(t *testing.T) {
	var out bytes.Buffer
	c := &console{out: &out, json: true, local: time.UTC}
	c.alert(hostileAlert())
	changes := event.Changes{Host: "web-01", ObservedAt: at, Connections: []event.Connection{connection(event.Opened), connection(event.Attempted)}}
	c.changes(&changes)
	var types []string
	for line := range strings.Lines(out.String()) {
		var v struct {
			Type string
			At   time.Time
			Host string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if v.At.IsZero() || v.Host == "" {
			t.Errorf("no time or host: %s", line)
		}
		types = append(types, v.Type)
	}
	if strings.Join(types, " ") != "alert connection connection" {
		t.Errorf("types %v", types)
	}
}
