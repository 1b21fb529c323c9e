package event_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"headstart/event"
)

var update = flag.Bool("update", false, "write what the tests make into testdata; review every line")

// golden compares indented JSON with a file of testdata.
func golden(t *testing.T, file string, data []byte) {
	t.Helper()
	got, err := json.MarshalIndent(json.RawMessage(data), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

var alertTime = time.Date(2025, 6, 5, 14, 45, 0, 0, time.UTC)

// databaseSession is the alert on the reference incident's second sign.
func databaseSession() *event.Alert {
	c := event.Connection{
		Kind: event.Opened, ID: event.ConnectionID{0xc0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		Local: event.AddressFrom4(0x0a01010a), LocalPort: 41822, Remote: event.AddressFrom4(0x0a010314), RemotePort: 5432,
		State: event.Established, Retransmits: 1, UID: 33, Inode: 4711,
		Direction: event.Outbound, DirectionFrom: event.FromPorts,
		OpenedAfter: alertTime.Add(-847 * time.Second), OpenedBefore: alertTime.Add(-817 * time.Second), SeenUntil: alertTime,
	}
	return &event.Alert{
		ID: event.AlertID("database-session", c.ID), Rule: "database-session", Severity: event.High,
		Title: "A database session of web-01 is open for 13 minutes", Description: "Web servers query in seconds.",
		Guide: "Look at what runs as uid 33.", Attack: []string{"T1213.006"},
		At: alertTime, Host: "web-01", Roles: []string{"web"},
		Connection: event.DescribeConnection(&c, alertTime),
		Peer:       &event.AlertPeer{Address: c.Remote, Host: "db-01", Roles: []string{"database"}, Internal: true},
		Evidence: []event.Evidence{{
			At: alertTime, Source: c.Local, Destination: c.Remote, Port: 5432, State: c.State, Row: event.DescribeRow(&c),
		}},
		Snapshot: "web-01/b1/r1/30",
	}
}

// newListener is an alert with all that may be absent, absent.
func newListener() *event.Alert {
	c := event.Connection{
		Kind: event.Listening, ID: event.ConnectionID{0xc1}, LocalPort: 4444, State: event.Listen, UID: 33, Inode: 4712, OpenedBefore: alertTime,
		SeenUntil: alertTime,
	}
	return &event.Alert{
		ID: event.AlertID("new-listener", c.ID), Rule: "new-listener", Severity: event.Medium, Title: "A new port is listened on",
		At: alertTime, Host: "web-01", Connection: event.DescribeConnection(&c, alertTime),
		Evidence: []event.Evidence{{At: alertTime, Source: c.Local, Destination: c.Local, Port: 4444, State: event.Listen, Row: event.DescribeRow(&c)}},
		Snapshot: "web-01/b1/r1/30",
	}
}

func TestAlertJSON(t *testing.T) {
	for file, alert := range map[string]*event.Alert{"alert-database-session.json": databaseSession(), "alert-new-listener.json": newListener()} {
		t.Run(file, func(t *testing.T) {
			data, err := event.EncodeAlert(alert)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, file, data)
			got, err := event.DecodeAlert(data)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, alert) {
				t.Errorf("decoded:\n%+v\nencoded:\n%+v", got, alert)
			}
		})
	}
}

func TestDecodeAlertSkipsUnknownFields(t *testing.T) {
	got, err := event.DecodeAlert([]byte(`{"id":"1","rule":"r","colour":{"red":[1,2]}}`))
	if err != nil || got.ID != "1" || got.Rule != "r" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDecodeAlertRejects(t *testing.T) {
	for _, tt := range []struct{ name, want, data string }{
		{"nothing", "decode alert", ""},
		{"another format", "decode alert", "\x82\xa1v\x01"},
		{"no id", "no id or no rule", `{"rule":"r"}`},
		{"no rule", "no id or no rule", `{"id":"1"}`},
		{"an unknown severity", "unknown severity", `{"id":"1","rule":"r","severity":"severe"}`},
		{"an empty state", "no TCP state", `{"id":"1","rule":"r","connection":{"state":""}}`},
		{"a connection id that is too short", "want 24 hexadecimal digits", `{"id":"1","rule":"r","connection":{"id":"c0"}}`},
		{"an address that is a name", "address \"db-01\"", `{"id":"1","rule":"r","connection":{"source":"db-01"}}`},
		{"an endless age", "out of range", `{"id":"1","rule":"r","connection":{"age_min_seconds":1e300}}`},
		{"too large", "more than", `{"id":"1","rule":"r","title":"` + strings.Repeat("x", event.MaxMessage) + `"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := event.DecodeAlert([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestAlertID(t *testing.T) {
	one, other := event.ConnectionID{1}, event.ConnectionID{2}
	id := event.AlertID("smb-from-web", one)
	if len(id) != 24 || id != event.AlertID("smb-from-web", one) {
		t.Errorf("id %q, want 24 digits that depend on rule and connection alone", id)
	}
	if id == event.AlertID("smb-from-web", other) || id == event.AlertID("smb", one) {
		t.Error("alerts of two connections or rules have one id")
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                              "0",
		847 * time.Second:              "847",
		1100 * time.Millisecond:        "1.1",
		5*time.Millisecond + 1:         "0.005",
		-1500 * time.Millisecond:       "-1.5",
		time.Duration(math.MaxInt64):   "9223372036.854",
		100*365*24*time.Hour + 1000000: "3153600000.001",
	} {
		got, err := json.Marshal(event.Seconds(d))
		if err != nil || string(got) != want {
			t.Errorf("%s is %s, %v; want %s", d, got, err, want)
		}
		var back event.Seconds
		if err := json.Unmarshal(got, &back); err != nil || time.Duration(back) != d.Truncate(time.Millisecond) {
			t.Errorf("%s comes back as %s, %v", d, time.Duration(back), err)
		}
	}
	for _, text := range []string{`"1"`, "1e10", "-1e10", "1e400"} {
		if err := json.Unmarshal([]byte(text), new(event.Seconds)); err == nil {
			t.Errorf("%s is parsed as a duration", text)
		}
	}
	// Every millisecond of a minute survives.
	for ms := range 60_000 {
		want := event.Seconds(ms) * event.Seconds(time.Millisecond)
		data, _ := json.Marshal(want)
		var back event.Seconds
		if err := json.Unmarshal(data, &back); err != nil || back != want {
			t.Fatalf("%d ms come back as %s, %v", ms, time.Duration(back), err)
		}
	}
}
