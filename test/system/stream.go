package system

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// Changes reads everything in the stream CONNECTIONS, in order.
func Changes(t testing.TB, url string) (all []event.Changes) {
	t.Helper()
	var decoder event.ChangesDecoder
	Read(t, url, event.StreamConnections, func(m jetstream.Msg) {
		var c event.Changes
		if err := decoder.Decode(m.Data(), &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	})
	return all
}

// Alerts reads everything in the stream ALERTS, in order.
func Alerts(t testing.TB, url string) (all []*event.Alert) {
	t.Helper()
	Read(t, url, event.StreamAlerts, func(m jetstream.Msg) {
		a, err := event.DecodeAlert(m.Data())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	})
	return all
}

// DeadLetters reads everything in the stream DEADLETTERS, in order.
func DeadLetters(t testing.TB, url string) (all []event.DeadLetter) {
	t.Helper()
	Read(t, url, event.StreamDeadLetters, func(m jetstream.Msg) {
		var d event.DeadLetter
		if err := json.Unmarshal(m.Data(), &d); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	})
	return all
}

// Read calls do with every message that a stream holds now, in order: none if
// there is no such stream yet.
func Read(t testing.TB, url, stream string, do func(jetstream.Msg)) {
	t.Helper()
	look(t, url, stream, func(ctx context.Context, s jetstream.Stream) error {
		consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
		if err != nil {
			return err
		}
		for left := s.CachedInfo().State.Msgs; left > 0; left-- {
			m, err := consumer.Next(jetstream.FetchMaxWait(10 * time.Second))
			if err != nil {
				return fmt.Errorf("with %d messages left: %w", left, err)
			}
			do(m)
		}
		return nil
	})
}

// Stored returns how many messages a stream holds now: none if there is no such
// stream yet.
func Stored(t testing.TB, url, stream string) (n int) {
	t.Helper()
	look(t, url, stream, func(_ context.Context, s jetstream.Stream) error {
		n = int(s.CachedInfo().State.Msgs)
		return nil
	})
	return n
}

// Saved waits until a stage has saved all that follows from its input up to a
// message: that is its position, which it writes last, as the time at which the
// stream was created and the sequence, in eight bytes each.
func Saved(t testing.TB, url, stage string, sequence uint64) {
	t.Helper()
	bucket := strings.ToUpper(stage)
	Await(t, fmt.Sprintf("%s to save message %d", stage, sequence), func() (saved bool) {
		look(t, url, "KV_"+bucket, func(ctx context.Context, s jetstream.Stream) error {
			m, err := s.GetLastMsgForSubject(ctx, "$KV."+bucket+".position."+stage)
			switch {
			case errors.Is(err, jetstream.ErrMsgNotFound):
				return nil
			case err != nil:
				return err
			case len(m.Data) != 16:
				return fmt.Errorf("a position of %d bytes", len(m.Data))
			}
			saved = binary.BigEndian.Uint64(m.Data[8:]) >= sequence
			return nil
		})
		return saved
	})
}

// look opens a stream for as long as do takes, if there is such a stream.
func look(t testing.TB, url, stream string, do func(context.Context, jetstream.Stream) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return
	}
	if err == nil {
		err = do(ctx, s)
	}
	if err != nil {
		t.Fatalf("read %s: %v", stream, err)
	}
}
