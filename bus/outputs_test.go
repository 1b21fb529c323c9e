package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/bus"
	"headstart/event"
)

// shut makes a stream reject what a stage publishes to it, until it is opened.
func (w *world) shut(t *testing.T, stream string) (open func()) {
	t.Helper()
	config := w.stream(t, stream).CachedInfo().Config
	closed := config
	closed.Subjects = []string{"nobody.publishes.to.this"}
	if _, err := w.js.UpdateStream(t.Context(), closed); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if _, err := w.js.UpdateStream(t.Context(), config); err != nil {
			t.Error(err)
		}
	})
}

// stuck starts an instance that gets no further than between its two output
// streams, and returns when it is there.
func (w *world) stuck(t *testing.T, o instanceOptions) *instance {
	t.Helper()
	l := w.mustStart(t, o)
	await(t, "the second stream to reject an output", func() bool {
		parts, _ := l.telemetry.Status()
		return strings.Contains(parts["ledger"], "publish to incident.")
	})
	return l
}

func TestStageKilledBetweenItsOutputStreams(t *testing.T) {
	t.Parallel()
	const hosts, entries = 3, 40
	t.Run("publishes only the missing outputs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.forgetful(t)
		w.publishEntries(t, hosts, 1, entries)
		open := w.shut(t, event.StreamIncidents)
		l := w.stuck(t, instanceOptions{batch: 30, room: hosts})
		l.kill(t)
		if first, second := w.count(t, event.StreamConnections), w.count(t, event.StreamIncidents); first == 0 || second != 0 || w.saved(t) != 0 {
			t.Fatalf("it died with %d and %d outputs at position %d", first, second, w.saved(t))
		}
		open()
		w.forgotten(t)
		l = w.mustStart(t, instanceOptions{batch: 7, room: hosts})
		w.caughtUp(t)
		l.stop(t)
		w.check(t, hosts, entries)
	})
	t.Run("repeatedly, with other batches", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.forgetful(t)
		for _, batch := range []int{11, 64, 5} {
			w.publishEntries(t, hosts, 1+w.entries(t, hosts), w.entries(t, hosts)+entries)
			open := w.shut(t, event.StreamIncidents)
			w.stuck(t, instanceOptions{batch: batch, room: hosts}).kill(t)
			open()
			w.forgotten(t)
			limited := 0
			l := w.mustStart(t, instanceOptions{batch: batch / 2, room: hosts, wrap: func(handle handler) handler {
				return func(ctx context.Context, messages []bus.Message) (bus.Work, error) {
					if limited++; limited > 3 {
						return bus.Work{}, errors.New("enough")
					}
					return handle(ctx, messages)
				}
			}})
			await(t, "three batches", func() bool { return metric(t, l.telemetry, `headstart_stage_retries_total{stage="ledger"}`) > 0 })
			l.kill(t)
			w.forgotten(t)
		}
		l := w.mustStart(t, instanceOptions{batch: 20, room: hosts})
		w.caughtUp(t)
		l.stop(t)
		w.check(t, hosts, w.entries(t, hosts))
	})
	t.Run("while a second instance runs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.forgetful(t)
		w.publishEntries(t, hosts, 1, entries)
		open := w.shut(t, event.StreamIncidents)
		instances := []*instance{w.stuck(t, instanceOptions{batch: 13, room: hosts}), w.stuck(t, instanceOptions{batch: 31, room: hosts})}
		w.forgotten(t, event.StreamDeadLetters) // as long as the others: a probe in those would be another writer
		open()
		w.publishEntries(t, hosts, entries+1, 2*entries)
		w.caughtUp(t)
		for _, l := range instances {
			l.kill(t)
		}
		w.check(t, hosts, 2*entries)
	})
}

// entries returns the number of entries of each host.
func (w *world) entries(t *testing.T, hosts int) int {
	t.Helper()
	return w.count(t, event.StreamSnapshots) / hosts
}

// The one stream may have much to read back where the other has nothing.
func TestStageReadsBackEachOutputStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.forgetful(t)
	var data []string
	for i := range 30 {
		data = append(data, fmt.Sprint(i))
	}
	w.send(t, data...)
	// The first message has an output of each kind, the last of the second.
	answer := func(batch []bus.Message) (work bus.Work, err error) {
		for _, m := range batch {
			if m.Sequence > 1 {
				work.Outputs = append(work.Outputs, bus.Output{Subject: "connection.x", ID: "c" + string(m.Data), Data: m.Data, Source: m.Sequence})
			}
			if m.Sequence == 1 || m.Sequence == 30 {
				work.Outputs = append(work.Outputs, bus.Output{Subject: "incident.x", ID: "i" + string(m.Data), Data: m.Data, Source: m.Sequence})
			}
		}
		return work, nil
	}
	for instance := range 3 {
		s := simpleStage{world: w, batch: 4 + 9*instance, answer: answer, outputs: []string{event.StreamIncidents, event.StreamConnections}}
		s.start(t)
		await(t, "all to be handled", func() bool { return w.savedBy(t, "SIMPLE", "simple") == 30 })
		s.stop(t)
		if connections, incidents := w.count(t, event.StreamConnections), w.count(t, event.StreamIncidents); connections != 29 || incidents != 2 {
			t.Fatalf("instance %d: %d and %d outputs, want 29 and 2", instance+1, connections, incidents)
		}
		w.forgotten(t)
		if err := w.js.DeleteKeyValue(t.Context(), "SIMPLE"); err != nil { // start again
			t.Fatal(err)
		}
	}
}

func TestStageRejectsAnOutputOutsideItsStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, "1")
	s := simpleStage{world: w, batch: 1, answer: func(batch []bus.Message) (bus.Work, error) {
		return bus.Work{Outputs: []bus.Output{{Subject: "alert.high.x", ID: "o", Source: batch[0].Sequence}}}, nil
	}}
	s.start(t)
	await(t, "readiness to say why", func() bool {
		parts, _ := s.telemetry.Status()
		return strings.Contains(parts["simple"], "output o: subject alert.high.x is in none of the stage's output streams")
	})
	b := connect(t, bus.Options{Server: w.server.URL})
	err := b.Run(t.Context(), bus.Stage{Name: "x", Input: event.StreamSnapshots, Outputs: []string{"NOWHERE"}, Store: s.store, Batch: 1})
	if err == nil || err.Error() != "x: output stream NOWHERE: not found" {
		t.Errorf("got %v", err)
	}
}

func TestStreamSharesAddUpTo100Percent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sum := int64(0)
	for _, name := range []string{event.StreamSnapshots, event.StreamConnections, event.StreamAlerts, event.StreamIncidents, event.StreamDeadLetters} {
		config := w.stream(t, name).CachedInfo().Config
		sum += config.MaxBytes
		if config.Storage != jetstream.FileStorage || config.MaxAge == 0 || config.MaxBytes <= 0 {
			t.Errorf("%s: storage %s, age %s, %d bytes", name, config.Storage, config.MaxAge, config.MaxBytes)
		}
	}
	if sum > storage.Bytes || sum < storage.Bytes-100 {
		t.Errorf("all streams may take %d bytes, want %d", sum, storage.Bytes)
	}
}
