package bus_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/bus"
	"headstart/event"
)

// stored publishes numbered messages, each to the subject of its number modulo
// so many.
func (w *world) stored(t *testing.T, from, to, subjects int) {
	t.Helper()
	var all []*nats.Msg
	for n := from; n <= to; n++ {
		all = append(all, &nats.Msg{Subject: fmt.Sprintf("incident.%d", n%subjects), Data: fmt.Append(nil, n), Header: nats.Header{
			"Nats-Msg-Id": {fmt.Sprint("id ", n)},
		}})
	}
	w.publish(t, all...)
}

// sequences collects the messages that a function passes on, as numbers.
func sequences(t *testing.T, read func(do func(bus.Message) error) error) (got []int) {
	t.Helper()
	err := read(func(m bus.Message) error {
		var n int
		if _, err := fmt.Sscan(string(m.Data), &n); err != nil {
			return err
		}
		got = append(got, n)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func span(from, to int) (all []int) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

func TestReadBetweenTwoSequences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	empty := sequences(t, func(do func(bus.Message) error) error { return b.Read(t.Context(), event.StreamIncidents, 0, 0, do) })
	if len(empty) > 0 {
		t.Errorf("an empty stream gives %v", empty)
	}
	const last = 3000
	w.stored(t, 1, last, 7)
	for _, test := range []struct {
		from, to uint64
		want     []int
	}{
		{0, 0, span(1, last)},
		{1, 1, span(1, 1)},
		{1, last, span(1, last)},
		{17, 2222, span(17, 2222)},
		{last, 0, span(last, last)},
		{last - 10, last + 10, span(last-10, last)},
		{last + 1, 0, nil},
		{last + 1, last + 9, nil},
		{20, 19, nil},
	} {
		got := sequences(t, func(do func(bus.Message) error) error {
			return b.Read(t.Context(), event.StreamIncidents, test.from, test.to, do)
		})
		if !slices.Equal(got, test.want) {
			t.Errorf("from %d to %d: %d messages, want %d", test.from, test.to, len(got), len(test.want))
		}
	}
	if n := w.count(t, event.StreamIncidents); n != last {
		t.Errorf("the stream holds %d messages after reading, want %d", n, last)
	}
}

func TestReadMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stored(t, 1, 2, 2)
	b := connect(t, bus.Options{Server: w.server.URL})
	var got []bus.Message
	if err := b.Read(t.Context(), event.StreamIncidents, 2, 2, func(m bus.Message) error { got = append(got, m); return nil }); err != nil {
		t.Fatal(err)
	}
	created := w.stream(t, event.StreamIncidents).CachedInfo().Created
	if len(got) != 1 || got[0].Subject != "incident.0" || got[0].ID != "id 2" || string(got[0].Data) != "2" || got[0].Sequence != 2 ||
		!got[0].Stream.Equal(created) || time.Since(got[0].StoredAt) > time.Minute {
		t.Errorf("got %+v", got)
	}
	last, err := b.LastFor(t.Context(), event.StreamIncidents, "incident.0")
	if err != nil {
		t.Fatal(err)
	}
	if last.Subject != "incident.0" || last.ID != "id 2" || string(last.Data) != "2" || last.Sequence != 2 || !last.Stream.Equal(created) || !last.StoredAt.Equal(got[0].StoredAt) {
		t.Errorf("got %+v", last)
	}
	if none, err := b.LastFor(t.Context(), event.StreamIncidents, "incident.never"); none != nil || err != nil {
		t.Errorf("got %v, %v", none, err)
	}
	if _, err := b.LastFor(t.Context(), "NOWHERE", "incident.0"); !errors.Is(err, jetstream.ErrStreamNotFound) || !strings.Contains(err.Error(), "stream NOWHERE: ") {
		t.Errorf("got %v", err)
	}
}

func TestReadSkipsDeletedMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	w.stored(t, 1, 20, 2)
	stream := w.stream(t, event.StreamIncidents)
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(6)); err != nil {
		t.Fatal(err)
	}
	for _, sequence := range []uint64{9, 10, 20} {
		if err := stream.DeleteMsg(t.Context(), sequence); err != nil {
			t.Fatal(err)
		}
	}
	got := sequences(t, func(do func(bus.Message) error) error { return b.Read(t.Context(), event.StreamIncidents, 3, 0, do) })
	if want := append(span(6, 8), span(11, 19)...); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What a reader waits for can expire before it comes.
func TestReadEndsWhenTheRestIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	const last = 5000 // more than a reader asks for at once
	w.stored(t, 1, last, 2)
	got := sequences(t, func(do func(bus.Message) error) error {
		return b.Read(t.Context(), event.StreamIncidents, 1, 0, func(m bus.Message) error {
			if m.Sequence == 1 {
				if err := w.stream(t, event.StreamIncidents).Purge(t.Context()); err != nil {
					return err
				}
			}
			return do(m)
		})
	})
	if len(got) == 0 || len(got) == last || !slices.Equal(got, span(1, len(got))) {
		t.Errorf("%d messages", len(got))
	}
}

func TestReadReturnsTheErrorOfItsFunction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stored(t, 1, 100, 1)
	b := connect(t, bus.Options{Server: w.server.URL})
	enough := errors.New("enough")
	calls := 0
	err := b.Read(t.Context(), event.StreamIncidents, 1, 0, func(bus.Message) error {
		if calls++; calls == 3 {
			return enough
		}
		return nil
	})
	if err != enough || calls != 3 {
		t.Errorf("%v after %d calls", err, calls)
	}
	if err := b.Read(t.Context(), "NOWHERE", 1, 0, nil); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestReadSurvivesServerRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const last = 5000
	w.stored(t, 1, last, 3)
	b := connect(t, bus.Options{Server: w.server.URL})
	for name, read := range map[string]func(do func(bus.Message) error) error{
		"Read": func(do func(bus.Message) error) error { return b.Read(t.Context(), event.StreamIncidents, 1, 0, do) },
		"ReadSince": func(do func(bus.Message) error) error {
			return b.ReadSince(t.Context(), event.StreamIncidents, time.Time{}.Add(1), do)
		},
	} {
		t.Run(name, func(t *testing.T) {
			restarts := 0
			got := sequences(t, func(do func(bus.Message) error) error {
				return read(func(m bus.Message) error {
					if m.Sequence == 1 || m.Sequence == last/2 {
						restarts++
						w.server.Stop(t)
						w.server.Restart(t)
					}
					return do(m)
				})
			})
			if !slices.Equal(got, span(1, last)) || restarts != 2 {
				t.Errorf("%d messages over %d restarts, want %d", len(got), restarts, last)
			}
		})
	}
}

func TestReadReportsARecreatedStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const last = 5000 // more than a reader asks for at once
	w.stored(t, 1, last, 2)
	b := connect(t, bus.Options{Server: w.server.URL})
	err := b.Read(t.Context(), event.StreamIncidents, 1, 0, func(m bus.Message) error {
		if m.Sequence == 1 {
			w.renew(t, event.StreamIncidents)
			w.stored(t, 1, last, 2)
		}
		return nil
	})
	if err == nil || err.Error() != "stream INCIDENTS: recreated while it was read" {
		t.Errorf("got %v", err)
	}
}

func TestReadSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	w.stored(t, 1, 10, 2)
	w.stored(t, 11, 11, 2)
	tenth, err := w.stream(t, event.StreamIncidents).GetMsg(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	since := func(at time.Time) []int {
		return sequences(t, func(do func(bus.Message) error) error { return b.ReadSince(t.Context(), event.StreamIncidents, at, do) })
	}
	if got := since(tenth.Time); !slices.Equal(got, span(10, 11)) {
		t.Errorf("since the tenth: %v", got)
	}
	if got := since(tenth.Time.Add(-time.Hour)); !slices.Equal(got, span(1, 11)) {
		t.Errorf("since long ago: %v", got)
	}
	if got := since(time.Now().Add(time.Hour)); len(got) != 0 {
		t.Errorf("since a time to come: %v", got)
	}
}

