package process

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
)

// FreeAddress returns "host:port" with a TCP port on which nothing listens on
// that IP address. The port lies below the kernel's ephemeral range, so that it
// is still free after its server was killed: no client's own port can take it,
// and a client that keeps connecting to it while no process listens can't end up
// connected with itself.
func FreeAddress(t testing.TB, host string) string {
	t.Helper()
	if _, err := netip.ParseAddr(host); err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	const lowest, ephemeral = 10_000, 32_768 // ip(7), ip_local_port_range
	for range 100 {
		address := net.JoinHostPort(host, strconv.Itoa(lowest+rand.IntN(ephemeral-lowest)))
		listener, err := net.Listen("tcp", address)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatalf("find a free port: %v", err)
		}
		listener.Close()
		return address
	}
	t.Fatalf("find a free port: 100 tried on %s are all in use", host)
	return ""
}
