package poller

import (
	"context"
	"math/rand/v2"
	"time"

	"headstart/event"
)

// schedule is the interval of adaptive polling: normally fixed, and shorter while
// a control message is active.
type schedule struct {
	normal  time.Duration
	fastest time.Duration

	adapted time.Duration // the interval before until
	until   time.Time
}

// maxControl is the maximum time for which a control message is active.
const maxControl = 24 * time.Hour

// adapt applies a control message within bounds: never slower than normal, never
// faster than fastest, never for more than maxControl.
func (s *schedule) adapt(c event.Control, now time.Time) {
	s.adapted = min(max(c.Interval, s.fastest), s.normal)
	s.until = c.ExpiresAt
	if limit := now.Add(maxControl); s.until.After(limit) {
		s.until = limit
	}
}

// interval returns the active interval.
func (s *schedule) interval(now time.Time) time.Duration {
	if now.Before(s.until) {
		return s.adapted
	}
	return s.normal
}

// jitter returns a random time within a fifth of d, so that an attacker who knows
// the interval can't act between two snapshots.
func jitter(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }

// listen applies control messages until the context ends.
func (p *poller) listen(ctx context.Context) {
	err := p.Bus.Listen(ctx, event.ControlSubject(p.Host), func(data []byte) {
		c, err := event.DecodeControl(data)
		if err != nil {
			p.metrics.invalidControl.Inc()
			p.Log.Warn("invalid control message", "error", err)
			return
		}
		p.mu.Lock()
		p.schedule.adapt(c, time.Now())
		interval, until := p.schedule.adapted, p.schedule.until
		p.mu.Unlock()
		p.metrics.control.Inc()
		p.Log.Info("polling faster", "interval", interval, "until", until, "reason", c.Reason)
		select {
		case p.rescheduled <- struct{}{}:
		default:
		}
	})
	if err != nil {
		p.Log.Error("control messages can't be received", "error", err)
	}
}
