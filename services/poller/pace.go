package poller

import (
	"context"
	"math/rand/v2"
	"time"

	"headstart/event"
)

// pace is how often to look: every interval, or faster for as long as a
// control message asked for.
type pace struct {
	interval time.Duration
	fastest  time.Duration

	faster time.Duration // while before until
	until  time.Time
}

// longest is for how long one control message can hold.
const longest = 24 * time.Hour

// obey takes a control message within the bounds: never slower than the
// interval, never faster than fastest, never for longer than a day.
func (p *pace) obey(c event.Control, now time.Time) {
	p.faster = min(max(c.Interval, p.fastest), p.interval)
	p.until = c.ExpiresAt
	if limit := now.Add(longest); p.until.After(limit) {
		p.until = limit
	}
}

// at returns the interval in force.
func (p *pace) at(now time.Time) time.Duration {
	if now.Before(p.until) {
		return p.faster
	}
	return p.interval
}

// jitter returns a random time within a fifth of d: who knows the interval
// still can't step between two snapshots.
func jitter(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }

// obey listens for control messages until the context ends.
func (p *poller) obey(ctx context.Context) {
	err := p.Bus.Listen(ctx, event.ControlSubject(p.Host), func(data []byte) {
		c, err := event.DecodeControl(data)
		if err != nil {
			p.metrics.badControl.Inc()
			p.Log.Warn("bad control message", "error", err)
			return
		}
		p.mu.Lock()
		p.pace.obey(c, time.Now())
		interval, until := p.pace.faster, p.pace.until
		p.mu.Unlock()
		p.metrics.control.Inc()
		p.Log.Info("asked to poll faster", "interval", interval, "until", until, "reason", c.Reason)
		select {
		case p.hurry <- struct{}{}:
		default:
		}
	})
	if err != nil {
		p.Log.Error("control messages are not heard", "error", err)
	}
}
