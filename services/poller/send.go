package poller

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"headstart/bus"
	"headstart/event"
	"headstart/services/poller/spool"
)

const (
	sendTime = 5 * time.Second     // for one message
	lastCall = 3 * time.Second / 2 // for what waits at the end
)

// send publishes what waits in the outbox, oldest first, until the context
// ends. It never gives up.
func (p *poller) send(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		err := p.sendOne(ctx)
		switch {
		case err == nil:
			if failures > 0 {
				p.Log.Info("sending again", "waiting", p.outbox.stats().Messages)
			}
			failures = 0
		case errors.Is(err, spool.ErrEmpty):
			select {
			case <-p.outbox.more:
			case <-ctx.Done():
			}
		case ctx.Err() == nil:
			failures++
			p.metrics.sendFailed.Inc()
			if failures == 1 {
				p.Log.Warn("can't send, keeping snapshots", "waiting", p.outbox.stats().Messages, "error", err)
			}
			select {
			case <-time.After(backoff(failures)):
			case <-ctx.Done():
			}
		}
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCall)
	defer cancel()
	for p.sendOne(closing) == nil {
	}
}

// sendOne publishes the oldest message and returns nil when it is stored, or
// when no server of this size would ever store it.
func (p *poller) sendOne(ctx context.Context) error {
	m, err := p.outbox.head()
	if err != nil {
		return err
	}
	if most := p.Bus.MaxPayload(); most > 0 && len(m.Payload) > most-headroom {
		// It was packed for another server, or while none was known. What
		// waits behind it must not wait for ever.
		p.metrics.tooLarge.Inc()
		p.Log.Error("snapshot dropped: too large for the server", "id", m.ID, "bytes", len(m.Payload), "max_payload", most)
		p.outbox.pop()
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if err := p.Bus.Publish(ctx, bus.Output{Subject: event.SnapshotSubject(p.Host), ID: m.ID, Data: m.Payload}); err != nil {
		return err
	}
	p.outbox.pop()
	p.metrics.sent.Inc()
	p.metrics.sentBytes.Add(len(m.Payload))
	return nil
}

// backoff doubles from a second to half a minute, less a random half.
func backoff(failures int) time.Duration {
	d := min(time.Second<<min(failures-1, 6), 30*time.Second)
	return d/2 + rand.N(d/2)
}
