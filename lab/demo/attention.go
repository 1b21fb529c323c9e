package demo

import (
	"context"
	"sync"
	"time"

	"headstart/bus"
	"headstart/event"
)

// attention hears what hosts are asked to do, for all of them.
type attention struct {
	bus   *bus.Bus
	hosts []string
	group sync.WaitGroup

	mu     sync.Mutex
	asked  map[string]event.Control // since it was asked for last
	marked map[string]int           // by host: the last mark that was heard
	mark   int
	heard  chan struct{} // a mark was
}

// attend listens until the context ends.
func attend(ctx context.Context, b *bus.Bus, hosts []string) *attention {
	a := &attention{bus: b, hosts: hosts, asked: map[string]event.Control{}, marked: map[string]int{}, heard: make(chan struct{}, 1)}
	for _, host := range hosts {
		// An error is that the connection is closed: then the story ends too.
		a.group.Go(func() { _ = b.Listen(ctx, event.ControlSubject(host), func(data []byte) { a.hear(host, data) }) })
	}
	return a
}

func (a *attention) wait() { a.group.Wait() }

// marking is the reason of a mark. Its interval counts.
const marking = "mark"

func (a *attention) hear(host string, data []byte) {
	c, err := event.DecodeControl(data)
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.Reason != marking {
		a.asked[host] = c
		return
	}
	a.marked[host] = int(c.Interval)
	select {
	case a.heard <- struct{}{}:
	default:
	}
}

// again is after how long a mark that was not heard is sent again: a listener
// may not have begun.
const again = 100 * time.Millisecond

// paid returns what hosts were asked to do before this call. A mark that is
// sent to a host now comes after all that was sent to it before.
func (a *attention) paid(ctx context.Context) (map[string]event.Control, error) {
	a.mu.Lock()
	a.mark++
	a.mu.Unlock()
	for {
		waiting := a.waiting()
		if len(waiting) == 0 {
			break
		}
		for _, host := range waiting {
			if err := a.bus.Control(ctx, host, event.Control{Interval: time.Duration(a.mark), ExpiresAt: time.Unix(1, 0), Reason: marking}); err != nil {
				return nil, err
			}
		}
		if err := a.listen(ctx); err != nil {
			return nil, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := a.asked
	a.asked = map[string]event.Control{}
	return asked, nil
}

// listen waits until all have heard the mark, or for long enough.
func (a *attention) listen(ctx context.Context) error {
	timer := time.NewTimer(again)
	defer timer.Stop()
	for len(a.waiting()) > 0 {
		select {
		case <-a.heard:
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// waiting are the hosts that have not heard the mark.
func (a *attention) waiting() (hosts []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, host := range a.hosts {
		if a.marked[host] != a.mark {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
