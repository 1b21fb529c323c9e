package delivery

import (
	"strings"
	"testing"

	"headstart/event"
)

func TestNotificationID(t *testing.T) {
	id := func(alert, receiver string) string {
		return ForAlert(&event.Alert{ID: alert}, receiver).ID
	}
	if got, want := id("9f86d081884c7d659a2feaa0", "soc"), "9f86d081884c7d659a2feaa0_soc"; got != want {
		t.Errorf("id %q, want %q", got, want)
	}
	seen := map[string]string{}
	for _, alert := range []string{"", "a", "a_b", "a.b", "a=2Eb", "a\r\nx: y", strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("\x00", 64), strings.Repeat("\x00", 1<<20)} {
		for _, receiver := range []string{"soc", "b"} {
			got := id(alert, receiver)
			if was, twice := seen[got]; twice {
				t.Errorf("%.20q to %s and %s have the id %q", alert, receiver, was, got)
			}
			seen[got] = alert + " to " + receiver
			if len(got) > 200 || strings.Trim(got, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=") != "" {
				t.Errorf("id %.200q isn't safe in a header or a signature", got)
			}
		}
	}
}

func TestNotificationIDOfAnIncident(t *testing.T) {
	of := func(id string, revision uint64, action Action) string {
		return ForIncident(&event.Incident{ID: id, Revision: revision}, action, "soc").ID
	}
	if got, want := of("3f2a9c0d", 4, Grown), "3f2a9c0d-4_soc"; got != want {
		t.Errorf("id %q, want %q", got, want)
	}
	if a, b := of("3f2a9c0d", 4, Opened), of("3f2a9c0d", 4, Grown); a != b {
		t.Errorf("one revision has the ids %q and %q", a, b)
	}
	if got := of(strings.Repeat("\x00", 1<<20), 1<<64-1, Opened); len(got) > 200 {
		t.Errorf("id %.300q", got)
	}
}
