package bus

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is a message as a stream holds it.
type Message struct {
	Subject  string
	ID       string // the deterministic id with which it was published
	Data     []byte
	Stream   time.Time // creation time of its stream: with Sequence a [Position]; zero in a [Delivery]
	Sequence uint64    // its place in the stream
	StoredAt time.Time // by the server's clock
	SentAt   time.Time // by the sender's clock; zero if unknown
	Attempt  int       // number of this delivery, from 1

	deleted bool // of a bucket: it deletes the key
}

// Output is a message to publish.
type Output struct {
	Subject string
	ID      string
	Data    []byte

	// Source is the sequence of the input message that the output results from.
	Source uint64

	dead bool // from DeadLetter
}

const (
	headerID     = jetstream.MsgIDHeader
	headerOrigin = "Headstart-Origin" // an origin
	headerSent   = "Headstart-Sent"   // unix nanoseconds

	headerOperation = "KV-Operation" // of a message that deletes a key
)

// origin is where an output comes from: the stage that published it, and the
// position of its source in the stage's input.
type origin struct {
	stage string
	Position
}

// String returns "tracker 1749133800000000000 42": the stage, the creation time
// of its input in unix nanoseconds, and the sequence.
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
