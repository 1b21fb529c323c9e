package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
)

func TestStagePublishesOnceAndInOrder(t *testing.T) {
	t.Parallel()
	for _, batch := range []int{1, 7, 512} {
		t.Run(fmt.Sprintf("batches of %d", batch), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publishEntries(t, 5, 1, 40)
			l := w.mustStart(t, instanceOptions{batch: batch})
			w.publishEntries(t, 5, 41, 60)
			w.caughtUp(t)
			l.stop(t)
			w.check(t, 5, 60)
			for name, want := range map[string]int{
				`headstart_stage_messages_total{stage="ledger"}`:         300,
				`headstart_stage_outputs_total{stage="ledger"}`:          w.count(t, event.StreamConnections) + w.count(t, event.StreamIncidents),
				`headstart_stage_position{stage="ledger"}`:               300,
				`headstart_stage_skipped_messages_total{stage="ledger"}`: 0,
			} {
				if got := metric(t, l.telemetry, name); got != float64(want) {
					t.Errorf("%s is %v, want %d", name, got, want)
				}
			}
		})
	}
}

func TestStageResumesAtItsPosition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for instance := range 4 {
		w.publishEntries(t, 2, 10*instance+1, 10*instance+10)
		l := w.mustStart(t, instanceOptions{batch: 8})
		w.caughtUp(t)
		l.stop(t)
		if l.ledger.handled != 20 {
			t.Errorf("instance %d handled %d messages, want 20", instance, l.ledger.handled)
		}
	}
	w.check(t, 2, 40)
}

func TestStageMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	if err := b.Publish(t.Context(), bus.Output{Subject: "snapshot.a", ID: "a/1", Data: []byte("one")}); err != nil {
		t.Fatal(err)
	}
	w.publish(t, &nats.Msg{Subject: "snapshot.b", Data: []byte("two")})
	s := simpleStage{world: w, bus: b, batch: 10}
	s.start(t)
	first, second := receive(t, "a message", s.messages), receive(t, "a message", s.messages)
	s.stop(t)
	if first.Subject != "snapshot.a" || first.ID != "a/1" || string(first.Data) != "one" || first.Sequence != 1 || first.Attempt != 1 {
		t.Errorf("got %+v", first)
	}
	if first.SentAt.IsZero() || first.SentAt.After(first.StoredAt) || first.StoredAt.Sub(first.SentAt).Minutes() > 1 {
		t.Errorf("sent at %s, stored at %s", first.SentAt, first.StoredAt)
	}
	if second.ID != "" || !second.SentAt.IsZero() || second.Sequence != 2 {
		t.Errorf("got %+v", second)
	}
}

// simpleStage passes its messages to the test and has no outputs unless answer
// returns some.
type simpleStage struct {
	world  *world
	bus    *bus.Bus
	batch  int
	answer func([]bus.Message) (bus.Work, error)

	outputs []string // CONNECTIONS unless set

	store     *bus.StateStore
	telemetry *daemon.Telemetry
	log       journal
	messages  chan bus.Message
	cancel    context.CancelFunc
	done      chan error
}

// start runs the stage on a connection of its own when it has none.
func (s *simpleStage) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel, s.done, s.messages = cancel, make(chan error, 1), make(chan bus.Message, 100_000)
	if s.bus == nil {
		s.telemetry = daemon.NewTelemetry()
		var err error
		s.bus, err = bus.Connect(ctx, s.log.logger(), bus.Options{Name: "simple", Server: s.world.server.URL, Wait: waitLong, Telemetry: s.telemetry})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { shut(t, s.bus) })
	}
	var err error
	if s.store, err = s.bus.OpenStateStore(ctx, "SIMPLE", storage); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	go func() { s.done <- s.runOn(ctx, s.store) }()
}

func (s *simpleStage) runOn(ctx context.Context, store *bus.StateStore) error {
	if s.outputs == nil {
		s.outputs = []string{event.StreamConnections}
	}
	return s.bus.Run(ctx, bus.Stage{
		Name: "simple", Input: event.StreamSnapshots, Outputs: s.outputs, Store: store, Batch: s.batch,
		Handle: func(_ context.Context, batch []bus.Message) (work bus.Work, err error) {
			if s.answer != nil {
				work, err = s.answer(batch)
			}
			if err == nil && s.messages != nil {
				for _, m := range batch {
					s.messages <- m
				}
			}
			return work, err
		},
	})
}

