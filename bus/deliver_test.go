package bus_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"headstart/bus"
	"headstart/event"
)

// deliver runs a delivery of INCIDENTS until the test ends, or it is asked to
// and waited for.
func (w *world) deliver(t *testing.T, d bus.Delivery) (cancel, wait func()) {
	t.Helper()
	b := connect(t, bus.Options{Server: w.server.URL})
	d.Stream, d.Durable, d.InFlight = event.StreamIncidents, "test", 16
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Deliver(ctx, d) }()
	wait = sync.OnceFunc(func() {
		if err := receive(t, "the delivery to end", done); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wait() })
	return cancel, wait
}

func TestDeliveryInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const messages, subjects = 600, 5
	w.stored(t, 1, messages, subjects)
	var mu sync.Mutex
	busy, last, most, handled := map[string]bool{}, map[string]uint64{}, 0, 0
	w.deliver(t, bus.Delivery{InOrder: true, Handle: func(_ context.Context, m bus.Message) bus.Retry {
		mu.Lock()
		if busy[m.Subject] {
			t.Errorf("two messages of %s at a time", m.Subject)
		}
		if m.Sequence <= last[m.Subject] {
			t.Errorf("message %d of %s after %d", m.Sequence, m.Subject, last[m.Subject])
		}
		busy[m.Subject], last[m.Subject] = true, m.Sequence
		most = max(most, len(busy))
		mu.Unlock()
		for range rand.IntN(100) {
			runtime.Gosched()
		}
		mu.Lock()
		defer mu.Unlock()
		delete(busy, m.Subject)
		handled++
		return bus.Retry{}
	}})
	await(t, "all messages", func() bool { mu.Lock(); defer mu.Unlock(); return handled == messages })
	if most < 2 {
		t.Error("messages of different subjects were handled one at a time")
	}
}

// A message that fails holds up its subject while it is handled, not until it
// comes again: what to do then is for the handler to know.
func TestDeliveryInOrderContinuesAfterAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stored(t, 1, 3, 1)
	order := make(chan string, 10)
	w.deliver(t, bus.Delivery{InOrder: true, Handle: func(_ context.Context, m bus.Message) bus.Retry {
		order <- fmt.Sprintf("%d for the %d. time", m.Sequence, m.Attempt)
		return bus.Retry{Wanted: m.Sequence == 1 && m.Attempt == 1, After: 100 * time.Millisecond}
	}})
	for _, want := range []string{"1 for the 1. time", "2 for the 1. time", "3 for the 1. time", "1 for the 2. time"} {
		if got := receive(t, want, order); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Who is stopped while it waits for its turn gives the message back at once.
func TestDeliveryInOrderEndsWhileMessagesWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stored(t, 1, 5, 1)
	began, end := make(chan uint64, 10), make(chan struct{})
	cancel, wait := w.deliver(t, bus.Delivery{InOrder: true, Handle: func(_ context.Context, m bus.Message) bus.Retry {
		began <- m.Sequence
		<-end
		return bus.Retry{}
	}})
	receive(t, "the first message", began)
	cancel()
	close(end)
	wait()
	if len(began) != 0 {
		t.Errorf("message %d was handled after the end", <-began)
	}
	w.deliver(t, bus.Delivery{InOrder: true, Handle: func(_ context.Context, m bus.Message) bus.Retry {
		began <- m.Sequence
		return bus.Retry{}
	}})
	seen := map[uint64]bool{}
	for len(seen) < 4 {
		seen[receive(t, "a message that was given back", began)] = true
	}
	if seen[1] {
		t.Error("the first message came again")
	}
}
