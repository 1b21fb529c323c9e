package console

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"headstart/cli/clitest"
	"headstart/event"
	"headstart/term"
)

// TestNothingIsMissedWhileTheConsoleStarts stores changes before the console
// follows, and after.
func TestNothingIsMissedWhileTheConsoleStarts(t *testing.T) {
	s := clitest.Start(t, event.StreamConnections)
	n := uint64(0)
	publish := func() {
		n++
		c := event.Changes{Host: fmt.Sprintf("host-%d", n), BootID: "b", Run: "r", Sequence: n, ObservedAt: time.Now(), Part: 1, Parts: 1}
		s.PublishChanges(t, &c)
	}
	publish()
	out := new(clitest.Buffer)
	c := New(out, "", false)
	c.Page = func() term.Page { return term.Page{} }
	publish()
	publish()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.FollowConnections(ctx, s.Bus, clitest.Discard()) }()
	clitest.Wait(t, "it follows", func() bool {
		publish()
		return strings.Contains(out.String(), "host-")
	})
	last := fmt.Sprintf("host-%d ", n)
	clitest.Wait(t, "the last", func() bool { return strings.Contains(out.String(), last) })
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
