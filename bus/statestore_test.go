package bus_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/bus/natstest"
	"headstart/event"
)

// keeper is a stage that saves what the test sets.
type keeper struct {
	*simpleStage
	states map[string][]bus.State // by message
}

// keep starts a stage. Each save is a message that makes it save states.
func (w *world) keep(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{states: map[string][]bus.State{}}
	k.simpleStage = &simpleStage{world: w, batch: 1, answer: func(batch []bus.Message) (work bus.Work, err error) {
		for _, m := range batch {
			work.States = append(work.States, k.states[string(m.Data)]...)
		}
		return work, nil
	}}
	k.start(t)
	return k
}

// save makes the stage save states and waits until it has.
func (k *keeper) save(t *testing.T, states ...bus.State) {
	t.Helper()
	id := fmt.Sprintf("save %d", len(k.states))
	k.states[id] = states
	k.world.send(t, id)
	k.expect(t, id)
	end := k.world.stream(t, event.StreamSnapshots).CachedInfo().State.LastSeq
	await(t, id, func() bool { return k.world.savedBy(t, "SIMPLE", "simple") >= end })
}

// open opens the bucket as a later instance of the process would.
func (w *world) open(t *testing.T, bucket string) *bus.StateStore {
	t.Helper()
	store, err := connect(t, bus.Options{Server: w.server.URL}).OpenStateStore(t.Context(), bucket, storage)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func all(t *testing.T, s *bus.StateStore) map[string]string {
	t.Helper()
	got := map[string]string{}
	if err := s.All(t.Context(), func(key string, value []byte) bool { got[key] = string(value); return true }); err != nil {
		t.Fatal(err)
	}
	return got
}

func get(t *testing.T, s *bus.StateStore, key string) []byte {
	t.Helper()
	value, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestStateStoreSavesStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.keep(t)
	k.save(t, bus.State{Key: "a", Value: []byte("1")}, bus.State{Key: "b", Value: []byte("2")}, bus.State{Key: "a", Value: []byte("3")})
	k.save(t, bus.State{Key: "c", Value: []byte{}}, bus.State{Key: "d", Value: []byte("4")})
	k.save(t, bus.State{Key: "b", Value: nil}, bus.State{Key: "d", Value: []byte("5")}, bus.State{Key: "d", Value: nil}, bus.State{Key: "e", Value: nil}, bus.State{Key: "e", Value: []byte("6")})
	want := map[string]string{"a": "3", "c": "", "e": "6"}
	for name, store := range map[string]*bus.StateStore{"of the stage": k.store, "of a later instance": w.open(t, "SIMPLE")} {
		if got := all(t, store); !maps.Equal(got, want) {
			t.Errorf("store %s: All gives %q, want %q", name, got, want)
		}
		for _, key := range []string{"a", "b", "c", "d", "e", "never"} {
			value := get(t, store, key)
			if w, there := want[key]; string(value) != w || there != (value != nil) {
				t.Errorf("store %s: Get(%q) gives %q, want %q", name, key, value, w)
			}
		}
	}
	k.stop(t)
}

func TestSavedReturnsThePositionOfAStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	if _, err := b.Saved(t.Context(), "SIMPLE", "simple"); err == nil {
		t.Error("a bucket that isn't there has a position")
	}
	k := w.keep(t)
	saved := func() bus.Position {
		p, err := b.Saved(t.Context(), "SIMPLE", "simple")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := saved(); p != (bus.Position{}) {
		t.Errorf("before the first message: %+v", p)
	}
	for n := range uint64(3) {
		k.save(t, bus.State{Key: "a", Value: []byte("1")})
		if p := saved(); p.Sequence != n+1 || p.Stream.IsZero() {
			t.Errorf("after %d messages: %+v", n+1, p)
		}
	}
	k.stop(t)
}

func TestStateStoreAcceptsAnyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.keep(t)
	keys := []string{
		"", "=", ".", "a.b", ".a.", "a b", "a*b", "a>", "*", ">", "web-01.example.com", "Zürich", "東京", "\x00\xff", "a\nb",
		"connection.host=2Ea", "position.simple", "owner", strings.Repeat("long", 60),
	}
	var states []bus.State
	want := map[string]string{}
	for i, key := range keys {
		want[key] = fmt.Sprintf("value %d", i)
		states = append(states, bus.State{Key: key, Value: []byte(want[key])})
	}
	k.save(t, states...)
	later := w.open(t, "SIMPLE")
	if got := all(t, later); !maps.Equal(got, want) {
		t.Errorf("All gives %q, want %q", got, want)
	}
	for key, value := range want {
		if got := get(t, later, key); string(got) != value {
			t.Errorf("Get(%q) gives %q, want %q", key, got, value)
		}
	}
	k.stop(t)
}

