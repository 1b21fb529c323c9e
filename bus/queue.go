package bus

import (
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// queueBytes is above which size of what waits no more is taken in.
const queueBytes = 32 << 20

// queue holds messages that were received and not read yet, up to a number and
// a size.
type queue struct {
	messages chan jetstream.Msg
	done     chan struct{}

	mu     sync.Mutex
	room   sync.Cond
	bytes  int
	closed bool
}

func newQueue(length int) *queue {
	q := &queue{messages: make(chan jetstream.Msg, length), done: make(chan struct{})}
	q.room.L = &q.mu
	return q
}

// put waits for room. It drops the message when the queue is closed.
func (q *queue) put(m jetstream.Msg) {
	q.mu.Lock()
	for q.bytes > queueBytes && !q.closed {
		q.room.Wait()
	}
	q.bytes += len(m.Data())
	q.mu.Unlock()
	select {
	case q.messages <- m:
	case <-q.done:
	}
}

// taken says that a message was received from messages.
func (q *queue) taken(m jetstream.Msg) {
	q.mu.Lock()
	q.bytes -= len(m.Data())
	q.mu.Unlock()
	q.room.Signal()
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	close(q.done)
	q.room.Signal()
}
