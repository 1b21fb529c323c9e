package bus

import (
	"context"
	"sync"
)

// session is the time between connect and disconnect. A request of one session
// is never answered in the next, but nats.go would wait for the answer.
type session struct {
	mu  sync.Mutex
	ctx context.Context
	end context.CancelFunc
}

// renew ends the session and begins the next.
func (s *session) renew(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		s.end()
	}
	s.ctx, s.end = context.WithCancel(context.WithoutCancel(ctx))
}

// during returns a context that also ends with the session.
func (s *session) during(ctx context.Context) (context.Context, context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}
