package bus_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"headstart/bus"
	"headstart/bus/natstest"
	"headstart/event"
)

// summer is a stage that rarely saves its whole, large state. A new instance
// restores the saved state and reads the messages after it without outputs. Each
// output depends on all messages before it.
type summer struct {
	store *bus.StateStore
	form  form
	every uint64 // messages between two checkpoints
	size  int    // bytes of a checkpoint

	at         bus.Position // up to where sum stands
	sum        uint64
	saved      uint64
	generation byte
}

// form is how a checkpoint is kept.
type form struct {
	save func(t *summer, whole []byte) []bus.State
	load func(ctx context.Context, t *summer) ([]byte, error)
}

// forms are one value, which is the new one or the one before, and keys in two
// generations; a small root, written last, names the active one.
var forms = map[string]form{
	"one value": {
		save: func(_ *summer, whole []byte) []bus.State { return []bus.State{{Key: "checkpoint", Value: whole}} },
		load: func(ctx context.Context, t *summer) ([]byte, error) { return t.store.Get(ctx, "checkpoint") },
	},
	"two generations of keys": {
		save: func(t *summer, whole []byte) (states []bus.State) {
			next := 1 - t.generation
			for i := range pieces {
				states = append(states, bus.State{Key: pieceKey(next, i), Value: whole[i*len(whole)/pieces : (i+1)*len(whole)/pieces]})
			}
			t.generation = next
			return append(states, bus.State{Key: "root", Value: []byte{next}})
		},
		load: func(ctx context.Context, t *summer) (whole []byte, err error) {
			root, err := t.store.Get(ctx, "root")
			if err != nil || root == nil {
				return nil, err
			}
			t.generation = root[0]
			for i := range pieces {
				piece, err := t.store.Get(ctx, pieceKey(t.generation, i))
				if err != nil {
					return nil, err
				}
				whole = append(whole, piece...)
			}
			return whole, nil
		},
	},
}

const pieces = 4

func pieceKey(generation byte, i int) string { return fmt.Sprintf("%d.%d", generation, i) }

// encode fills the checkpoint with its sequence, so that one of two mixed ones
// is found out.
func (t *summer) encode() []byte {
	word := binary.BigEndian.AppendUint64(nil, uint64(t.at.Stream.UnixNano()))
	word = binary.BigEndian.AppendUint64(word, t.at.Sequence)
	word = binary.BigEndian.AppendUint64(word, t.sum)
	return bytes.Repeat(word, max(1, t.size/len(word)))
}

func (t *summer) decode(whole []byte) error {
	if whole == nil {
		return nil
	}
	const length = 24
	word := whole[:length]
	for i := 0; i < len(whole); i += length {
		if !bytes.Equal(whole[i:i+length], word) {
			return errors.New("the checkpoint is of more than one state")
		}
	}
	t.at = bus.Position{Stream: time.Unix(0, int64(binary.BigEndian.Uint64(word))), Sequence: binary.BigEndian.Uint64(word[8:])}
	t.sum, t.saved = binary.BigEndian.Uint64(word[16:]), t.at.Sequence
	return nil
}

// restore takes up the checkpoint, and catches up to the position.
func (t *summer) restore(ctx context.Context, b *bus.Bus) (caughtUp int, err error) {
	whole, err := t.form.load(ctx, t)
	if err == nil {
		err = t.decode(whole)
	}
	position := t.store.Position("summer")
	if err != nil || position.Sequence <= t.at.Sequence {
		return 0, err
	}
	err = b.Read(ctx, event.StreamSnapshots, t.at.Sequence+1, position.Sequence, func(m bus.Message) error {
		caughtUp++
		t.take(m)
		return nil
	})
	return caughtUp, err
}

func (t *summer) take(m bus.Message) (fresh bool) {
	if m.Sequence <= t.at.Sequence {
		return false
	}
	t.at = bus.Position{Stream: m.Stream, Sequence: m.Sequence}
	for _, c := range m.Data {
		t.sum = t.sum*31 + uint64(c)
	}
	return true
}

func (t *summer) handle(_ context.Context, batch []bus.Message) (work bus.Work, err error) {
	for _, m := range batch {
		if t.take(m) {
			work.Outputs = append(work.Outputs, bus.Output{
				Subject: "connection.x", ID: fmt.Sprint(m.Sequence), Data: fmt.Append(nil, t.sum), Source: m.Sequence,
			})
		}
	}
	if t.at.Sequence-t.saved >= t.every {
		t.saved = t.at.Sequence
		work.States = t.form.save(t, t.encode())
	}
	return work, nil
}

