// Package natstest runs a real nats-server with JetStream on files inside a
// test, alone or as a cluster. It guarantees a free loopback port, a store of
// its own that is removed with the test, and a server that is gone when the
// test ends.
package natstest

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Server is a running server.
type Server struct {
	URL     string
	Store   string // the directory with its files
	options server.Options
	running *server.Server
}

// Start starts a server that the test's end stops.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := prepare(t, options)
	s.start(t)
	if !s.running.ReadyForConnections(deadline) {
		t.Fatalf("nats-server is not ready after %s", deadline)
	}
	return s
}

const deadline = 20 * time.Second

func prepare(t testing.TB, options []Option) *Server {
	t.Helper()
	store := t.TempDir()
	s := &Server{Store: store, options: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: store,
		JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 64 << 30,
	}}
	for _, option := range options {
		option(&s.options)
	}
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
	s.running, s.URL = running, running.ClientURL()
}

func (s *Server) stop() {
	if s.running != nil {
		s.running.Shutdown()
		s.running.WaitForShutdown()
	}
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
	if !s.running.ReadyForConnections(deadline) {
		t.Fatalf("nats-server is not ready after %s", deadline)
	}
}

// Reserve finds a port for the server, so that a stopped server's URL is known
// before its first start, and stops it.
func Reserve(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := Start(t, options...)
	s.Stop(t)
	return s
}

// InProcessConn makes a connection without a network.
func (s *Server) InProcessConn() (net.Conn, error) { return s.running.InProcessConn() }

// BytesOut returns how many bytes the server has sent to clients.
func (s *Server) BytesOut(t testing.TB) int64 {
	t.Helper()
	v, err := s.running.Varz(nil)
	if err != nil {
		t.Fatalf("look at nats-server: %v", err)
	}
	return v.OutBytes
}
