package event_test

import (
	"strings"
	"testing"
	"time"

	"headstart/event"
)

func TestControlRoundTrip(t *testing.T) {
	want := event.Control{Interval: 10 * time.Second, ExpiresAt: time.Date(2025, 6, 5, 16, 0, 0, 0, time.UTC), Reason: "incident 7"}
	data, err := event.EncodeControl(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(data); got != `{"interval":"10s","expires_at":"2025-06-05T16:00:00Z","reason":"incident 7"}` {
		t.Errorf("encoded as %s", got)
	}
	if got, err := event.DecodeControl(data); err != nil || got != want {
		t.Errorf("decoded as %+v, %v; want %+v", got, err, want)
	}
}

func TestControlTimeIsUTC(t *testing.T) {
	zone := time.FixedZone("UTC+2", 2*60*60)
	data, err := event.EncodeControl(event.Control{Interval: time.Second, ExpiresAt: time.Date(2025, 6, 5, 18, 0, 0, 0, zone)})
	if err != nil || !strings.Contains(string(data), `"2025-06-05T16:00:00Z"`) {
		t.Errorf("encoded as %s, %v", data, err)
	}
}

func TestDecodeControlRejects(t *testing.T) {
	const until = `"expires_at":"2025-06-05T16:00:00Z"`
	for _, tt := range []struct{ name, want, data string }{
		{"nothing", "decode control", ""},
		{"no object", "decode control", `"10s"`},
		{"bytes after the end", "decode control", `{"interval":"10s",` + until + `}{}`},
		{"no interval", "interval", `{` + until + `}`},
		{"an interval without a unit", "interval", `{"interval":"10",` + until + `}`},
		{"an interval that is a number", "interval", `{"interval":10,` + until + `}`},
		{"an interval of zero", "not positive", `{"interval":"0s",` + until + `}`},
		{"a negative interval", "not positive", `{"interval":"-10s",` + until + `}`},
		{"no expiry", "no expires_at", `{"interval":"10s"}`},
		{"an expiry that is no time", "decode control", `{"interval":"10s","expires_at":"tomorrow"}`},
		{"too large", "more than 4096", `{"interval":"10s",` + until + `,"reason":"` + strings.Repeat("x", 5000) + `"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := event.DecodeControl([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, %v; want an error with %q", got, err, tt.want)
			}
		})
	}
}
