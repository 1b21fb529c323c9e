package bus

import (
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// bufferBytes is the size above which a buffer accepts no more messages.
const bufferBytes = 32 << 20

// buffer holds messages that were received and not read yet, up to a number and
// a size.
type buffer struct {
	messages chan jetstream.Msg
	done     chan struct{}

	mu     sync.Mutex
	space  sync.Cond
	bytes  int
	closed bool
}

func newBuffer(length int) *buffer {
	b := &buffer{messages: make(chan jetstream.Msg, length), done: make(chan struct{})}
	b.space.L = &b.mu
	return b
}

// put waits for space. It drops the message when the buffer is closed.
func (b *buffer) put(m jetstream.Msg) {
	b.mu.Lock()
	for b.bytes > bufferBytes && !b.closed {
		b.space.Wait()
	}
	b.bytes += len(m.Data())
	b.mu.Unlock()
	select {
	case b.messages <- m:
	case <-b.done:
	}
}

// taken accounts for a message that was received from messages.
func (b *buffer) taken(m jetstream.Msg) {
	b.mu.Lock()
	b.bytes -= len(m.Data())
	b.mu.Unlock()
	b.space.Signal()
}

func (b *buffer) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	close(b.done)
	b.space.Signal()
}
