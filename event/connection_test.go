package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"headstart/event"
)

func TestAge(t *testing.T) {
	at := func(seconds int) time.Time { return time.Date(2025, 6, 5, 14, 30, seconds, 0, time.UTC) }
	const s = time.Second
	for _, tt := range []struct {
		name        string
		c           event.Connection
		at          time.Time
		least, most time.Duration
	}{
		{"open", event.Connection{Kind: event.Opened, OpenedAfter: at(0), OpenedBefore: at(30)}, at(100), 70 * s, 100 * s},
		{"just opened", event.Connection{Kind: event.Opened, OpenedAfter: at(0), OpenedBefore: at(30)}, at(30), 0, 30 * s},
		{"before its beginning", event.Connection{Kind: event.Opened, OpenedAfter: at(0), OpenedBefore: at(30)}, at(-10), 0, 0},
		{"began before the first snapshot", event.Connection{Kind: event.Opened, OpenedBefore: at(0)}, at(100), 100 * s, event.Unbounded},
		{
			"closed, at any time",
			event.Connection{Kind: event.Closed, OpenedAfter: at(0), OpenedBefore: at(30), ClosedAfter: at(60), ClosedBefore: at(90)},
			at(1000), 30 * s, 90 * s,
		},
		{
			"closed in the same step",
			event.Connection{Kind: event.Closed, OpenedAfter: at(0), OpenedBefore: at(5), ClosedAfter: at(5), ClosedBefore: at(5)},
			at(30), 0, 5 * s,
		},
		{
			"opened in TIME_WAIT",
			event.Connection{Kind: event.Opened, State: event.TimeWait, OpenedAfter: at(0), OpenedBefore: at(5), ClosedAfter: at(5), ClosedBefore: at(5)},
			at(30), 0, 5 * s,
		},
		{
			"stopped listening",
			event.Connection{Kind: event.StoppedListening, OpenedBefore: at(0), ClosedAfter: at(60), ClosedBefore: at(90)},
			at(90), 60 * s, event.Unbounded,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if least, most := tt.c.Age(tt.at); least != tt.least || most != tt.most {
				t.Errorf("lived %s to %s, want %s to %s", least, most, tt.least, tt.most)
			}
			if began := tt.most == event.Unbounded; tt.c.BeganBefore() != began {
				t.Errorf("began before the first snapshot is %t, want %t", tt.c.BeganBefore(), began)
			}
		})
	}
}

func TestEnds(t *testing.T) {
	local, remote := event.AddressFrom4(0x0a000005), event.AddressFrom4(0x0a000009)
	for _, tt := range []struct {
		direction             event.Direction
		originator, responder event.Address
		port                  uint16
	}{
		{event.Inbound, remote, local, 22},
		{event.Outbound, local, remote, 51000},
		{0, local, local, 22},
	} {
		c := event.Connection{Local: local, LocalPort: 22, Remote: remote, RemotePort: 51000, Direction: tt.direction}
		if o, r := c.Ends(); o != tt.originator || r != tt.responder || c.ServicePort() != tt.port {
			t.Errorf("direction %q: from %s to %s port %d, want %s, %s, %d", tt.direction, o, r, c.ServicePort(), tt.originator, tt.responder, tt.port)
		}
	}
}

func TestConnectionIDText(t *testing.T) {
	id := event.ConnectionID{0xc0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xff}
	const text = "c0010203040506070809" + "0aff"
	if id.String() != text {
		t.Errorf("prints %s, want %s", id, text)
	}
	data, err := json.Marshal(id)
	if err != nil || string(data) != `"`+text+`"` {
		t.Errorf("JSON %s, %v", data, err)
	}
	var back event.ConnectionID
	if err := json.Unmarshal(data, &back); err != nil || back != id {
		t.Errorf("comes back as %s, %v", back, err)
	}
	for _, text := range []string{"", "c0", text + "00", "x" + text[1:], text[:23] + " "} {
		if err := back.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is parsed as %s", text, back)
		}
	}
}

func TestStreamTime(t *testing.T) {
	at := time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		offset time.Duration
		want   time.Time
	}{
		{"a clock that is right", 0, at},
		{"the way of a message is no offset", 999 * time.Millisecond, at},
		{"a clock that is behind", time.Hour, at.Add(time.Hour)},
		{"a clock that is ahead", -time.Minute, at.Add(-time.Minute)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := event.Changes{ClockOffset: tt.offset}
			if got := c.StreamTime(at); !got.Equal(tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := c.StreamTime(time.Time{}); !got.IsZero() {
				t.Errorf("no time becomes %s", got)
			}
		})
	}
}
