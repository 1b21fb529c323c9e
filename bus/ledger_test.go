package bus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
)

// ledger is a stage with state and two output streams: it numbers what each
// host publishes, and its outputs depend on all that the host has published before. So
// anything that is lost, repeated, reordered or forgotten shows in an output
// stream.
type ledger struct {
	store *bus.StateStore
	room  int // accounts kept in memory; others are read from the store

	mu       sync.Mutex
	accounts map[string]account
	problems []string
	handled  int
}

type account struct {
	n   int // of the last entry
	sum uint32
}

func (a account) next(n int) account { return account{n, a.sum*31 + uint32(n)} }

func (a account) encode() []byte { return fmt.Appendf(nil, "%d %d", a.n, a.sum) }

func decodeAccount(value []byte) (a account, err error) {
	if value != nil {
		_, err = fmt.Sscanf(string(value), "%d %d", &a.n, &a.sum)
	}
	return a, err
}

const garbage = "garbage"

// entry is the nth entry of a host.
func entry(host string, n int) *nats.Msg {
	return &nats.Msg{
		Subject: event.SnapshotSubject(host), Data: fmt.Appendf(nil, "%s %d", host, n),
		Header: nats.Header{"Nats-Msg-Id": {fmt.Sprintf("%s/%d", host, n)}},
	}
}

// answers are the outputs that follow from an entry, by stream: none to three
// to one, none to two to the other.
func answers(host string, a account) map[string][]string {
	all := map[string][]string{}
	for stream, n := range map[string]int{event.StreamConnections: a.n % 4, event.StreamIncidents: a.n % 3} {
		for i := range n {
			all[stream] = append(all[stream], fmt.Sprintf("%s %d %d %d", host, a.n, i, a.sum))
		}
	}
	return all
}

// ledgerOutputs are its output streams, with their subjects.
var ledgerOutputs = map[string]func(host string) string{
	event.StreamConnections: event.ConnectionSubject,
	event.StreamIncidents:   event.IncidentSubject,
}

func (l *ledger) handle(ctx context.Context, batch []bus.Message) (bus.Work, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range batch { // all that can fail comes first
		if string(m.Data) == garbage {
			continue
		}
		host, _, _ := strings.Cut(string(m.Data), " ")
		if _, ok := l.accounts[host]; ok {
			continue
		}
		value, err := l.store.Get(ctx, host)
		if err != nil {
			return bus.Work{}, err
		}
		if l.accounts[host], err = decodeAccount(value); err != nil {
			return bus.Work{}, err
		}
	}
	var work bus.Work
	outputs := map[string][]bus.Output{} // by host: their order in the work is any
	for _, m := range slices.Backward(batch) {
		if string(m.Data) == garbage {
			dead, err := bus.DeadLetter("ledger", event.StreamSnapshots, m, errors.New("not an entry"))
			if err != nil {
				return bus.Work{}, err
			}
			work.Outputs = append(work.Outputs, dead)
		}
	}
	for _, m := range batch {
		l.handled++
		if string(m.Data) == garbage {
			continue
		}
		var host string
		var n int
		if _, err := fmt.Sscanf(string(m.Data), "%s %d", &host, &n); err != nil {
			l.problems = append(l.problems, err.Error())
			continue
		}
		a := l.accounts[host]
		if n <= a.n {
			continue // the account was saved, the position wasn't
		}
		if n != a.n+1 {
			l.problems = append(l.problems, fmt.Sprintf("%s: entry %d after %d", host, n, a.n))
		}
		a = a.next(n)
		l.accounts[host] = a
		outputs[host] = append(outputs[host], []bus.Output{}...)
		for stream, all := range answers(host, a) {
			for i, data := range all {
				outputs[host] = append(outputs[host], bus.Output{
					Subject: ledgerOutputs[stream](host), ID: fmt.Sprintf("%s/%d/%d", host, n, i), Data: []byte(data), Source: m.Sequence,
				})
			}
		}
	}
	for host := range outputs {
		work.Outputs = append(work.Outputs, outputs[host]...)
		work.States = append(work.States, bus.State{Key: host, Value: l.accounts[host].encode()})
	}
	for host := range l.accounts {
		if len(l.accounts) <= l.room {
			break
		}
		delete(l.accounts, host)
	}
	return work, nil
}

const bucket = "LEDGER"

// instance is one process that runs the ledger.
type instance struct {
	bus       *bus.Bus
	line      *line
	ledger    *ledger
	telemetry *daemon.Telemetry
	log       *journal
	cancel    context.CancelFunc
	done      chan error
}

// instanceOptions say how an instance differs from a quiet one.
type instanceOptions struct {
	bytes int        // that it may send before its line is cut; 0: any number
	again func() int // how many after that; nil: it dies
	batch int
	room  int
	wrap  func(handler) handler
}

type handler = func(context.Context, []bus.Message) (bus.Work, error)

// live starts an instance. It returns an error when that dies while it starts.
func (w *world) start(t testing.TB, o instanceOptions) (*instance, error) {
	t.Helper()
	if o.bytes == 0 {
		o.bytes = math.MaxInt
	}
	l := &instance{line: newLine(w.server.URL, o.bytes, o.again), telemetry: daemon.NewTelemetry(), log: new(journal), done: make(chan error, 1)}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(t.Context())
	var err error
	l.bus, err = bus.Connect(ctx, l.log.logger(), bus.Options{Name: "ledger", InProcess: l.line, Wait: time.Minute, Telemetry: l.telemetry})
	if err != nil {
		t.Fatal(err)
	}
	l.ledger = &ledger{room: max(o.room, 1), accounts: map[string]account{}}
	if l.ledger.store, err = l.bus.OpenStateStore(ctx, bucket, storage); err != nil {
		return l, err
	}
	handle := handler(l.ledger.handle)
	if o.wrap != nil {
		handle = o.wrap(handle)
	}
	go func() {
		l.done <- l.bus.Run(ctx, bus.Stage{
			Name: "ledger", Input: event.StreamSnapshots, Outputs: slices.Sorted(maps.Keys(ledgerOutputs)),
			Store: l.ledger.store, Batch: max(o.batch, 1), Handle: handle,
		})
	}()
	return l, nil
}

