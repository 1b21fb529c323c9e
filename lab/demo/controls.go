package demo

import (
	"context"
	"sync"
	"time"

	"headstart/bus"
	"headstart/event"
)

// controls receives the control messages of all hosts.
type controls struct {
	bus   *bus.Bus
	hosts []string
	group sync.WaitGroup

	mu     sync.Mutex
	latest map[string]event.Control // since the last call of take
	marked map[string]int           // by host: the last mark that was received
	mark   int
	signal chan struct{} // a mark was received
}

// listenControls listens until the context ends.
func listenControls(ctx context.Context, b *bus.Bus, hosts []string) *controls {
	c := &controls{bus: b, hosts: hosts, latest: map[string]event.Control{}, marked: map[string]int{}, signal: make(chan struct{}, 1)}
	for _, host := range hosts {
		// An error means that the connection is closed: then the demo ends too.
		c.group.Go(func() { _ = b.Listen(ctx, event.ControlSubject(host), func(data []byte) { c.receive(host, data) }) })
	}
	return c
}

func (c *controls) wait() { c.group.Wait() }

// marking is the reason of a mark. Its interval is the mark's number.
const marking = "mark"

func (c *controls) receive(host string, data []byte) {
	message, err := event.DecodeControl(data)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if message.Reason != marking {
		c.latest[host] = message
		return
	}
	c.marked[host] = int(message.Interval)
	select {
	case c.signal <- struct{}{}:
	default:
	}
}

// again is the time after which a mark that was not received is sent again: a
// listener may not have begun.
const again = 100 * time.Millisecond

// take returns the controls that were sent to hosts before this call. It sends
// each host a mark, which arrives after everything that was sent to it before.
func (c *controls) take(ctx context.Context) (map[string]event.Control, error) {
	c.mu.Lock()
	c.mark++
	c.mu.Unlock()
	for {
		waiting := c.waiting()
		if len(waiting) == 0 {
			break
		}
		for _, host := range waiting {
			m := event.Control{Interval: time.Duration(c.mark), ExpiresAt: time.Unix(1, 0), Reason: marking}
			if err := c.bus.Control(ctx, host, m); err != nil {
				return nil, err
			}
		}
		if err := c.await(ctx); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	latest := c.latest
	c.latest = map[string]event.Control{}
	return latest, nil
}

// await waits until all hosts have received the mark, or for a limited time.
func (c *controls) await(ctx context.Context) error {
	timer := time.NewTimer(again)
	defer timer.Stop()
	for len(c.waiting()) > 0 {
		select {
		case <-c.signal:
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// waiting are the hosts that have not received the mark.
func (c *controls) waiting() (hosts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, host := range c.hosts {
		if c.marked[host] != c.mark {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