func TestLastReadsTheLastMessageOfEachSubject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	last := func(filter string, meanwhile func(bus.Message)) []int {
		return sequences(t, func(do func(bus.Message) error) error {
			return b.Last(t.Context(), event.StreamIncidents, filter, func(m bus.Message) error { meanwhile(m); return do(m) })
		})
	}
	nothing := func(bus.Message) {}
	if got := last("incident.*", nothing); len(got) != 0 {
		t.Errorf("an empty stream gives %v", got)
	}
	w.stored(t, 1, 2000, 700)
	w.stored(t, 2001, 2003, 700) // subjects 601, 602, 603
	want := slices.Concat(span(1304, 1400), span(1401, 2003))
	want = slices.DeleteFunc(want, func(n int) bool { return n <= 1303 })
	if got := last("incident.*", nothing); !slices.Equal(got, want) {
		t.Errorf("%d messages, want %d; the first %v, want %v", len(got), len(want), got[:3], want[:3])
	}
	if got := last("incident.601", nothing); !slices.Equal(got, []int{2001}) {
		t.Errorf("of one subject: %v", got)
	}
	if got := last("incident.never", nothing); len(got) != 0 {
		t.Errorf("of no subject: %v", got)
	}
	t.Run("while the server restarts and another writes", func(t *testing.T) {
		restarted := false
		got := last("incident.*", func(m bus.Message) {
			if m.Sequence >= 1500 && !restarted {
				restarted = true
				w.server.Stop(t)
				w.server.Restart(t)
				await(t, "an answer of the new server", func() bool { return w.nc.FlushTimeout(time.Second) == nil })
				w.stored(t, 2004, 2500, 700)
			}
		})
		newest := map[int]int{}
		for _, n := range got {
			newest[n%700] = n
		}
		for subject := range 700 {
			if n := newest[subject]; n < 2500-2*700 || n > 2500 || n+700 <= 2003 {
				t.Fatalf("subject %d: %d", subject, n)
			}
		}
		if len(newest) != 700 {
			t.Errorf("%d subjects, want 700", len(newest))
		}
	})
}

// A subject that gets message after message is not left out.
func TestLastWhileAnotherWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	const subjects = 50
	w.stored(t, 1, subjects, subjects)
	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		n := subjects
		for {
			select {
			case <-stop:
				stopped <- n
				return
			default:
				n++
				if _, err := w.js.Publish(t.Context(), fmt.Sprintf("incident.%d", n%subjects), fmt.Append(nil, n)); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for range 50 {
		seen := map[string]bool{}
		if err := b.Last(t.Context(), event.StreamIncidents, "incident.*", func(m bus.Message) error { seen[m.Subject] = true; return nil }); err != nil {
			t.Fatal(err)
		}
		if len(seen) != subjects {
			t.Fatalf("%d subjects, want %d", len(seen), subjects)
		}
	}
	close(stop)
	t.Logf("%d messages meanwhile", receive(t, "the writer to end", stopped)-subjects)
}

// Whoever is slow gets no more ahead than a bound, however large the messages.
func TestReadUsesLittleMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 150
	large := bytes.Repeat([]byte("x"), 1<<20-1024)
	for range n {
		w.publish(t, &nats.Msg{Subject: "snapshot.x", Data: large})
	}
	b := connect(t, bus.Options{Server: w.server.URL})
	before := w.server.BytesOut(t)
	handed := 0
	err := b.Read(t.Context(), event.StreamSnapshots, 1, 0, func(bus.Message) error {
		if handed++; handed > 1 {
			return nil
		}
		still, sent := 0, int64(0)
		await(t, "the server to send no more", func() bool {
			now := w.server.BytesOut(t) - before
			if still++; now != sent {
				still, sent = 0, now
			}
			return still == 100
		})
		if sent < 8<<20 || sent > 100<<20 {
			t.Errorf("%d MiB are ahead of the first message", sent>>20)
		}
		return nil
	})
	if err != nil || handed != n {
		t.Errorf("%d messages, %v", handed, err)
	}
}

func TestControlReachesItsHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := connect(t, bus.Options{Server: w.server.URL})
	heard, err := w.nc.SubscribeSync("control.web-01=2Eexample")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	want := event.Control{Interval: 10 * time.Second, ExpiresAt: time.Now().Add(time.Hour).UTC(), Reason: "incident"}
	if err := b.Control(t.Context(), "web-01.example", want); err != nil {
		t.Fatal(err)
	}
	m, err := heard.NextMsg(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := event.DecodeControl(m.Data); err != nil || got.Interval != want.Interval || !got.ExpiresAt.Equal(want.ExpiresAt) || got.Reason != want.Reason {
		t.Errorf("got %+v, %v", got, err)
	}
	shut(t, b)
	if err := b.Control(t.Context(), "web-01", want); !errors.Is(err, nats.ErrConnectionClosed) || !strings.Contains(err.Error(), "control poller of host web-01: ") {
		t.Errorf("got %v", err)
	}
}
