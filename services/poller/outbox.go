package poller

import (
	"fmt"
	"log/slog"
	"sync"

	"headstart/services/poller/spool"
)

// outbox is the spool between the goroutine that takes snapshots and the one
// that sends them.
type outbox struct {
	log  *slog.Logger
	more chan struct{} // something was pushed

	mu    sync.Mutex
	spool *spool.Spool
}

func openOutbox(o Options) (*outbox, error) {
	s, err := spool.Open(spool.Options{Dir: o.Spool, Limit: o.Buffer})
	if err != nil {
		return nil, fmt.Errorf("%w: choose another directory with --spool", err)
	}
	return &outbox{log: o.Log, more: make(chan struct{}, 1), spool: s}, nil
}

func (b *outbox) push(m spool.Message) {
	b.mu.Lock()
	err := b.spool.Push(m)
	b.mu.Unlock()
	if err != nil {
		b.log.Error("spool", "error", err)
	}
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// head returns the oldest message, or spool.ErrEmpty.
func (b *outbox) head() (spool.Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spool.Head()
}

// pop removes the message that head returned last.
func (b *outbox) pop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spool.Pop()
}

func (b *outbox) stats() spool.Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spool.Stats()
}

func (b *outbox) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spool.Close()
}