func (s *simpleStage) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	if err := receive(t, "the stage to end", s.done); err != nil {
		t.Error(err)
	}
}

// expect receives messages and compares their data.
func (s *simpleStage) expect(t *testing.T, data ...string) {
	t.Helper()
	for _, want := range data {
		if m := receive(t, "message "+want, s.messages); string(m.Data) != want {
			t.Errorf("got message %q, want %q", m.Data, want)
		}
	}
}

// send publishes messages one after another, each until the server has it.
func (w *world) send(t *testing.T, data ...string) {
	t.Helper()
	for _, d := range data {
		id := nats.NewInbox()
		await(t, "message "+d+" to be stored", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := w.js.Publish(ctx, "snapshot.x", []byte(d), jetstream.WithMsgID(id))
			return err == nil
		})
	}
}

func TestStageRetriesABatchAfterAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, "1", "2", "3")
	var batches []string
	failures := 0
	s := simpleStage{world: w, batch: 10, answer: func(batch []bus.Message) (work bus.Work, err error) {
		var all []string
		for _, m := range batch {
			all = append(all, string(m.Data))
			work.Outputs = append(work.Outputs, bus.Output{Subject: "connection.x", ID: "o" + string(m.Data), Data: m.Data, Source: m.Sequence})
		}
		batches = append(batches, strings.Join(all, ","))
		if failures++; failures <= 2 {
			return work, errors.New("no table yet")
		}
		return work, nil
	}}
	s.start(t)
	await(t, "readiness to say why", func() bool {
		parts, ready := s.telemetry.Status()
		return !ready && strings.Contains(parts["simple"], "handle: no table yet") || len(s.messages) > 0
	})
	s.expect(t, "1", "2", "3")
	await(t, "readiness", func() bool { parts, _ := s.telemetry.Status(); return parts["simple"] == "ok" })
	s.stop(t)
	if len(batches) < 3 || batches[0] != batches[1] || batches[1] != batches[2] {
		t.Errorf("batches are %q", batches)
	}
	if n := w.count(t, event.StreamConnections); n != 3 {
		t.Errorf("%d outputs, want 3", n)
	}
}

func TestStageRejectsAnOutputWithoutASource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, "1")
	var mended atomic.Bool
	s := simpleStage{world: w, batch: 1, answer: func(batch []bus.Message) (bus.Work, error) {
		if mended.Load() {
			return bus.Work{}, nil
		}
		return bus.Work{Outputs: []bus.Output{{Subject: "connection.x", ID: "o"}}}, nil
	}}
	s.start(t)
	await(t, "readiness to say why", func() bool {
		parts, _ := s.telemetry.Status()
		return strings.Contains(parts["simple"], "output o: source is message 0")
	})
	mended.Store(true)
	s.stop(t)
	if n := w.count(t, event.StreamConnections); n != 0 {
		t.Errorf("%d outputs, want none", n)
	}
}

func TestStageCountsMessagesThatTheStreamDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, "1", "2")
	s := simpleStage{world: w, batch: 10}
	s.start(t)
	s.expect(t, "1", "2")
	s.stop(t)

	w.send(t, "3", "4", "5", "6")
	if err := w.stream(t, event.StreamSnapshots).Purge(t.Context(), jetstream.WithPurgeSequence(5)); err != nil {
		t.Fatal(err)
	}
	again := simpleStage{world: w, batch: 10}
	again.start(t)
	again.expect(t, "5", "6")
	again.stop(t)
	if got := metric(t, again.telemetry, `headstart_stage_skipped_messages_total{stage="simple"}`); got != 2 {
		t.Errorf("counted %v dropped messages, want 2", got)
	}
	if log := again.log.String(); !strings.Contains(log, `msg="stream dropped messages before they were read"`) || !strings.Contains(log, "count=2") {
		t.Errorf("the log doesn't say that messages were dropped: %s", log)
	}
}

