//go:build chaos

package bus_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"headstart/bus"
	"headstart/event"
)

// dice returns a random source whose seed a failed test shows.
func dice(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestKilledStagePublishesNothingTwice(t *testing.T) {
	t.Parallel()
	for i := range 3 {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			t.Parallel()
			const hosts, entries = 4, 300
			w, random := newWorld(t), dice(t)
			w.publishEntries(t, hosts, 1, entries)
			instances := 0
			for ; w.saved(t) < hosts*entries; instances++ {
				l, err := w.start(t, instanceOptions{bytes: 5000 + random.IntN(100_000), batch: 1 + random.IntN(60), room: 1 + random.IntN(hosts)})
				await(t, "the instance to end", func() bool { return err != nil || l.line.isDead() || w.saved(t) == hosts*entries })
				l.kill(t)
			}
			t.Logf("%d instances", instances)
			if instances < 4 {
				t.Errorf("only %d instances", instances)
			}
			w.check(t, hosts, entries)
		})
	}
}

func TestStageKeepsTheOrderWhenItsConnectionBreaks(t *testing.T) {
	t.Parallel()
	const hosts, entries = 3, 180
	w, random := newWorld(t), dice(t)
	w.publishEntries(t, hosts, 1, entries)
	next := func() int { return 10_000 + random.IntN(50_000) }
	l := w.mustStart(t, instanceOptions{bytes: next(), again: next, batch: 40, room: hosts})
	w.caughtUp(t)
	l.stop(t)
	w.check(t, hosts, entries)
	if metric(t, l.telemetry, "headstart_nats_reconnects_total") < 3 {
		t.Error("the connection hardly broke")
	}
}

func TestStageSurvivesServerRestarts(t *testing.T) {
	t.Parallel()
	const hosts, entries, more, batch = 3, 200, 60, 20
	w, random := newWorld(t), dice(t)
	w.publishEntries(t, hosts, 1, entries)
	var left atomic.Int32 // batches until the server is to be restarted
	restart := make(chan struct{}, 1)
	again := func() { left.Store(int32(1 + random.IntN(hosts*more/batch))) }
	again()
	l := w.mustStart(t, instanceOptions{batch: batch, wrap: func(handle handler) handler {
		return func(ctx context.Context, batch []bus.Message) (bus.Work, error) {
			if left.Add(-1) == 0 {
				restart <- struct{}{}
			}
			return handle(ctx, batch)
		}
	}})
	to := entries
	for range 3 {
		receive(t, "the stage to work", restart)
		w.server.Stop(t)
		w.server.Restart(t)
		await(t, "an answer", func() bool { return w.nc.FlushTimeout(time.Second) == nil })
		again()
		w.publishEntries(t, hosts, to+1, to+more) // or it might have nothing to do any more
		to += more
	}
	w.caughtUp(t)
	l.stop(t)
	w.check(t, hosts, to)
}

func TestStageInTwoInstances(t *testing.T) {
	t.Parallel()
	const hosts, entries = 4, 400
	w, random := newWorld(t), dice(t)
	w.publishEntries(t, hosts, 1, entries/2)
	var instances []*instance
	for range 2 {
		l := w.mustStart(t, instanceOptions{batch: 1 + random.IntN(80), room: 1 + random.IntN(hosts)})
		instances = append(instances, l)
	}
	w.publishEntries(t, hosts, entries/2+1, entries)
	// One is killed, and another takes its place.
	await(t, "half of the work", func() bool { return w.saved(t) > hosts*entries/2 })
	instances[random.IntN(2)].kill(t)
	third := w.mustStart(t, instanceOptions{batch: 1 + random.IntN(80), room: hosts})
	w.caughtUp(t)
	third.stop(t)
	w.check(t, hosts, entries)

	// A later instance resumes from what they have saved.
	for _, l := range instances {
		l.kill(t)
	}
	w.publishEntries(t, hosts, entries+1, entries+10)
	last := w.mustStart(t, instanceOptions{batch: 10, room: hosts})
	w.caughtUp(t)
	last.stop(t)
	w.check(t, hosts, entries+10)
}

// A stage requires that nobody else writes to its output streams. Another writer
// can disturb the order, but nothing else.
func TestStageBesideAnotherWriterLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	const hosts, entries = 3, 150
	w := newWorld(t)
	w.publishEntries(t, hosts, 1, entries)
	batches := make(chan struct{}, entries*hosts)
	foreign := make(chan int, 1)
	go func() {
		n := 0
		defer func() { foreign <- n }()
		for range batches {
			if _, err := w.js.Publish(context.Background(), "connection.foreign", []byte("foreign")); err != nil {
				t.Error(err)
				return
			}
			n++
		}
	}()
	l := w.mustStart(t, instanceOptions{batch: 10, room: hosts, wrap: func(handle handler) handler {
		return func(ctx context.Context, batch []bus.Message) (bus.Work, error) {
			batches <- struct{}{}
			return handle(ctx, batch)
		}
	}})
	w.caughtUp(t)
	close(batches)
	n := receive(t, "the other writer to end", foreign)
	l.stop(t)
	seen := map[string]int{}
	for _, m := range w.read(t, event.StreamConnections) {
		seen[string(m.Data())]++
	}
	if seen["foreign"] != n || n == 0 {
		t.Errorf("%d foreign messages, want %d", seen["foreign"], n)
	}
	delete(seen, "foreign")
	var a account
	for i := 1; i <= entries; i++ {
		a = a.next(i)
		for h := range hosts {
			for _, data := range answers(hostName(h), a)[event.StreamConnections] {
				if seen[data] != 1 {
					t.Fatalf("output %q is there %d times", data, seen[data])
				}
				delete(seen, data)
			}
		}
	}
	if len(seen) > 0 {
		t.Errorf("outputs that should not be there: %v", seen)
	}
}

