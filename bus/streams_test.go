package bus_test

import (
	"sync"
	"testing"

	"headstart/bus"
	"headstart/bus/natstest"
	"headstart/event"
)

// The services of a system start at the same time, on a server that has nothing
// yet: each finds the streams, whoever made them.
func TestStreamsAreCreatedConcurrently(t *testing.T) {
	t.Parallel()
	rounds := 10
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		server := natstest.Start(t)
		var many sync.WaitGroup
		for range 6 {
			b := connect(t, bus.Options{Server: server.URL})
			many.Go(func() {
				if err := b.EnsureStreams(t.Context(), storage, event.StreamSnapshots, event.StreamConnections, event.StreamAlerts); err != nil {
					t.Error(err)
				}
				if _, err := b.OpenStateStore(t.Context(), "TOGETHER", storage); err != nil {
					t.Error(err)
				}
			})
		}
		many.Wait()
	}
}
