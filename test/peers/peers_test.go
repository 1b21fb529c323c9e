package peers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"headstart/event"
	"headstart/services/poller/procnet"

	"github.com/prometheus/procfs"
	"github.com/shirou/gopsutil/v4/common"
	"github.com/shirou/gopsutil/v4/net"
)

const rows = 10_000

func TestAllReadTheSameRows(t *testing.T) {
	dir := procDirectory(t, rows)
	var own reader
	want := describeOwn(own.read(t, dir))
	if len(want) != rows {
		t.Fatalf("%d rows, want %d", len(want), rows)
	}
	for _, peer := range []struct {
		name string
		got  []string
	}{
		{"procfs", describeProcfs(readProcfs(t, dir))},
		{"gopsutil", describeGopsutil(readGopsutil(t, dir))},
	} {
		t.Run(peer.name, func(t *testing.T) {
			if len(peer.got) != len(want) {
				t.Fatalf("%d rows, want %d", len(peer.got), len(want))
			}
			for i := range want {
				if peer.got[i] != want[i] {
					t.Fatalf("row %d: %s, want %s", i, peer.got[i], want[i])
				}
			}
		})
	}
}

func BenchmarkReadFile(b *testing.B) {
	dir := procDirectory(b, rows)
	b.Run("headstart", func(b *testing.B) {
		var own reader
		measure(b, func() int { return len(own.read(b, dir)) })
	})
	b.Run("procfs", func(b *testing.B) {
		measure(b, func() int { return len(readProcfs(b, dir)) })
	})
	b.Run("gopsutil", func(b *testing.B) {
		measure(b, func() int { return len(readGopsutil(b, dir)) })
	})
}

// BenchmarkParse is the share of the parser in reading a file.
func BenchmarkParse(b *testing.B) {
	text := table(rows)
	var sockets []event.Socket
	b.Run("headstart", func(b *testing.B) {
		measure(b, func() int {
			sockets, _ = procnet.Parse(sockets[:0], text)
			return len(sockets)
		})
	})
}

func measure(b *testing.B, read func() int) {
	b.ReportAllocs()
	for b.Loop() {
		if n := read(); n != rows {
			b.Fatalf("%d rows, want %d", n, rows)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

// reader reads as a poller does: again and again into the same memory.
type reader struct {
	text    bytes.Buffer
	sockets []event.Socket
}

func (r *reader) read(tb testing.TB, dir string) []event.Socket {
	tb.Helper()
	f, err := os.Open(filepath.Join(dir, "net", "tcp"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	r.text.Reset()
	if _, err := io.Copy(&r.text, f); err != nil {
		tb.Fatal(err)
	}
	var report procnet.Report
	if r.sockets, report = procnet.Parse(r.sockets[:0], r.text.Bytes()); report.Rejected > 0 {
		tb.Fatalf("%+v", report)
	}
	return r.sockets
}

func readProcfs(tb testing.TB, dir string) procfs.NetTCP {
	tb.Helper()
	fs, err := procfs.NewFS(dir)
	if err != nil {
		tb.Fatal(err)
	}
	sockets, err := fs.NetTCP()
	if err != nil {
		tb.Fatal(err)
	}
	return sockets
}

// readGopsutil takes the entry point that does least beside the table: the
// directory has no processes to look for a socket's owner in.
func readGopsutil(tb testing.TB, dir string) []net.ConnectionStat {
	tb.Helper()
	ctx := context.WithValue(context.Background(), common.EnvKey, common.EnvMap{common.HostProcEnvKey: dir})
	sockets, err := net.ConnectionsWithoutUidsWithContext(ctx, "tcp4")
	if err != nil {
		tb.Fatal(err)
	}
	return sockets
}

func describeOwn(sockets []event.Socket) (lines []string) {
	for _, s := range sockets {
		lines = append(lines, fmt.Sprintf("%v:%d %v:%d %v", s.Local, s.LocalPort, s.Remote, s.RemotePort, s.State))
	}
	return lines
}

func describeProcfs(sockets procfs.NetTCP) (lines []string) {
	for _, s := range sockets {
		lines = append(lines, fmt.Sprintf("%v:%d %v:%d %v", s.LocalAddr, s.LocalPort, s.RemAddr, s.RemPort, event.State(s.St)))
	}
	return lines
}

func describeGopsutil(sockets []net.ConnectionStat) (lines []string) {
	for _, s := range sockets {
		lines = append(lines, fmt.Sprintf("%s:%d %s:%d %s", s.Laddr.IP, s.Laddr.Port, s.Raddr.IP, s.Raddr.Port, s.Status))
	}
	return lines
}
