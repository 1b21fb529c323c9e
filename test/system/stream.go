package system

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// Changes reads everything in the stream CONNECTIONS, in order.
func Changes(t testing.TB, url string) []event.Changes {
	t.Helper()
	var all []event.Changes
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

// Read calls do with every message that a stream holds now, in order: none if
// there is no such stream yet.
func Read(t testing.TB, url, stream string, do func(jetstream.Msg)) {
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
	info, err := js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return
	}
	if err != nil {
		t.Fatalf("read %s: %v", stream, err)
	}
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatalf("read %s: %v", stream, err)
	}
	left := info.CachedInfo().State.Msgs
	for left > 0 {
		m, err := consumer.Next(jetstream.FetchMaxWait(10 * time.Second))
		if err != nil {
			t.Fatalf("read %s: %v, with %d messages left", stream, err, left)
		}
		do(m)
		left--
	}
}
