package bus

import (
	"fmt"
	"strconv"
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
	Sequence uint64    // its place in the stream
	StoredAt time.Time // by the server's clock
	SentAt   time.Time // by the sender's; zero when it didn't say
	Attempt  int       // how often it was delivered, from 1
}

// Output is a message to publish.
type Output struct {
	Subject string
	ID      string
	Data    []byte

	// Source is the sequence, in the stage's input, of the message that this
	// one follows from.
	Source uint64
}

const (
	headerID     = jetstream.MsgIDHeader
	headerSource = "Headstart-Source" // Output.Source
	headerStage  = "Headstart-Stage"  // the stage that published it
	headerSent   = "Headstart-Sent"   // unix nanoseconds
)

func messageOf(m jetstream.Msg) (Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Message{}, fmt.Errorf("message on %s: %w", m.Subject(), err)
	}
	h := m.Headers()
	return Message{
		Subject: m.Subject(), ID: h.Get(headerID), Data: m.Data(),
		Sequence: meta.Sequence.Stream, StoredAt: meta.Timestamp, SentAt: parseSent(h), Attempt: int(meta.NumDelivered),
	}, nil
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
		Data:    data, Source: m.Sequence,
	}, err
}
