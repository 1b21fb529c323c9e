package bus

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"headstart/event"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is a message as a stream holds it.
type Message struct {
	Subject  string
	ID       string // the deterministic id under which it was published
	Data     []byte
	Stream   time.Time // when its stream was created: with Sequence a [Position]; zero in a [Delivery]
	Sequence uint64    // its place in the stream
	StoredAt time.Time // by the server's clock
	SentAt   time.Time // by the sender's; zero when it didn't say
	Attempt  int       // how often it was delivered, from 1

	deleted bool // of a bucket: it says that the key has no value any more
}

// Output is a message to publish.
type Output struct {
	Subject string
	ID      string
	Data    []byte

	// Source is the sequence, in the stage's input, of the message that this
	// one follows from.
	Source uint64

	dead bool // made by DeadLetter
}

const (
	headerID     = jetstream.MsgIDHeader
	headerOrigin = "Headstart-Origin" // see origin
	headerSent   = "Headstart-Sent"   // unix nanoseconds

	headerOperation = "KV-Operation" // of what deletes a key
)

// origin is what an output says of where it comes from: the stage that
// published it, and the message of the stage's input.
type origin struct {
	stage string
	Position
}

// String returns "tracker 1749133800000000000 42": the stage, when its input
// was created in unix nanoseconds, and the sequence.
func (o origin) String() string {
	b := make([]byte, 0, 64)
	b = append(append(b, o.stage...), ' ')
	b = append(strconv.AppendInt(b, o.Stream.UnixNano(), 10), ' ')
	return string(strconv.AppendUint(b, o.Sequence, 10))
}

func parseOrigin(h nats.Header) (origin, bool) {
	stage, rest, _ := strings.Cut(h.Get(headerOrigin), " ")
	created, sequence, _ := strings.Cut(rest, " ")
	nanoseconds, err := strconv.ParseInt(created, 10, 64)
	if err != nil {
		return origin{}, false
	}
	n, err := strconv.ParseUint(sequence, 10, 64)
	return origin{stage, Position{time.Unix(0, nanoseconds), n}}, err == nil
}

func messageOf(m jetstream.Msg, meta *jetstream.MsgMetadata) Message {
	h := m.Headers()
	return Message{
		Subject: m.Subject(), ID: h.Get(headerID), Data: m.Data(),
		Sequence: meta.Sequence.Stream, StoredAt: meta.Timestamp, SentAt: parseSent(h), Attempt: int(meta.NumDelivered),
		deleted: h.Get(headerOperation) != "",
	}
}

func parseSent(h nats.Header) time.Time {
	n, err := strconv.ParseInt(h.Get(headerSent), 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// DeadLetter makes the output that puts a message aside with the reason.
func DeadLetter(service, stream string, m Message, reason error) (Output, error) {
	data, err := event.EncodeDeadLetter(event.DeadLetter{
		Service: service, Stream: stream, Subject: m.Subject, Sequence: m.Sequence,
		At: m.StoredAt.UTC(), Reason: reason.Error(), Data: m.Data,
	})
	return Output{
		Subject: event.DeadLetterSubject(service),
		ID:      fmt.Sprintf("%s/%s/%d", service, stream, m.Sequence),
		Data:    data, Source: m.Sequence, dead: true,
	}, err
}
