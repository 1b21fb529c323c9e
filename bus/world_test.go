// Package bus_test tests package bus against a real nats-server.
package bus_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/bus"
	"headstart/bus/natstest"
	"headstart/daemon"
	"headstart/event"
)

// TestMain runs more tests at once than there are processors, since they mostly
// wait for servers. It fails if a goroutine of the bus is left running.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	code := m.Run()
	if left := leftRunning(30 * time.Second); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "still running after all tests:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

var ours = regexp.MustCompile(`headstart/bus\.|nats\.go/jetstream\.|nats\.go\.\(`)

func leftRunning(patience time.Duration) string {
	end := time.Now().Add(patience)
	for {
		all := make([]byte, 4<<20)
		all = all[:runtime.Stack(all, true)]
		var left []string
		for stack := range strings.SplitSeq(string(all), "\n\n") {
			if ours.MatchString(stack) {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
		runtime.Gosched()
	}
}

const waitLong = 20 * time.Second // for a server on a busy machine

// storage is enough for any test, and little for a server.
var storage = bus.Storage{Bytes: 1 << 30, Replicas: 1}

// await waits for a condition and fails after two minutes: the machine may be
// busy.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	end := time.NewTimer(2 * time.Minute)
	defer end.Stop()
	look := time.NewTicker(3 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-end.C:
			t.Fatalf("timed out waiting for %s", what)
		case <-look.C:
		}
	}
}

// receive waits for a value on a channel.
func receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(2 * time.Minute):
		t.Fatalf("timed out waiting for %s", what)
		panic("unreachable")
	}
}

// journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

// connect connects, and closes with the test.
func connect(t testing.TB, o bus.Options) *bus.Bus {
	t.Helper()
	if o.Name == "" {
		o.Name = "test"
	}
	if o.Wait == 0 {
		o.Wait = waitLong
	}
	b, err := bus.Connect(t.Context(), silent, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, b) })
	return b
}

func shut(t testing.TB, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Error(err)
	}
}

// metric reads one metric, zero when it isn't there.
func metric(t testing.TB, telemetry *daemon.Telemetry, name string) float64 {
	t.Helper()
	var text bytes.Buffer
	telemetry.Metrics.WritePrometheus(&text)
	for line := range strings.Lines(text.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return 0
}

// world is a server with the streams, and a plain NATS client to look at it
// without the bus.
type world struct {
	server *natstest.Server
	nc     *nats.Conn
	js     jetstream.JetStream
}

func newWorld(t testing.TB, options ...natstest.Option) *world {
	t.Helper()
	w := &world{server: natstest.Start(t, options...)}
	w.watch(t, w.server.URL)
	w.ensure(t, storage)
	return w
}

// watch connects the plain client. It waits for the server forever.
func (w *world) watch(t testing.TB, url string) {
	t.Helper()
	var err error
	if w.nc, err = nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.RetryOnFailedConnect(true)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.nc.Close)
	if w.js, err = jetstream.New(w.nc); err != nil {
		t.Fatal(err)
	}
}

func (w *world) ensure(t testing.TB, s bus.Storage) {
	t.Helper()
	b := connect(t, bus.Options{Server: w.nc.ConnectedUrl()})
	if err := b.EnsureStreams(t.Context(), s, event.StreamSnapshots, event.StreamConnections, event.StreamAlerts, event.StreamIncidents, event.StreamDeadLetters); err != nil {
		t.Fatal(err)
	}
}

func (w *world) stream(t testing.TB, name string) jetstream.Stream {
	t.Helper()
	s, err := w.js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// publish publishes messages in order and waits for all of them.
func (w *world) publish(t testing.TB, messages ...*nats.Msg) {
	t.Helper()
	for some := range slices.Chunk(messages, 1000) { // the library stalls at more
		futures := make([]jetstream.PubAckFuture, len(some))
		for i, m := range some {
			var err error
			if futures[i], err = w.js.PublishMsgAsync(m); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range futures {
			select {
			case <-f.Ok():
			case err := <-f.Err():
				t.Fatal(err)
			}
		}
	}
}

// read returns every message of a stream.
func (w *world) read(t testing.TB, stream string) []jetstream.Msg {
	t.Helper()
	info, err := w.stream(t, stream).Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := make([]jetstream.Msg, 0, info.State.Msgs)
	if info.State.Msgs == 0 {
		return all
	}
	consumer, err := w.js.OrderedConsumer(t.Context(), stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := consumer.Fetch(int(info.State.Msgs), jetstream.FetchMaxWait(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for m := range batch.Messages() {
		all = append(all, m)
	}
	if batch.Error() != nil || len(all) != int(info.State.Msgs) {
		t.Fatalf("read %d of %d messages of %s: %v", len(all), info.State.Msgs, stream, batch.Error())
	}
	return all
}

// count returns how many messages a stream holds; 0 while the server is away.
func (w *world) count(t testing.TB, stream string) int {
	t.Helper()
	s, err := w.js.Stream(t.Context(), stream)
	if err != nil {
		return 0
	}
	return int(s.CachedInfo().State.Msgs)
}
