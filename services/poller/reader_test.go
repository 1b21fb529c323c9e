package poller

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headstart/event"
)

// procWith makes a directory like /proc with tables of that many rows.
func procWith(t *testing.T, rows4, rows6 int) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "sys/kernel/random/boot_id", "6f1c1c56-3c1d-4c39-a5f4-64ee2a87a3f1\n")
	writeTables(t, dir, rows4, rows6)
	return dir
}

func writeTables(t *testing.T, dir string, rows4, rows6 int) {
	t.Helper()
	for file, table := range map[string]struct {
		address string
		rows    int
	}{"net/tcp": {"0A01010A", rows4}, "net/tcp6": {"000080FE00000000FF00280AFE000000", rows6}} {
		var text strings.Builder
		fmt.Fprintln(&text, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode")
		for n := range table.rows {
			fmt.Fprintf(&text, "%4d: %s:1F90 %s:%04X 01 00000000:00000000 00:00000000 00000000    33        0 %d 1 0000000000000000 20 4 30 10 -1\n",
				n, table.address, table.address[:len(table.address)-8]+fmt.Sprintf("%08X", n/60_000+1), n%60_000+1024, n+1)
		}
		write(t, dir, file, text.String())
	}
}

func write(t *testing.T, dir, file, text string) {
	t.Helper()
	path := filepath.Join(dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, proc string) *tableReader {
	t.Helper()
	r, err := openReader(Options{Proc: proc})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t *testing.T, r *tableReader, s *event.Snapshot) {
	t.Helper()
	rejections, err := r.Read(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(rejections) > 0 || s.Rejected > 0 {
		t.Fatalf("rejected: %v", rejections)
	}
}

func TestReaderOnThisMachine(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := open(t, "/proc")
	var s event.Snapshot
	before := time.Now()
	read(t, r, &s)
	if s.TakenAt.Before(before.Add(-time.Second)) || s.TakenAt.After(time.Now().Add(time.Second)) || s.TakenAt.Location() != time.UTC {
		t.Errorf("taken at %s", s.TakenAt)
	}
	if s.Uptime <= 0 || s.Uptime > event.MaxUptime {
		t.Errorf("uptime %s", s.Uptime)
	}
	if len(r.bootID) != len("6f1c1c56-3c1d-4c39-a5f4-64ee2a87a3f1") {
		t.Errorf("boot id %q", r.bootID)
	}
	for _, a := range s.Addresses {
		if ip := a.Netip(); ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			t.Errorf("%s is no address that others know the host by", a)
		}
	}
	server := listener.Addr().(*net.TCPAddr).AddrPort()
	client := conn.LocalAddr().(*net.TCPAddr).AddrPort()
	for _, want := range []struct {
		local, remote netip.AddrPort
		state         event.State
	}{
		{server, netip.MustParseAddrPort("0.0.0.0:0"), event.Listen},
		{client, server, event.Established},
		{server, client, event.Established},
	} {
		found := 0
		for _, row := range s.Sockets {
			if (netip.AddrPortFrom(row.Local.Netip(), row.LocalPort) != want.local) || netip.AddrPortFrom(row.Remote.Netip(), row.RemotePort) != want.remote {
				continue
			}
			found++
			// The side that isn't accepted yet has no inode.
			if row.State != want.state || want.local != server && (row.Inode == 0 || row.UID != uint32(os.Getuid())) {
				t.Errorf("%s → %s is %+v, want %s of user id %d", want.local, want.remote, row, want.state, os.Getuid())
			}
		}
		if found != 1 {
			t.Errorf("%s → %s is there %d times", want.local, want.remote, found)
		}
	}
	for i := 1; i < len(s.Sockets); i++ {
		if s.Sockets[i-1].CompareKey(&s.Sockets[i]) >= 0 {
			t.Fatalf("rows %d and %d are not in order: %+v, %+v", i-1, i, s.Sockets[i-1], s.Sockets[i])
		}
	}
}

func TestReaderReleasesMemoryWhenTablesShrink(t *testing.T) {
	const many = 12_000
	for _, tt := range []struct {
		name         string
		rows4, rows6 int // after many rows of both
		kept         bool
	}{
		{"both are small", 10, 10, false},
		{"both are gone", 0, 0, false},
		{"they are a third", many / 3, many / 3, true},
		{"the second one is small", many, 10, true},
		{"the first one is small", 10, many, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := procWith(t, many, many)
			r := open(t, dir)
			var s event.Snapshot
			read(t, r, &s)
			if len(s.Sockets) != 2*many {
				t.Fatalf("%d rows, want %d", len(s.Sockets), 2*many)
			}
			buffer, rows := cap(r.buffer), cap(s.Sockets)
			writeTables(t, dir, tt.rows4, tt.rows6)
			read(t, r, &s)
			if len(s.Sockets) != tt.rows4+tt.rows6 {
				t.Errorf("%d rows, want %d", len(s.Sockets), tt.rows4+tt.rows6)
			}
			if kept := cap(r.buffer) == buffer; kept != tt.kept {
				t.Errorf("buffer of %d bytes after one of %d; kept: %t, want %t", cap(r.buffer), buffer, kept, tt.kept)
			}
			if kept := cap(s.Sockets) == rows; kept != tt.kept {
				t.Errorf("room for %d rows after that for %d; kept: %t, want %t", cap(s.Sockets), rows, kept, tt.kept)
			}
		})
	}
}

func TestReaderDoesNotAllocateForTheSameTable(t *testing.T) {
	r := open(t, procWith(t, 10_000, 10))
	var s event.Snapshot
	read(t, r, &s)
	// Opening files and asking for addresses takes a few dozen; rows take none.
	if n := testing.AllocsPerRun(5, func() { read(t, r, &s) }); n > 200 {
		t.Errorf("%g allocations for a table that was read before", n)
	}
}

func TestPortRange(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		low, high  uint16
	}{
		{"as Linux has it", "32768\t60999\n", 32768, 60999},
		{"of one port", "40000 40000", 40000, 40000},
		{"is missing", "", 0, 0},
		{"upside down", "60999 32768\n", 0, 0},
		{"half", "32768\n", 0, 0},
		{"too high", "32768 70000\n", 0, 0},
		{"negative", "-1 60999\n", 0, 0},
		{"words", "low high\n", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := procWith(t, 0, 0)
			if tt.text != "" {
				write(t, dir, "sys/net/ipv4/ip_local_port_range", tt.text)
			}
			var s event.Snapshot
			read(t, open(t, dir), &s)
			if s.EphemeralLow != tt.low || s.EphemeralHigh != tt.high {
				t.Errorf("got %d to %d, want %d to %d", s.EphemeralLow, s.EphemeralHigh, tt.low, tt.high)
			}
		})
	}
}

func TestOpenReaderRejects(t *testing.T) {
	for _, tt := range []struct{ name, boot, want string }{
		{"no boot id", "-", "--proc"},
		{"an empty boot id", "\n", "0 bytes"},
		{"a long boot id", strings.Repeat("x", 256), "256 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.boot != "-" {
				write(t, dir, "sys/kernel/random/boot_id", tt.boot)
			}
			if _, err := openReader(Options{Proc: dir}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// BenchmarkRead reads this machine's tables, whatever is in them.
func BenchmarkRead(b *testing.B) {
	r, err := openReader(Options{Proc: "/proc"})
	if err != nil {
		b.Fatal(err)
	}
	var s event.Snapshot
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Read(&s); err != nil {
			b.Fatal(err)
		}
	}
}
