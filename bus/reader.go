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

// Position is a place in a stream: everything up to and including Sequence was
// read. A stream that is deleted and recreated starts at 1 again, but has
// another creation time.
type Position struct {
	Stream   time.Time // its creation
	Sequence uint64
}

func (p Position) before(q Position) bool {
	return p.Stream.Before(q.Stream) || p.Stream.Equal(q.Stream) && p.Sequence < q.Sequence
}

// reader reads a stream in order from a position on, without gaps. When it may
// have missed a message it is interrupted, and must be opened again after the
// last message taken. That is simpler than a repair, and it is what
// jetstream.OrderedConsumer does, but that one doesn't notice a recreated
// stream, and delivers messages of its old and its new consumer from two
// goroutines.
type reader struct {
	position Position // at which it was opened
	end      uint64   // the stream's last sequence then
	buffer   *buffer
	expected uint64 // the consumer's number of the next message
	pending  uint64 // messages after the last one taken, as of its delivery

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
	// pullBytes bounds the answer to one request. Two can be in flight, and
	// nats.go drops what exceeds 64 MiB.
	pullBytes = 16 << 20

	// heartbeat is the interval at which the server reports an idle stream.
	heartbeat = 5 * time.Second

	// idleReader is the time after which the server removes an abandoned reader.
	idleReader = 5 * time.Minute
)

// start is where a reader begins: after a position, unless since or last is set.
type start struct {
	after Position
	since time.Time // the first message stored then or later
	last  string    // the last message of each subject that matches this filter
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

// openReader opens a stream. The reader's position differs from from.after if
// the stream was recreated, or has lost its end with its disk. A position with
// the zero Stream applies to any stream.
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
		stream: s, position: from.after, end: info.State.LastSeq, buffer: newBuffer(ahead), expected: 1, conn: b.nc, broken: make(chan struct{}),
		status: b.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED),
	}
	go func() {
		if s, ok := <-r.status; ok {
			r.interrupt(fmt.Errorf("connection: %s", s))
		}
	}()
	consumer, err := s.CreateConsumer(ctx, from.config())
	if err == nil && from.last != "" {
		// The last message of a subject may have been replaced meanwhile.
		if info, err = s.Info(ctx); err == nil {
			r.end = info.State.LastSeq
		}
	}
	if err == nil {
		r.pending = consumer.CachedInfo().NumPending
		r.consuming, err = consumer.Consume(r.buffer.put,
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
	case raw := <-r.buffer.messages:
		return r.take(raw)
	}
}

// ready returns a message if one has arrived.
func (r *reader) ready() (Message, bool) {
	select {
	case raw := <-r.buffer.messages:
		m, err := r.take(raw)
		return m, err == nil
	default:
		return Message{}, false
	}
}

func (r *reader) take(raw jetstream.Msg) (Message, error) {
	r.buffer.taken(raw)
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

// close stops reading. The server removes the consumer after idleReader.
func (r *reader) close() {
	r.buffer.close()
	if r.consuming != nil {
		r.consuming.Stop()
	}
	r.conn.RemoveStatusListener(r.status)
}
