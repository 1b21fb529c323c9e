package bus

import "sync"

// keyQueue serializes work by key, in the order of enqueue.
type keyQueue struct {
	mu   sync.Mutex
	last map[string]chan struct{} // closed when the last work of a key is done
}

// enqueue adds work to the queue of a key. The work may start when ready is
// closed. done must be called, even if the work never starts.
func (q *keyQueue) enqueue(key string) (ready <-chan struct{}, done func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	own, previous := make(chan struct{}), q.last[key]
	if previous == nil {
		previous = make(chan struct{})
		close(previous)
	}
	q.last[key] = own
	return previous, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.last[key] == own {
			delete(q.last, key)
		}
		close(own)
	}
}