// What Handle has returned is what Get returns, though it is not saved yet: a
// stage that drops a host from memory may need it for the next batch.
func TestStateStoreReturnsUnsavedStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var store *bus.StateStore
	got := make(chan string, 100)
	s := simpleStage{world: w, batch: 1, answer: func(batch []bus.Message) (bus.Work, error) {
		value, err := store.Get(context.Background(), "key")
		if err != nil {
			return bus.Work{}, err
		}
		got <- string(value)
		work := bus.Work{States: []bus.State{{Key: "key", Value: batch[0].Data}}}
		if string(batch[0].Data) == "delete" {
			work.States[0].Value = nil
		}
		return work, nil
	}}
	s.start(t)
	store = s.store
	want := ""
	for _, data := range []string{"1", "2", "3", "4", "delete", "5", "6"} {
		w.send(t, data)
		if value := receive(t, "a value", got); value != want {
			t.Errorf("before %s the value is %q, want %q", data, value, want)
		}
		if want = data; data == "delete" {
			want = ""
		}
	}
	s.stop(t)
	if value := get(t, s.store, "key"); string(value) != "6" {
		t.Errorf("the value in the end is %q", value)
	}
}

// Of a server that takes little, even a small value is large.
const (
	payload = 32 << 10
	chunk   = payload - 4<<10
)

// large returns a value that takes so many chunks, and of which no part is in
// one with another name.
func large(name string, chunks int) []byte {
	return bytes.Repeat([]byte(name), chunks*chunk/len(name))
}

func TestStateStoreSavesLargeValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, natstest.MaxPayload(payload))
	k := w.keep(t)
	first, second, third := large("first.", 3), large("second", 5), large("third.", 2)
	check := func(want []byte) {
		t.Helper()
		for name, store := range map[string]*bus.StateStore{"of the stage": k.store, "of a later instance": w.open(t, "SIMPLE")} {
			if got := get(t, store, "big.key"); !bytes.Equal(got, want) {
				t.Errorf("store %s: got %d bytes that begin with %.6q, want %d that begin with %.6q", name, len(got), got, len(want), want)
			}
			if got := all(t, store); got["big.key"] != string(want) || got["small"] != "1" || len(got) != 2 {
				t.Errorf("store %s: All gives %d keys", name, len(got))
			}
		}
	}
	k.save(t, bus.State{Key: "big.key", Value: first}, bus.State{Key: "small", Value: []byte("1")})
	check(first)
	k.save(t, bus.State{Key: "big.key", Value: second})
	check(second)
	k.save(t, bus.State{Key: "big.key", Value: third})
	check(third)
	k.save(t, bus.State{Key: "big.key", Value: []byte("small now")})
	check([]byte("small now"))
	k.save(t, bus.State{Key: "big.key", Value: first})
	check(first)
	k.stop(t)
}

func TestStateStoreRejectsAValueThatIsTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, natstest.MaxPayload(payload))
	k := w.keep(t)
	fits := large("fits", 512)
	k.save(t, bus.State{Key: "key", Value: fits})
	if got := get(t, w.open(t, "SIMPLE"), "key"); !bytes.Equal(got, fits) {
		t.Errorf("got %d bytes, want %d", len(got), len(fits))
	}
	k.states["too large"] = []bus.State{{Key: "key", Value: large("long", 513)}}
	w.send(t, "too large")
	await(t, "readiness to say why", func() bool {
		parts, _ := k.telemetry.Status()
		return strings.Contains(parts["simple"], `bucket SIMPLE: key "key": 14708736 bytes, more than 512 chunks of 28672`)
	})
	k.cancel()
	expired, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_ = k.bus.Close(expired)
	receive(t, "the stage to end", k.done)
	if got := get(t, w.open(t, "SIMPLE"), "key"); !bytes.Equal(got, fits) {
		t.Errorf("the value before is lost: got %d bytes, want %d", len(got), len(fits))
	}
}

// A process that dies while it writes the chunks of a value leaves the value
// before, whichever of the two sets of chunks that was in.
func TestStateStoreReplacesALargeValueAtomically(t *testing.T) {
	t.Parallel()
	for _, saves := range []int{1, 2} {
		t.Run(fmt.Sprintf("after %d saves", saves), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, natstest.MaxPayload(payload))
			before := large("before", 30)
			k := w.keep(t)
			for i := range saves {
				if i < saves-1 {
					k.save(t, bus.State{Key: "key", Value: large("oldest", 31)})
				} else {
					k.save(t, bus.State{Key: "key", Value: before})
				}
			}
			k.stop(t)
			// Every try dies after more bytes of the next value, some of
			// them with a second try on a new connection.
			tries := 0
			for sent := 60_000; ; sent += 170_000 {
				tries++
				again := 1
				l := newLine(w.server.URL, sent, nil)
				if tries%2 == 0 {
					l.again = func() int {
						if again--; again < 0 {
							return 0
						}
						return sent / 2
					}
				}
				after := large("after.", 30)
				if w.dyingSave(t, l, after) {
					break
				}
				got := get(t, w.open(t, "SIMPLE"), "key")
				if bytes.Equal(got, after) {
					break // stored, and died before it knew
				}
				if !bytes.Equal(got, before) {
					t.Fatalf("try %d left %d bytes that begin with %.6q", tries, len(got), got)
				}
			}
			if tries < 4 {
				t.Errorf("only %d tries", tries)
			}
		})
	}
}

