package reconstruct

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/conntable"
	"headstart/event"
	"headstart/replay/zeek"
)

// tenDays is the load that replay is measured by: 30 monitored hosts and 20
// others, 420,000 connections in ten days.
func tenDays(b *testing.B, connections int) ([]zeek.Record, Options) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var hosts strings.Builder
	hosts.WriteString("hosts:\n")
	for i := range 50 {
		fmt.Fprintf(&hosts, "  host-%02d: {addresses: [10.1.1.%d], monitored: %t}\n", i, i+1, i < 30)
	}
	start := time.Date(2025, 6, 2, 0, 0, 0, 0, time.UTC).UnixNano()
	services := []uint16{22, 80, 443, 5432, 3306, 6379, 9100, 389}
	records := make([]zeek.Record, connections)
	for i := range records {
		one := zeek.Record{
			Start: start + r.Int64N(int64(10*24*time.Hour)), UID: uint64(i + 1),
			Originator: event.AddressFrom4(0x0a010101 + r.Uint32N(50)), OriginatorPort: uint16(32768 + r.IntN(28000)),
			Responder: event.AddressFrom4(0x0a010101 + r.Uint32N(50)), ResponderPort: services[r.IntN(len(services))],
			OriginatorBytes: 1, ResponderBytes: 1, State: zeek.SF, History: zeek.ParseHistory("ShADadFf"),
			Duration: int64(r.ExpFloat64() * float64(20*time.Second)),
		}
		switch r.IntN(20) {
		case 0:
			one.State, one.History, one.Duration = zeek.S0, zeek.ParseHistory("S"), 63*second
		case 1:
			one.State, one.History = zeek.RSTR, zeek.ParseHistory("ShADadr")
		case 2:
			one.Duration = int64(r.ExpFloat64() * float64(8*time.Hour))
		}
		records[i] = one
	}
	slices.SortFunc(records, func(a, b zeek.Record) int { return int(a.Start - b.Start) })
	return records, Options{Inventory: parseInventory(b, hosts.String())}
}

// BenchmarkTenDays builds all the snapshots of ten days: Build alone, then the
// snapshots of all hosts one after the other, in order of time, and compared.
func BenchmarkTenDays(b *testing.B) {
	records, o := tenDays(b, 420_000)
	b.Run("build", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			build(b, records, o)
		}
	})
	fleet := build(b, records, o)
	run := func(name string, each func() (snapshots, rows int)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var snapshots, rows int
			for b.Loop() {
				snapshots, rows = each()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(snapshots), "ns/snapshot")
			b.ReportMetric(float64(rows)/float64(snapshots), "rows/snapshot")
			b.ReportMetric(float64(snapshots), "snapshots")
		})
	}
	run("feeds", func() (snapshots, rows int) {
		for _, feed := range fleet.Feeds() {
			for s := feed.Next(); s != nil; s = feed.Next() {
				snapshots++
				rows += len(s.Sockets)
			}
		}
		return snapshots, rows
	})
	run("merged", func() (snapshots, rows int) {
		for s := range Merge(fleet.Feeds()) {
			snapshots++
			rows += len(s.Sockets)
		}
		return snapshots, rows
	})
	run("compared", func() (snapshots, rows int) {
		tables := map[string]*conntable.Table{}
		for _, host := range fleet.Hosts {
			tables[host] = new(conntable.Table)
		}
		var comparer conntable.Comparer
		var changes event.Changes
		for s := range Merge(fleet.Feeds()) {
			comparer.Apply(tables[s.Host], s, 0, &changes)
			snapshots++
			rows += len(s.Sockets)
		}
		return snapshots, rows
	})
}

// BenchmarkBusyHost is one host with 10,000 connections at a time.
func BenchmarkBusyHost(b *testing.B) {
	records := make([]zeek.Record, 300_000)
	for i := range records {
		records[i] = zeek.Record{
			Start: int64(i) * int64(10*time.Millisecond), Originator: event.AddressFrom4(0x0b000000 + uint32(i)), OriginatorPort: 40000,
			Responder: hostB, ResponderPort: 443, State: zeek.SF, History: zeek.ParseHistory("ShADadFf"), Duration: 100 * second,
		}
	}
	fleet := build(b, records, Options{Inventory: parseInventory(b, company)})
	b.ReportAllocs()
	var snapshots, rows int
	for b.Loop() {
		feed := fleet.Feeds()[1]
		for s := feed.Next(); s != nil; s = feed.Next() {
			snapshots++
			rows += len(s.Sockets)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
	b.ReportMetric(float64(rows)/float64(snapshots), "rows/snapshot")
}
