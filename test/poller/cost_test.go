package poller_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"headstart/test/lab"
	"headstart/test/process"
)

// BenchmarkCost measures what a poller's process costs a host with that many
// sockets: real connections in the kernel's table, and a real server to send
// to. One iteration is thirty snapshots. The targets, at one snapshot in 30 s:
//
//	   200 sockets: 0.1 % of a core, 20 MiB resident
//	10,000 sockets: 1 % of a core, 30 MiB resident
func BenchmarkCost(b *testing.B) {
	for _, sockets := range []int{200, 10_000} {
		b.Run(fmt.Sprintf("sockets=%d", sockets), func(b *testing.B) { benchmarkCost(b, sockets) })
	}
}

func benchmarkCost(b *testing.B, sockets int) {
	const snapshots = 30
	l := lab.New(b)
	host := l.Host("web-01")
	crowd(b, host, sockets/2) // both ends of each are in the table
	address := process.FreeAddress(b, l.Address.String())
	process.Start(b, process.NATS(b, address, b.TempDir())).WaitReady()
	url := "nats://" + address
	stored := connect(b, url)
	stored.create()
	poller := process.Start(b, process.Spec{
		Path: process.Build(b, program)[program], Within: host.Do,
		Args: []string{"--server", url, "--host", host.Name, "--interval", "200ms", "--log-level", "error"},
	})
	seen := stored.await(10) // until the heap has its size
	if n := len(stored.last(host.Name).Sockets); n < sockets || n > sockets+100 {
		b.Fatalf("%d sockets, want about %d", n, sockets)
	}
	var took time.Duration
	var peak float64
	taken := 0
	for b.Loop() {
		before := cpuTime(b, poller.PID())
		now := stored.await(seen + snapshots)
		took += cpuTime(b, poller.PID()) - before
		taken, seen = taken+now-seen, now
		peak = max(peak, resident(b, poller.PID()))
	}
	each := took / time.Duration(taken)
	b.ReportMetric(float64(each.Microseconds())/1000, "cpu-ms/snapshot")
	b.ReportMetric(each.Seconds()/30*100, "%core@30s")
	b.ReportMetric(peak, "MiB-resident")
	b.ReportMetric(0, "ns/op") // is the interval
}

// crowd makes connections of the host with itself. Both ends are files of this
// process, for which Go raises the soft limit of open files to the hard one.
func crowd(b *testing.B, host *lab.Host, connections int) {
	b.Helper()
	server := host.Serve("tcp4", "127.0.0.1:5432")
	for range connections {
		if _, err := host.Dial(b.Context(), "tcp", server.Address.String()); err != nil {
			b.Fatal(err)
		}
	}
}

// cpuTime returns what the process has used of all cores: its CPU-time clock,
// made as clock_getcpuclockid(3) makes it. The times in /proc/PID/stat have
// only 10 ms.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	const scheduled = 2 // CPUCLOCK_SCHED of the kernel's posix-timers
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// resident returns a process' VmRSS in MiB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(status), "VmRSS:")
	if fields := strings.Fields(rest); ok && len(fields) > 1 && fields[1] == "kB" {
		if kib, err := strconv.ParseFloat(fields[0], 64); err == nil {
			return kib / 1024
		}
	}
	b.Fatalf("no VmRSS in /proc/%d/status", pid)
	return 0
}
