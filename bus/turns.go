package bus

import "sync"

// turns lets those who share a key go one after another, in the order in which
// they asked.
type turns struct {
	mu   sync.Mutex
	last map[string]chan struct{} // closed when the last who asked is done
}

// take asks for a turn. It has come when before is closed, and lasts until done
// is called, which it must be also when nobody waits for it any more.
func (t *turns) take(key string) (before <-chan struct{}, done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own, previous := make(chan struct{}), t.last[key]
	if previous == nil {
		previous = make(chan struct{})
		close(previous)
	}
	t.last[key] = own
	return previous, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.last[key] == own {
			delete(t.last, key)
		}
		close(own)
	}
}