func (t *summer) run(ctx context.Context, b *bus.Bus, batch int) error {
	return b.Run(ctx, bus.Stage{
		Name: "summer", Input: event.StreamSnapshots, Outputs: []string{event.StreamConnections},
		Store: t.store, Batch: batch, Handle: t.handle,
	})
}

func TestStageWithRareCheckpointsResumesExactly(t *testing.T) {
	t.Parallel()
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const messages = 600
			w := newWorld(t, natstest.MaxPayload(payload))
			w.forgetful(t)
			all := make([]*nats.Msg, messages)
			for i := range all {
				all[i] = &nats.Msg{Subject: "snapshot.x", Data: fmt.Append(nil, i)}
			}
			w.publish(t, all...)
			instances, caughtUp := 0, 0
			for sent := 30_000; w.savedBy(t, "SUMMER", "summer") < messages; instances++ {
				caughtUp += w.sum(t, form, messages, sent)
				sent += 61_000
				if sent > 1_500_000 {
					sent = 30_000
				}
			}
			t.Logf("%d instances, %d messages read again", instances, caughtUp)
			if instances < 4 || caughtUp == 0 {
				t.Errorf("only %d instances, and %d messages read again", instances, caughtUp)
			}
			outputs := w.read(t, event.StreamConnections)
			if len(outputs) != messages {
				t.Errorf("%d outputs, want %d", len(outputs), messages)
			}
			want := summer{}
			for i, m := range outputs {
				want.take(bus.Message{Sequence: uint64(i + 1), Data: all[i].Data})
				if got := string(m.Data()); got != fmt.Sprint(want.sum) {
					t.Fatalf("output %d is %s, want %d", i+1, got, want.sum)
				}
			}
		})
	}
}

// sum runs a summer until it has sent a number of bytes or is done.
func (w *world) sum(t *testing.T, form form, messages uint64, bytes int) (caughtUp int) {
	t.Helper()
	l := newLine(w.server.URL, bytes, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b, err := bus.Connect(ctx, silent, bus.Options{Name: "summer", InProcess: l, Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	die := sync.OnceFunc(func() {
		l.cut()
		cancel()
		expired, stop := context.WithCancel(context.Background())
		stop()
		_ = b.Close(expired)
	})
	defer die()
	summer := &summer{form: form, every: 40, size: 300_000}
	if summer.store, err = b.OpenStateStore(ctx, "SUMMER", storage); err != nil {
		return 0
	}
	caught := make(chan error, 1)
	go func() { caughtUp, err = summer.restore(ctx, b); caught <- err }()
	select {
	case err := <-caught:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("doesn't catch up")
	}
	done := make(chan error, 1)
	go func() { done <- summer.run(ctx, b, 13) }()
	await(t, "the instance to end", func() bool { return l.isDead() || w.savedBy(t, "SUMMER", "summer") == messages })
	die()
	receive(t, "the stage to end", done)
	return caughtUp
}

// The state of a correlator with many hosts; smaller with -short.
func TestStateStoreSavesALargeCheckpoint(t *testing.T) {
	t.Parallel()
	size := 64 << 20
	if testing.Short() {
		size = 4 << 20
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := connect(t, bus.Options{Server: w.server.URL})
			roomy := bus.Storage{Bytes: 4 << 30, Replicas: 1}
			open := func() *summer {
				store, err := b.OpenStateStore(t.Context(), "SUMMER", roomy)
				if err != nil {
					t.Fatal(err)
				}
				return &summer{store: store, form: form, every: 2, size: size}
			}
			ctx, cancel := context.WithCancel(t.Context())
			first := open()
			done := make(chan error, 1)
			go func() { done <- first.run(ctx, b, 1) }()
			for n := range uint64(8) {
				began := time.Now()
				w.send(t, fmt.Sprint(n))
				await(t, "the output", func() bool { return w.count(t, event.StreamConnections) > int(n) })
				published := time.Since(began)
				await(t, "the position", func() bool { return w.savedBy(t, "SUMMER", "summer") > n })
				t.Logf("message %d: published after %s, saved after %s", n+1, published.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
			}
			cancel()
			if err := receive(t, "the stage to end", done); err != nil {
				t.Error(err)
			}
			second := open()
			began := time.Now()
			if _, err := second.restore(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			t.Logf("restored after %s", time.Since(began).Round(time.Millisecond))
			if second.at.Sequence != first.at.Sequence || !second.at.Stream.Equal(first.at.Stream) || second.sum != first.sum {
				t.Errorf("restored %v, %d; want %v, %d", second.at, second.sum, first.at, first.sum)
			}
		})
	}
}
