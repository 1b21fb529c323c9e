package cli

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/event"
	"headstart/term"
)

// TestNothingIsMissedWhileTheConsoleStarts stores changes before the console
// follows, and after.
func TestNothingIsMissedWhileTheConsoleStarts(t *testing.T) {
	s := startSystem(t, event.StreamConnections)
	n := uint64(0)
	publish := func() {
		n++
		c := event.Changes{Host: fmt.Sprintf("host-%d", n), BootID: "b", Run: "r", Sequence: n, ObservedAt: time.Now(), Part: 1, Parts: 1}
		data, err := new(event.ChangesEncoder).Append(nil, &c)
		if err == nil {
			err = s.bus.Publish(t.Context(), bus.Output{Subject: event.ConnectionSubject(c.Host), ID: c.SnapshotID().MessageID(1), Data: data})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	publish()
	out := new(lockedBuffer)
	c := newConsole(out, "", false)
	c.page = func() term.Page { return term.Page{} }
	publish()
	publish()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.followConnections(ctx, s.bus, discard()) }()
	wait(t, "it follows", func() bool {
		publish()
		return strings.Contains(out.String(), "host-")
	})
	last := fmt.Sprintf("host-%d ", n)
	wait(t, "the last", func() bool { return strings.Contains(out.String(), last) })
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for k := uint64(1); k <= n; k++ {
		if got, want := strings.Count(out.String(), fmt.Sprintf("host-%d ", k)), min(1, int(k)-1); got != want {
			t.Errorf("host-%d is there %d times, want %d:\n%s", k, got, want, out)
		}
	}
}
