package pairing

import (
	"testing"
	"time"

	"headstart/event"
)

// TestWhatIsSettledLeavesTheQueue has connections end that wait for a host that
// never comes.
func TestWhatIsSettledLeavesTheQueue(t *testing.T) {
	w := New(Limits{})
	at := time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)
	for i := range 10_000 {
		c := event.Connection{
			Kind: event.Opened, ID: event.ConnectionID{byte(i), byte(i >> 8)}, Local: event.AddressFrom4(1), LocalPort: uint16(i),
			Remote: event.AddressFrom4(2), RemotePort: 22, OpenedBefore: at, SeenUntil: at,
		}
		w.Report(&Report{Host: "a", Peer: "b", Connection: c, At: at})
		c.Kind, c.ClosedBefore = event.Closed, at
		w.Report(&Report{Host: "a", Peer: "b", Connection: c, At: at})
	}
	if n := len(w.hosts["b"].pending.reports); n > 200 {
		t.Errorf("%d in the queue", n)
	}
}