func (w *world) mustStart(t testing.TB, o instanceOptions) *instance {
	t.Helper()
	l, err := w.start(t, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.kill(t) })
	return l
}

// kill ends an instance as SIGKILL would, as far as the server can see.
func (l *instance) kill(t testing.TB) {
	t.Helper()
	l.line.cut()
	l.cancel()
	expired, cancel := context.WithCancel(context.Background())
	cancel()
	_ = l.bus.Close(expired)
	if l.ledger.store != nil {
		select {
		case <-l.done:
			l.done <- nil
		case <-time.After(time.Minute):
			t.Error("a stage runs on without its connection")
		}
	}
}

// stop ends an instance in order.
func (l *instance) stop(t testing.TB) {
	t.Helper()
	l.cancel()
	if err := receive(t, "the stage to end", l.done); err != nil {
		t.Error(err)
	}
	l.done <- nil
	shut(t, l.bus)
	l.ledger.mu.Lock()
	defer l.ledger.mu.Unlock()
	for _, problem := range l.ledger.problems {
		t.Errorf("the stage was given the wrong message: %s", problem)
	}
}

// saved returns the ledger's position as the bucket holds it.
func (w *world) saved(t testing.TB) uint64 {
	t.Helper()
	return w.savedBy(t, bucket, "ledger")
}

func (w *world) savedBy(t testing.TB, bucket, stage string) uint64 {
	t.Helper()
	kv, err := w.js.KeyValue(t.Context(), bucket)
	if err != nil {
		return 0
	}
	e, err := kv.Get(t.Context(), "position."+stage)
	if err != nil {
		return 0
	}
	return binary.BigEndian.Uint64(e.Value()[8:])
}

// caughtUp waits until the stage has saved that it handled everything.
func (w *world) caughtUp(t testing.TB) {
	t.Helper()
	var last uint64
	await(t, "the server to say how much there is", func() bool { // it may just have been restarted
		s, err := w.js.Stream(t.Context(), event.StreamSnapshots)
		if err == nil {
			last = s.CachedInfo().State.LastSeq
		}
		return err == nil
	})
	await(t, fmt.Sprintf("message %d to be handled", last), func() bool { return w.saved(t) >= last })
}

// publishEntries publishes the entries of each host from one number to another,
// the hosts in turn.
func (w *world) publishEntries(t testing.TB, hosts, from, to int) {
	t.Helper()
	var all []*nats.Msg
	for n := from; n <= to; n++ {
		for h := range hosts {
			all = append(all, entry(hostName(h), n))
		}
	}
	w.publish(t, all...)
}

func hostName(h int) string { return fmt.Sprintf("host-%d.example", h) }

// check holds the output streams and the saved accounts against what the hosts
// have published.
func (w *world) check(t testing.TB, hosts, to int) {
	t.Helper()
	want, accounts := map[string]map[string][]string{}, map[string]account{}
	for stream := range ledgerOutputs {
		want[stream] = map[string][]string{}
	}
	for h := range hosts {
		host, a := hostName(h), account{}
		for n := 1; n <= to; n++ {
			a = a.next(n)
			for stream, data := range answers(host, a) {
				want[stream][host] = append(want[stream][host], data...)
			}
		}
		accounts[host] = a
	}
	for stream := range ledgerOutputs {
		w.checkOutputs(t, stream, want[stream])
	}
	b := connect(t, bus.Options{Server: w.server.URL})
	store, err := b.OpenStateStore(t.Context(), bucket, storage)
	if err != nil {
		t.Fatal(err)
	}
	saved := map[string]account{}
	err = store.All(t.Context(), func(host string, value []byte) bool {
		saved[host], err = decodeAccount(value)
		return err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(saved, accounts) {
		t.Errorf("saved accounts are %v, want %v", saved, accounts)
	}
}

// checkOutputs holds one output stream against what it should have of each
// host, in order.
func (w *world) checkOutputs(t testing.TB, stream string, want map[string][]string) {
	t.Helper()
	got := map[string][]string{}
	for _, m := range w.read(t, stream) {
		host, _, _ := strings.Cut(string(m.Data()), " ")
		got[host] = append(got[host], string(m.Data()))
	}
	for _, host := range slices.Sorted(maps.Keys(want)) {
		if i, a, b := firstDifference(got[host], want[host]); i >= 0 {
			t.Errorf("output %d of %s in %s is %q, want %q (%d outputs, want %d)", i, host, stream, a, b, len(got[host]), len(want[host]))
		}
	}
	if len(got) > len(want) {
		t.Errorf("%s has outputs of %d hosts, want %d", stream, len(got), len(want))
	}
}

func firstDifference(got, want []string) (i int, a, b string) {
	for i := range max(len(got), len(want)) {
		a, b := "nothing", "nothing"
		if i < len(got) {
			a = got[i]
		}
		if i < len(want) {
			b = want[i]
		}
		if a != b {
			return i, a, b
		}
	}
	return -1, "", ""
}
