package bus_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"headstart/bus"
	"headstart/event"
)

// BenchmarkStage measures what a stage costs a message that has one output and
// one state: the whole way from the input to the saved position, with the
// server in the same process.
func BenchmarkStage(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10} {
		b.Run(fmt.Sprintf("%d KiB", size>>10), func(b *testing.B) {
			w := newWorld(b)
			data := make([]byte, size)
			hosts := make([]string, 1000)
			for i := range hosts {
				hosts[i] = fmt.Sprintf("host-%d", i)
			}
			input := make([]*nats.Msg, 0, 512)
			for i := range b.N {
				input = append(input, &nats.Msg{Subject: event.SnapshotSubject(hosts[i%len(hosts)]), Data: data})
				if len(input) == cap(input) || i == b.N-1 {
					w.publish(b, input...)
					input = input[:0]
				}
			}
			c := connect(b, bus.Options{Server: w.server.URL})
			store, err := c.OpenStateStore(b.Context(), bucket, storage)
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			handled := 0
			b.ReportAllocs()
			b.SetBytes(int64(size))
			b.ResetTimer()
			err = c.Run(ctx, bus.Stage{
				Name: "ledger", Input: event.StreamSnapshots, Outputs: []string{event.StreamConnections}, Store: store, Batch: 512,
				Handle: func(_ context.Context, batch []bus.Message) (work bus.Work, err error) {
					for _, m := range batch {
						work.Outputs = append(work.Outputs, bus.Output{
							Subject: "connection" + m.Subject[len("snapshot"):], ID: fmt.Sprint(m.Sequence), Data: m.Data[:len(m.Data)/8], Source: m.Sequence,
						})
						work.States = append(work.States, bus.State{Key: m.Subject, Value: m.Data[:len(m.Data)/2]})
					}
					if handled += len(batch); handled == b.N {
						cancel() // the rest is finished
					}
					return work, nil
				},
			})
			b.StopTimer()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkRead measures how fast a stage catches up with what it knows
// already.
func BenchmarkRead(b *testing.B) {
	w := newWorld(b)
	data := make([]byte, 1<<10)
	input := make([]*nats.Msg, 0, 512)
	for i := range b.N {
		input = append(input, &nats.Msg{Subject: "snapshot.x", Data: data})
		if len(input) == cap(input) || i == b.N-1 {
			w.publish(b, input...)
			input = input[:0]
		}
	}
	c := connect(b, bus.Options{Server: w.server.URL})
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	b.ResetTimer()
	read := 0
	err := c.Read(b.Context(), event.StreamSnapshots, 1, 0, func(bus.Message) error { read++; return nil })
	b.StopTimer()
	if err != nil || read != b.N {
		b.Fatalf("%d messages of %d: %v", read, b.N, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