// dyingSave saves a value on a line that is cut, and reports whether it could.
func (w *world) dyingSave(t *testing.T, l *line, value []byte) bool {
	t.Helper()
	b := connect(t, bus.Options{Name: "dying", InProcess: l})
	store, err := b.OpenStateStore(t.Context(), "SIMPLE", storage)
	if err != nil {
		t.Fatal(err)
	}
	s := &simpleStage{world: w, bus: b, batch: 10, answer: func([]bus.Message) (bus.Work, error) {
		return bus.Work{States: []bus.State{{Key: "key", Value: value}}}, nil
	}}
	before := w.savedBy(t, "SIMPLE", "simple")
	w.send(t, "save")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.runOn(ctx, store) }()
	saved := false
	await(t, "the line to be cut", func() bool {
		saved = w.savedBy(t, "SIMPLE", "simple") > before
		return saved || l.exhausted()
	})
	l.cut()
	cancel()
	expired, stop := context.WithCancel(context.Background())
	stop()
	_ = b.Close(expired)
	receive(t, "the stage to end", done)
	return saved
}

func TestAllEndsWhenYieldReturnsFalse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.keep(t)
	var states []bus.State
	for i := range 1000 {
		states = append(states, bus.State{Key: fmt.Sprint(i), Value: []byte("x")})
	}
	k.save(t, states...)
	seen := 0
	if err := k.store.All(t.Context(), func(string, []byte) bool { seen++; return seen < 3 }); err != nil {
		t.Error(err)
	}
	if seen != 3 {
		t.Errorf("saw %d keys, want 3", seen)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.store.All(canceled, func(string, []byte) bool { return true }); err == nil {
		t.Error("All went through though its context had ended")
	}
	k.stop(t)
}

// All misses no key, though an instance writes all the time.
func TestAllWhileAnotherInstanceWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const keys = 2000
	saved := func(round string) (states []bus.State) {
		for i := range keys {
			states = append(states, bus.State{Key: fmt.Sprint(i), Value: []byte(round)})
		}
		return states
	}
	k := w.keep(t)
	k.save(t, saved("0")...)
	for round := 1; round <= 4; round++ {
		id := fmt.Sprintf("round %d", round)
		k.states[id] = saved(fmt.Sprint(round))
		w.send(t, id)
		store := w.open(t, "SIMPLE")
		if got := all(t, store); len(got) != keys {
			t.Fatalf("All gives %d keys, want %d", len(got), keys)
		}
		k.expect(t, id)
	}
	k.stop(t)
}

func TestOpenStateStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	t.Run("reports the field that differs", func(t *testing.T) {
		if _, err := b.OpenStateStore(t.Context(), "A", storage); err != nil {
			t.Fatal(err)
		}
		other := storage
		other.Bytes *= 2
		_, err := b.OpenStateStore(t.Context(), "A", other)
		if err == nil || !strings.Contains(err.Error(), "bucket A: ") || !strings.Contains(err.Error(), "max bytes (--storage)") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("rejects a bad name and bad storage", func(t *testing.T) {
		if _, err := b.OpenStateStore(t.Context(), "no good", storage); err == nil {
			t.Error("took a name with a space")
		}
		if _, err := b.OpenStateStore(t.Context(), "B", bus.Storage{Bytes: 1, Replicas: 1}); err == nil || !strings.Contains(err.Error(), "--storage") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("is a bucket for the NATS tools", func(t *testing.T) {
		kv, err := w.js.KeyValue(t.Context(), "A")
		if err != nil {
			t.Fatal(err)
		}
		status, err := kv.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if status.History() != 1 || status.TTL() != 30*24*time.Hour {
			t.Errorf("history %d, TTL %s", status.History(), status.TTL())
		}
		if _, err := kv.Put(t.Context(), "state.by-hand", []byte("\x00x")); err != nil {
			t.Error(err)
		}
	})
	t.Run("reports an unknown entry", func(t *testing.T) {
		kv, err := w.js.KeyValue(t.Context(), "A")
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range map[string]string{"state.bad": "\x07", "state.empty": "", "state.chunks": "\x01\x00\xff\xff", "state.lost": "\x01\x00\x00\x02"} {
			if _, err := kv.Put(t.Context(), key, []byte(value)); err != nil {
				t.Fatal(err)
			}
			store, err := b.OpenStateStore(t.Context(), "A", storage)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(key, "state.")
			if value, err := store.Get(t.Context(), name); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("bucket A: key %q: ", name)) {
				t.Errorf("Get(%q) gives %q, %v", name, value, err)
			}
			if err := store.All(t.Context(), func(string, []byte) bool { return true }); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("bucket A: key %q: ", name)) {
				t.Errorf("All gives %v", err)
			}
			if err := kv.Purge(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := kv.Put(t.Context(), "position.x", []byte("short")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.OpenStateStore(t.Context(), "A", storage); err == nil || !strings.Contains(err.Error(), "position of 5 bytes, want 16") {
			t.Errorf("got %v", err)
		}
	})
}