// renew deletes and recreates a stream.
func (w *world) renew(t *testing.T, stream string) {
	t.Helper()
	config := w.stream(t, stream).CachedInfo().Config
	if err := w.js.DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	if _, err := w.js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

// echo answers every message with itself.
func echo(batch []bus.Message) (work bus.Work, err error) {
	for _, m := range batch {
		work.Outputs = append(work.Outputs, bus.Output{Subject: "connection.x", ID: "echo/" + string(m.Data), Data: m.Data, Source: m.Sequence})
	}
	return work, nil
}

func TestStageReadsARecreatedStreamFromItsBeginning(t *testing.T) {
	t.Parallel()
	t.Run("while it was away", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.send(t, "1", "2", "3")
		s := simpleStage{world: w, batch: 10, answer: echo}
		s.start(t)
		s.expect(t, "1", "2", "3")
		s.stop(t)
		w.renew(t, event.StreamSnapshots)
		w.send(t, "4", "5")
		again := simpleStage{world: w, batch: 10, answer: echo}
		again.start(t)
		again.expect(t, "4", "5")
		w.send(t, "6", "7")
		again.expect(t, "6", "7")
		again.stop(t)
		if n := w.count(t, event.StreamConnections); n != 7 {
			t.Errorf("%d outputs, want 7", n)
		}
		if log := again.log.String(); !strings.Contains(log, "stream was recreated") {
			t.Errorf("the log doesn't say that the stream was recreated: %s", log)
		}
	})
	t.Run("while it runs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := simpleStage{world: w, batch: 10, answer: echo}
		w.send(t, "1", "2", "3", "4", "5")
		s.start(t)
		s.expect(t, "1", "2", "3", "4", "5")
		w.renew(t, event.StreamSnapshots)
		w.send(t, "6", "7")
		s.expect(t, "6", "7")
		w.send(t, "8", "9", "10")
		s.expect(t, "8", "9", "10")
		s.stop(t)
		if n := w.count(t, event.StreamConnections); n != 10 {
			t.Errorf("%d outputs, want 10", n)
		}
	})
	t.Run("while the server was away", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.send(t, "1", "2", "3", "4", "5")
		s := simpleStage{world: w, batch: 10, answer: echo}
		s.start(t)
		s.expect(t, "1", "2", "3", "4", "5")
		w.server.Stop(t)
		if err := os.RemoveAll(filepath.Join(w.server.Store, "jetstream")); err != nil {
			t.Fatal(err)
		}
		w.server.Restart(t)
		await(t, "an answer of the server", func() bool { return w.nc.FlushTimeout(time.Second) == nil })
		w.ensure(t, storage)
		w.open(t, "SIMPLE") // who starts a service again makes its bucket too
		w.send(t, "6", "7")
		s.expect(t, "6", "7")
		await(t, "the outputs", func() bool { return w.count(t, event.StreamConnections) >= 2 })
	})
}

// A machine that loses power takes what its disk hadn't got yet with it.
func TestStageContinuesAtTheEndOfATruncatedStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, "1", "2", "3")
	s := simpleStage{world: w, batch: 10, answer: echo}
	s.start(t)
	s.expect(t, "1", "2", "3")
	files := filepath.Join(w.server.Store, "jetstream", "$G", "streams", event.StreamSnapshots)
	w.server.Stop(t)
	old := t.TempDir()
	if err := os.CopyFS(old, os.DirFS(files)); err != nil {
		t.Fatal(err)
	}
	w.server.Restart(t)
	await(t, "an answer of the server", func() bool { return w.nc.FlushTimeout(time.Second) == nil })
	w.send(t, "4", "5", "6")
	s.expect(t, "4", "5", "6")
	w.server.Stop(t)
	if err := os.RemoveAll(files); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(files, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	w.server.Restart(t)
	await(t, "an answer of the server", func() bool { return w.nc.FlushTimeout(time.Second) == nil })
	await(t, "the log to say it", func() bool { return strings.Contains(s.log.String(), "stream has lost its end") })
	w.send(t, "7", "8")
	s.expect(t, "7", "8")
	await(t, "the outputs", func() bool { return w.count(t, event.StreamConnections) == 8 })
	s.stop(t)
	w.send(t, "9")
	again := simpleStage{world: w, batch: 10, answer: echo}
	again.start(t)
	again.expect(t, "9")
	again.stop(t)
}

func TestStageFinishesTheBatchInFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, "1")
	handling, release := make(chan struct{}), make(chan struct{})
	s := simpleStage{world: w, batch: 1, answer: func(batch []bus.Message) (bus.Work, error) {
		close(handling)
		<-release
		work, err := echo(batch)
		work.States = []bus.State{{Key: "k", Value: []byte("v")}}
		return work, err
	}}
	s.start(t)
	receive(t, "the batch to be handled", handling)
	s.cancel()
	close(release)
	if err := receive(t, "the stage to end", s.done); err != nil {
		t.Error(err)
	}
	parts, ready := s.telemetry.Status()
	if ready || parts["simple"] != "stopped" {
		t.Errorf("readiness is %v", parts)
	}
	if n := w.count(t, event.StreamConnections); n != 1 {
		t.Errorf("%d outputs, want 1", n)
	}
	w.send(t, "2")
	again := simpleStage{world: w, batch: 2}
	again.start(t)
	again.expect(t, "2")
	again.stop(t)
	if value := w.value(t, "SIMPLE", "state.k"); string(value) != "\x00v" {
		t.Errorf("saved state is %q", value)
	}
}

// value reads a key of a bucket without the bus.
func (w *world) value(t *testing.T, bucket, key string) []byte {
	t.Helper()
	kv, err := w.js.KeyValue(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	e, err := kv.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return e.Value()
}

func TestStageDeadLettersWhatItCanNotHandle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publishEntries(t, 1, 1, 2)
	w.publish(t, &nats.Msg{Subject: "snapshot.bad", Data: []byte(garbage)})
	w.publishEntries(t, 1, 3, 4)
	w.publish(t, &nats.Msg{Subject: "snapshot.bad", Data: []byte(garbage)})
	l := w.mustStart(t, instanceOptions{batch: 10})
	w.caughtUp(t)
	l.stop(t)
	w.check(t, 1, 4)
	dead := w.read(t, event.StreamDeadLetters)
	if len(dead) != 2 {
		t.Fatalf("%d dead letters, want 2", len(dead))
	}
	for i, sequence := range []string{"3", "6"} {
		for _, want := range []string{
			`"service":"ledger"`, `"stream":"SNAPSHOTS"`, `"subject":"snapshot.bad"`, `"sequence":` + sequence + `,`,
			`"reason":"not an entry"`, `"data":"Z2FyYmFnZQ=="`, `"bytes":7`,
		} {
			if !strings.Contains(string(dead[i].Data()), want) {
				t.Errorf("dead letter %s has no %s", dead[i].Data(), want)
			}
		}
		if dead[i].Subject() != "deadletter.ledger" {
			t.Errorf("dead letter on %s", dead[i].Subject())
		}
	}
}

// Large messages in number: neither nats.go's limit on what waits nor the
// server's on what one request brings may stop or reorder them.
func TestStageReadsLargeMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 120
	large := bytes.Repeat([]byte("x"), 1<<20-1024)
	for i := range n {
		w.publish(t, &nats.Msg{Subject: "snapshot.x", Data: append(fmt.Appendf(nil, "%04d", i), large...)})
	}
	most := 0
	s := simpleStage{world: w, batch: 512, answer: func(batch []bus.Message) (bus.Work, error) {
		most = max(most, len(batch))
		return bus.Work{}, nil
	}}
	s.start(t)
	for i := range n {
		if m := receive(t, "a large message", s.messages); string(m.Data[:4]) != fmt.Sprintf("%04d", i) {
			t.Fatalf("message %s in place %d", m.Data[:4], i)
		}
	}
	s.stop(t)
	if most > 20 {
		t.Errorf("a batch of %d MiB", most)
	}
	if got := metric(t, s.telemetry, "headstart_stage_retries_total{stage=\"simple\"}"); got != 0 {
		t.Errorf("tried again %v times: %s", got, s.log.String())
	}
}

func TestStageReportsWhyItCanNotStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	store, err := b.OpenStateStore(t.Context(), "X", storage)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Run(t.Context(), bus.Stage{Name: "tracker", Input: "NOWHERE", Outputs: []string{event.StreamConnections}, Store: store, Batch: 1})
	if err == nil || !strings.Contains(err.Error(), "tracker: stream NOWHERE: ") {
		t.Errorf("got %v", err)
	}
}

func TestStageEndsWhenItsBusIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b, err := bus.Connect(t.Context(), silent, bus.Options{Name: "x", Server: w.server.URL, Wait: waitLong})
	if err != nil {
		t.Fatal(err)
	}
	s := simpleStage{world: w, bus: b, batch: 1}
	s.start(t)
	w.send(t, "1")
	s.expect(t, "1")
	shut(t, b)
	if err := receive(t, "the stage to end", s.done); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("got %v", err)
	}
}
