package procnet_test

import (
	"testing"

	"headstart/event"
	"headstart/services/poller/procnet"
)

func BenchmarkParse(b *testing.B) {
	const rows = 10_000
	for _, bench := range []struct {
		name string
		v6   bool
	}{{"tcp", false}, {"tcp6", true}} {
		b.Run(bench.name, func(b *testing.B) {
			table := busyTable(rows, bench.v6)
			sockets := make([]event.Socket, 0, rows+1)
			b.SetBytes(int64(len(table)))
			b.ReportAllocs()
			for b.Loop() {
				var report procnet.Report
				sockets, report = procnet.Parse(sockets[:0], table)
				if len(sockets) != rows || report.Rejected != 0 {
					b.Fatalf("%d rows, %+v", len(sockets), report)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}
