package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Position is how far a stream was read: up to and with Sequence. A stream
// that is deleted and made anew counts from 1 again, which its time of
// creation tells.
type Position struct {
	Stream   time.Time
	Sequence uint64
}

func (p Position) before(q Position) bool {
	return p.Stream.Before(q.Stream) || p.Stream.Equal(q.Stream) && p.Sequence < q.Sequence
}

// reader reads a stream in order from a position on and misses nothing that
// the stream holds. What it can't be sure of interrupts it: it then has to be
// opened again at the last message taken. That is simpler than to repair it,
// and what jetstream.OrderedConsumer does; but that one doesn't see that a
// stream was made anew, and hands out messages of its old and its new consumer
// from two goroutines.
type reader struct {
	position Position // where it was opened
	end      uint64   // the stream's last sequence then
	queue    *queue
	expected uint64 // the consumer's number of the next message
	pending  uint64 // messages after the last one taken, when that was sent

	stream    jetstream.Stream
	consuming jetstream.ConsumeContext
	status    chan nats.Status
	conn      *nats.Conn

	once   sync.Once
	broken chan struct{} // closed when why is set
	why    error
}

var errInterrupted = errors.New("reading was interrupted")

const (
	// pullBytes bounds what one request brings. Two can be under way, and
	// nats.go drops what exceeds 64 MiB.
	pullBytes = 16 << 20

	// heartbeat is how often the server says that there is nothing to say.
	heartbeat = 5 * time.Second

	// idleReader is after how long the server forgets a reader that is gone.
	idleReader = 5 * time.Minute
)

// start says with which of a stream's messages a reader begins: with the one
// after a position, unless it is given another of these.
type start struct {
	after Position
	since time.Time // with the first that was stored then or later
	last  string    // with the last of each subject that this filter takes
}

func (from start) config() jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from.after.Sequence + 1,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: idleReader,
	}
	switch {
	case from.last != "":
		c.DeliverPolicy, c.OptStartSeq, c.FilterSubject = jetstream.DeliverLastPerSubjectPolicy, 0, from.last
	case !from.since.IsZero():
		c.DeliverPolicy, c.OptStartSeq, c.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &from.since
	}
	return c
}

// openReader opens a stream. The reader's position is another than that to
// start after when the stream was made anew, or has lost its end with the disk
// that it was on. A position that doesn't say of which stream it is, is of this
// one.
func (b *Bus) openReader(ctx context.Context, stream string, from start, ahead int) (*reader, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", stream, err)
	}
	info := s.CachedInfo()
	if !from.after.Stream.IsZero() && !from.after.Stream.Equal(info.Created) {
		from.after.Sequence = 0
	}
	from.after.Stream = info.Created
	from.after.Sequence = min(from.after.Sequence, info.State.LastSeq)
	r := &reader{
		stream: s, position: from.after, end: info.State.LastSeq, queue: newQueue(ahead), expected: 1, conn: b.nc, broken: make(chan struct{}),
		status: b.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED),
	}
	go func() {
		if s, ok := <-r.status; ok {
			r.interrupt(fmt.Errorf("connection: %s", s))
		}
	}()
	consumer, err := s.CreateConsumer(ctx, from.config())
	if err == nil && from.last != "" {
		// What was the last of its subject a moment ago may not be it any more.
		if info, err = s.Info(ctx); err == nil {
			r.end = info.State.LastSeq
		}
	}
	if err == nil {
		r.pending = consumer.CachedInfo().NumPending
		r.consuming, err = consumer.Consume(r.queue.put,
			jetstream.PullMaxMessagesWithBytesLimit(2*ahead, pullBytes), jetstream.PullHeartbeat(heartbeat),
			jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { r.interrupt(err) }))
	}
	if err != nil {
		r.close()
		return nil, fmt.Errorf("read stream %s: %w", stream, err)
	}
	return r, nil
}

func (r *reader) interrupt(why error) {
	r.once.Do(func() {
		r.why = fmt.Errorf("%w: %w", errInterrupted, why)
		close(r.broken)
	})
}

// next waits for a message.
func (r *reader) next(ctx context.Context) (Message, error) {
	select {
	case <-ctx.Done():
		return Message{}, ctx.Err()
	case <-r.broken:
		return Message{}, r.why
	case raw := <-r.queue.messages:
		return r.take(raw)
	}
}

// ready returns a message that is there already, if one is.
func (r *reader) ready() (Message, bool) {
	select {
	case raw := <-r.queue.messages:
		m, err := r.take(raw)
		return m, err == nil
	default:
		return Message{}, false
	}
}

func (r *reader) take(raw jetstream.Msg) (Message, error) {
	r.queue.taken(raw)
	meta, err := raw.Metadata()
	if err != nil {
		r.interrupt(err)
		return Message{}, r.why
	}
	if meta.Sequence.Consumer != r.expected {
		r.interrupt(fmt.Errorf("message %d came after %d", meta.Sequence.Consumer, r.expected-1))
	}
	select {
	case <-r.broken:
		return Message{}, r.why
	default:
	}
	r.expected++
	r.pending = meta.NumPending
	m := messageOf(raw, meta)
	m.Stream = r.position.Stream
	return m, nil
}

// close stops reading. The server forgets the consumer by itself.
func (r *reader) close() {
	r.queue.close()
	if r.consuming != nil {
		r.consuming.Stop()
	}
	r.conn.RemoveStatusListener(r.status)
}
