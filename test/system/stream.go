package system

import (
	"context"
	"encoding/json"
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

// Stored returns how many messages a stream holds now: none if there is no such
// stream yet.
func Stored(t testing.TB, url, stream string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	info, _ := find(ctx, t, url, stream)
	if info == nil {
		return 0
	}
	return int(info.CachedInfo().State.Msgs)
}

// Read calls do with every message that a stream holds now, in order: none if
// there is no such stream yet.
func Read(t testing.TB, url, stream string, do func(jetstream.Msg)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	info, js := find(ctx, t, url, stream)
	if info == nil {
		return
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

// find returns a stream, nil if there is none, on a connection that ends with
// the context.
func find(ctx context.Context, t testing.TB, url, stream string) (jetstream.Stream, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(ctx, nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	info, err := js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		t.Fatalf("read %s: %v", stream, err)
	}
	return info, js
}
