package poller

import (
	"context"
	"math/rand/v2"
	"time"

	"headstart/bus"
	"headstart/event"
)

const (
	sendTime = 5 * time.Second // for one message
	lastCall = 2 * time.Second // for what waits at the end
)

// send publishes what waits in the outbox, oldest first, until the context
// ends. It never gives up.
func (p *poller) send(ctx context.Context) {
	failures := 0
	for {
		if p.sendOne(ctx) {
			if failures > 0 {
				p.Log.Info("sending again", "waiting", p.outbox.stats().Messages)
			}
			failures = 0
			continue
		}
		if p.outbox.stats().Messages == 0 {
			select {
			case <-p.outbox.more:
				continue
			case <-ctx.Done():
			}
		} else {
			failures++
			if failures == 1 {
				p.Log.Warn("can't send, keeping snapshots", "waiting", p.outbox.stats().Messages)
			}
			select {
			case <-time.After(backoff(failures)):
				continue
			case <-ctx.Done():
			}
		}
		break
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCall)
	defer cancel()
	for p.sendOne(closing) {
	}
}

// sendOne publishes the oldest message and reports whether it is stored.
func (p *poller) sendOne(ctx context.Context) bool {
	m, ok := p.outbox.head()
	if !ok || ctx.Err() != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if err := p.Bus.Publish(ctx, bus.Output{Subject: event.SnapshotSubject(p.Host), ID: m.ID, Data: m.Payload}); err != nil {
		p.metrics.sendFailed.Inc()
		p.Log.Debug("send failed", "error", err)
		return false
	}
	p.outbox.pop()
	p.metrics.sent.Inc()
	p.metrics.sentBytes.Add(len(m.Payload))
	return true
}

// backoff doubles from half a second to half a minute, less a random half.
func backoff(failures int) time.Duration {
	d := min(time.Second<<min(failures-1, 6), 30*time.Second)
	return d/2 + rand.N(d/2)
}
