package poller

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"headstart/backoff"
	"headstart/bus"
	"headstart/event"
	"headstart/services/poller/spool"
)

const (
	sendTime = 5 * time.Second     // for one message
	lastCall = 3 * time.Second / 2 // for the messages that wait at shutdown
)

var retries = backoff.Exponential{Initial: time.Second, Max: 30 * time.Second}

// send publishes the messages of the outbox, oldest first, until the context
// ends. It retries forever.
func (p *poller) send(ctx context.Context) {
	for failures := uint64(0); ctx.Err() == nil; {
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
			p.metrics.sendFailed.Inc()
			if failures == 0 {
				p.Log.Warn("can't send, spooling snapshots", "waiting", p.outbox.stats().Messages, "error", err)
			}
			select {
			case <-time.After(retries.Wait(failures, rand.Float64())):
			case <-ctx.Done():
			}
			failures++
		}
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCall)
	defer cancel()
	for p.sendOne(closing) == nil {
	}
}

// sendOne publishes the oldest message and returns nil when it is stored, or
// dropped because the server would never store it.
func (p *poller) sendOne(ctx context.Context) error {
	m, err := p.outbox.head()
	if err != nil {
		return err
	}
	if most := p.Bus.MaxData(); most > 0 && len(m.Payload) > most {
		// It was encoded for another server, or before the first connection.
		// It must not block the messages behind it.
		p.metrics.tooLarge.Inc()
		p.Log.Error("snapshot dropped: too large for the server", "id", m.ID, "bytes", len(m.Payload), "max_bytes", most)
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
