package pipeline_test

import (
	"slices"
	"testing"
	"time"

	"headstart/bus/natstest"
	"headstart/event"
	"headstart/test/system"
)

// BenchmarkSnapshotToWebhook is the time from publishing a snapshot to the
// arrival of the alert that it proves, one at a time, all services and the
// server in one process.
func BenchmarkSnapshotToWebhook(b *testing.B) {
	server := natstest.Start(b)
	receiver := system.NewReceiver(b)
	system.Tracker(b, server.URL)
	system.Correlator(b, server.URL, "")
	system.Notifier(b, server.URL, receiver)
	nats := system.Connect(b, server.URL, "poller")
	if err := nats.EnsureStreams(b.Context(), system.Storage, event.StreamSnapshots); err != nil {
		b.Fatal(err)
	}
	web := newWebServer(nats, "web-01")
	for i := range 200 {
		web.connect(443, event.Established)
		web.snapshot.Sockets[i].Remote = event.AddressFrom4(0x0a020000 + uint32(i))
	}
	web.snapshot.Sockets = event.NormalizeSockets(web.snapshot.Sockets)
	rows := slices.Clone(web.snapshot.Sockets)
	web.publish(b)
	attack := func(n int) time.Duration {
		web.snapshot.Sockets = event.NormalizeSockets(append(slices.Clone(rows), event.Socket{
			Local: web.snapshot.Addresses[0], LocalPort: uint16(33000 + n%20000), Remote: event.AddressFrom4(0x0a030000 + uint32(n)),
			RemotePort: 445, State: event.Established, Inode: uint64(900_000 + n),
		}))
		began := time.Now()
		web.publish(b)
		all := receiver.Wait(b, 30*time.Second, "an alert", func(all []system.Received) bool { return len(all) > n })
		return all[n].At.Sub(began)
	}
	const warmUp = 20
	for n := range warmUp {
		attack(n)
	}
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		took = append(took, attack(warmUp+len(took)))
	}
	slices.Sort(took)
	at := func(part float64) float64 {
		return float64(took[min(int(part*float64(len(took))), len(took)-1)].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}
