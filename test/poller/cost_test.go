package poller_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"headstart/event"
	"headstart/test/lab"
	"headstart/test/process"
	"headstart/test/system"
)

// BenchmarkCost is what a real poller process costs on a host with that many
// real sockets: CPU a snapshot, what that comes to at 30 s, and memory.
func BenchmarkCost(b *testing.B) {
	for _, sockets := range []int{200, 10_000} {
		b.Run(fmt.Sprintf("%d-sockets", sockets), func(b *testing.B) { cost(b, sockets) })
	}
}

func cost(b *testing.B, sockets int) {
	allowFiles(b, uint64(sockets)+1000)
	l := lab.New(b)
	host := l.Host("web-01")
	server := host.Serve("tcp", "127.0.0.1:8080")
	open := make([]net.Conn, 0, sockets/2)
	for range sockets / 2 { // each connection has both its rows here
		c, err := host.Dial(b.Context(), "tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), server.Address.Port()).String())
		if err != nil {
			b.Fatal(err)
		}
		open = append(open, c)
	}
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	address := process.FreeAddress(b, l.Address.String())
	nats := process.Start(b, process.NATS(b, address, b.TempDir()))
	nats.WaitReady()
	url := "nats://" + address
	bus := system.Connect(b, url, "streams")
	if err := bus.EnsureStreams(b.Context(), system.Storage, event.StreamSnapshots); err != nil {
		b.Fatal(err)
	}
	p := process.Start(b, process.Spec{
		Path: process.Build(b, program)[program], Within: host.Do,
		Args: []string{"--server", url, "--host", host.Name, "--interval", "200ms"},
	})
	await(b, "five snapshots", func() bool { return count(b, url) >= 5 })
	for b.Loop() {
		const snapshots = 60
		from, before := count(b, url), cpu(b, p.PID())
		await(b, "snapshots", func() bool { return count(b, url) >= from+snapshots })
		each := float64(cpu(b, p.PID())-before) / float64(count(b, url)-from)
		b.ReportMetric(each/float64(time.Millisecond), "cpu-ms/snapshot")
		b.ReportMetric(100*each/float64(30*time.Second), "%core@30s")
	}
	b.ReportMetric(float64(resident(b, p.PID()))/(1<<20), "MiB-resident")
}

// allowFiles raises the limit of open files.
func allowFiles(t testing.TB, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur >= n {
		return
	}
	limit.Cur, limit.Max = n, max(limit.Max, n)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("allow %d open files: %v", n, err)
	}
}

// cpu returns the user and system time of a process: fields 14 and 15 of
// /proc/<pid>/stat, in 1/100 s (proc(5)).
func cpu(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	var ticks int
	for _, field := range strings.Fields(string(after))[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func resident(t testing.TB, pid int) (size int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(status, []byte("VmRSS:"))
	if _, err := fmt.Sscan(string(after), &size); err != nil {
		t.Fatal(err)
	}
	return size << 10
}