func TestStageKilledBeforeSavingReadsBack(t *testing.T) {
	t.Parallel()
	const hosts, entries = 3, 20
	start := func(t *testing.T) (w *world, rewind func()) {
		w = newWorld(t)
		w.forgetful(t)
		w.publishEntries(t, hosts, 1, entries)
		l := w.mustStart(t, instanceOptions{batch: 7})
		w.caughtUp(t)
		l.stop(t)
		rewind = w.saveBucket(t)
		w.publishEntries(t, hosts, entries+1, 2*entries)
		w.publish(t, &nats.Msg{Subject: event.SnapshotSubject("bad"), Data: []byte(garbage)})
		w.publishEntries(t, hosts, 2*entries+1, 3*entries)
		w.publish(t, &nats.Msg{Subject: event.SnapshotSubject("bad"), Data: []byte(garbage)})
		l = w.mustStart(t, instanceOptions{batch: 25, room: hosts})
		w.caughtUp(t)
		l.stop(t)
		w.check(t, hosts, 3*entries)
		if n := w.count(t, event.StreamDeadLetters); n != 2 {
			t.Fatalf("%d dead letters, want 2", n)
		}
		w.forgotten(t)
		return w, rewind
	}
	again := func(t *testing.T, w *world, o instanceOptions) {
		t.Helper()
		l := w.mustStart(t, o)
		w.caughtUp(t)
		l.stop(t)
		w.check(t, hosts, 3*entries)
		if n := w.count(t, event.StreamDeadLetters); n != 2 {
			t.Errorf("%d dead letters, want 2", n)
		}
	}
	t.Run("everything was published", func(t *testing.T) {
		t.Parallel()
		w, rewind := start(t)
		rewind()
		again(t, w, instanceOptions{batch: 10, room: hosts})
	})
	t.Run("the end was not published", func(t *testing.T) {
		t.Parallel()
		w, rewind := start(t)
		rewind()
		outputs := w.stream(t, event.StreamConnections)
		info, err := outputs.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		messages := w.read(t, event.StreamConnections)
		for _, m := range messages[len(messages)-10:] {
			meta, err := m.Metadata()
			if err != nil {
				t.Fatal(err)
			}
			if err := outputs.DeleteMsg(t.Context(), meta.Sequence.Stream); err != nil {
				t.Fatal(err)
			}
		}
		again(t, w, instanceOptions{batch: 13, room: hosts})
		if got := w.count(t, event.StreamConnections); got != int(info.State.Msgs) {
			t.Errorf("%d outputs, want %d", got, info.State.Msgs)
		}
	})
	t.Run("repeatedly, with other batches", func(t *testing.T) {
		t.Parallel()
		w, rewind := start(t)
		rewind()
		for _, batch := range []int{3, 50, 11} {
			w.forgotten(t)
			limited, stop := 0, errors.New("enough")
			l := w.mustStart(t, instanceOptions{batch: batch, room: hosts, wrap: func(handle handler) handler {
				return func(ctx context.Context, messages []bus.Message) (bus.Work, error) {
					if limited++; limited > 2 {
						return bus.Work{}, stop
					}
					return handle(ctx, messages)
				}
			}})
			await(t, "two batches", func() bool { return metric(t, l.telemetry, `headstart_stage_retries_total{stage="ledger"}`) > 0 })
			l.kill(t)
		}
		w.forgotten(t)
		again(t, w, instanceOptions{batch: 10, room: hosts})
	})
}

// A process that was stopped for long, as by SIGSTOP or with its machine, goes
// on with what it was about to publish when another has done that and more.
func TestStageThatResumesLateChangesNothing(t *testing.T) {
	t.Parallel()
	const hosts, entries = 3, 30
	w := newWorld(t)
	w.forgetful(t)
	w.publishEntries(t, hosts, 1, entries)
	asleep, wake := make(chan struct{}, 1), make(chan struct{})
	late := w.mustStart(t, instanceOptions{batch: 20, room: hosts, wrap: func(handle handler) handler {
		calls := 0
		return func(ctx context.Context, batch []bus.Message) (bus.Work, error) {
			work, err := handle(ctx, batch)
			if calls++; calls == 2 {
				asleep <- struct{}{}
				<-wake
			}
			return work, err
		}
	}})
	receive(t, "the first instance to sleep", asleep)
	other := w.mustStart(t, instanceOptions{batch: 20, room: hosts})
	w.caughtUp(t)
	w.publishEntries(t, hosts, entries+1, 2*entries)
	w.caughtUp(t)
	w.forgotten(t)
	close(wake)
	await(t, "the late one to catch up", func() bool {
		return metric(t, late.telemetry, `headstart_stage_outputs_total{stage="ledger"}`) >= metric(t, other.telemetry, `headstart_stage_outputs_total{stage="ledger"}`)
	})
	other.kill(t)
	w.check(t, hosts, 2*entries)
	w.publishEntries(t, hosts, 2*entries+1, 3*entries)
	w.caughtUp(t)
	late.stop(t)
	w.check(t, hosts, 3*entries)
}
