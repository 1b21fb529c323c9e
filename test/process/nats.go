package process

import (
	"net"
	"testing"
)

// NATS builds nats-server and returns how to run it with JetStream on an address,
// "host:port", with its files in a directory. Restarted, it is the same server
// again: same address, same streams.
func NATS(t testing.TB, address, store string) Spec {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("run nats-server: %v", err)
	}
	monitor := FreeAddress(t, host)
	_, monitorPort, err := net.SplitHostPort(monitor)
	if err != nil {
		t.Fatalf("run nats-server: %v", err)
	}
	return Spec{
		Path: Build(t, NATSServer)[NATSServer],
		Args: []string{
			"--addr", host, "--port", port, "--http_port", monitorPort,
			"--jetstream", "--store_dir", store,
		},
		Ready: Answers("http://" + monitor + "/healthz"),
	}
}
