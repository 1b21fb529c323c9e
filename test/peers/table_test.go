package peers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// procDirectory makes a directory with a net/tcp of so many different rows: a
// busy web server's, a third of them in TIME_WAIT. The rows are different
// because gopsutil leaves out what it has seen before.
func procDirectory(tb testing.TB, rows int) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "net"), 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "net", "tcp"), table(rows), 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func table(rows int) []byte {
	const (
		header      = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
		listen      = "%4d: %08X:%04X 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 %d 1 0000000000000000 100 0 0 10 0"
		established = "%4d: %08X:01BB %08X:%04X 01 00000000:00000000 00:00000000 00000000    33        0 %d 1 0000000000000000 20 4 30 10 -1"
		timeWait    = "%4d: %08X:01BB %08X:%04X 06 00000000:00000000 03:%08X 00000000     0        0 0 3 0000000000000000"
	)
	random := rand.New(rand.NewPCG(1, 2))
	local := word(10, 1, 1, 10)
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, "%-149s\n", fmt.Sprintf(format, args...)) }
	line(header)
	for i := range rows {
		remote, port := word(10, 2, byte(i>>8), byte(i)), 32768+random.IntN(28232)
		switch kind := random.IntN(100); {
		case kind < 1:
			line(listen, i, local, 1024+i, 1000+i)
		case kind < 66:
			line(established, i, local, remote, port, 1_000_000+random.IntN(10_000_000))
		default:
			line(timeWait, i, local, remote, port, random.IntN(6000))
		}
	}
	return b.Bytes()
}

// word is an address as this host's kernel prints it.
func word(a, b, c, d byte) uint32 { return binary.NativeEndian.Uint32([]byte{a, b, c, d}) }
