// Package natsserver runs a real nats-server with JetStream on files inside a
// test. It guarantees a free loopback port, a store of its own that is removed
// with the test, and a server that is gone when the test ends.
package natsserver

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Server is a running server.
type Server struct {
	URL     string
	options server.Options
	running *server.Server
}

// Start starts a server that the test's end stops.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{options: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: t.TempDir(),
		JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 64 << 30,
	}}
	s.start(t)
	t.Cleanup(s.stop)
	return s
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	options := s.options
	running, err := server.NewServer(&options)
	if err != nil {
		t.Fatalf("start nats-server: %v", err)
	}
	running.Start()
	if !running.ReadyForConnections(20 * time.Second) {
		t.Fatal("nats-server is not ready after 20 s")
	}
	s.running, s.URL = running, running.ClientURL()
}

func (s *Server) stop() {
	s.running.Shutdown()
	s.running.WaitForShutdown()
}

// Stop stops the server and keeps its store and port.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if address, ok := s.running.Addr().(*net.TCPAddr); ok {
		s.options.Port = address.Port
	}
	s.stop()
}

// Restart starts a stopped server on its store and port.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.start(t)
}
