package poller_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
	"headstart/test/system"
)

// patience bounds every wait for the poller. Between two attempts to send it
// waits for up to half a minute.
const patience = 60 * time.Second

// store is the stream SNAPSHOTS as a test looks at it.
type store struct {
	t   testing.TB
	url string
	nc  *nats.Conn
	js  jetstream.JetStream
}

// connect connects to a server until the test ends.
func connect(t testing.TB, url string) *store {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return &store{t, url, nc, js}
}

// create makes the stream as the tracker does.
func (s *store) create() {
	s.t.Helper()
	if err := system.Connect(s.t, s.url, "test").EnsureStreams(s.t.Context(), system.Storage, event.StreamSnapshots); err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) stream(ctx context.Context) jetstream.Stream {
	s.t.Helper()
	stream, err := s.js.Stream(ctx, event.StreamSnapshots)
	if err != nil {
		s.t.Fatal(err)
	}
	return stream
}

// count returns how many messages the stream has stored.
func (s *store) count() int {
	s.t.Helper()
	return int(s.stream(s.t.Context()).CachedInfo().State.Msgs)
}

// await waits until the stream has stored that many messages and returns how
// many there are.
func (s *store) await(n int) int {
	s.t.Helper()
	await(s.t, "snapshots in the stream", func() bool { return s.count() >= n })
	return s.count()
}

// last returns the host's last snapshot.
func (s *store) last(host string) event.Snapshot {
	s.t.Helper()
	m, err := s.stream(s.t.Context()).GetLastMsgForSubject(s.t.Context(), event.SnapshotSubject(host))
	if err != nil {
		s.t.Fatal(err)
	}
	return decode(s.t, m.Data)
}

// all returns every snapshot in the order in which they were stored.
func (s *store) all() []event.Snapshot {
	s.t.Helper()
	var all []event.Snapshot
	system.Read(s.t, s.url, event.StreamSnapshots, func(m jetstream.Msg) { all = append(all, decode(s.t, m.Data())) })
	return all
}

// control requests faster polls from a host's poller.
func (s *store) control(host string, c event.Control) {
	s.t.Helper()
	data, err := event.EncodeControl(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.publish(event.ControlSubject(host), string(data))
}

// publish publishes to a subject of core NATS.
func (s *store) publish(subject, text string) {
	s.t.Helper()
	if err := s.nc.Publish(subject, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
	if err := s.nc.Flush(); err != nil {
		s.t.Fatal(err)
	}
}

func decode(t testing.TB, data []byte) event.Snapshot {
	t.Helper()
	var s event.Snapshot
	if err := new(event.SnapshotDecoder).Decode(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
