package lab

import (
	"net"
	"net/netip"
	"sync"
)

// Server echoes every byte it gets, except for two by which a [Session] requests
// it to be the one that ends the connection. It keeps connections open for as
// long as their clients do.
type Server struct {
	// Address is where it listens, with the port that was chosen for port 0.
	Address netip.AddrPort

	listener net.Listener
	serving  sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]struct{}
	closed   bool
}

const (
	requestClose = 'C' // the server closes: FIN
	requestReset = 'R' // the server resets: RST
)

// Serve starts a server on the host. "[::]:5432" with network "tcp" also takes
// IPv4. It ends with the test, or with Close.
func (h *Host) Serve(network, address string) *Server {
	h.t.Helper()
	listener, err := h.Listen(network, address)
	if err != nil {
		h.t.Fatalf("start a server on host %s: %v", h.Name, err)
	}
	s := &Server{
		Address:  listener.Addr().(*net.TCPAddr).AddrPort(),
		listener: listener,
		open:     map[net.Conn]struct{}{},
	}
	s.serving.Go(s.accept)
	h.t.Cleanup(s.Close)
	return s
}

// Close stops listening, closes every connection and waits for both.
func (s *Server) Close() {
	s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.open {
		conn.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		if !s.track(conn) {
			conn.Close()
			return
		}
		s.serving.Go(func() { s.echo(conn) })
	}
}

func (s *Server) track(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[conn] = struct{}{}
	return true
}

func (s *Server) echo(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.open, conn)
		s.mu.Unlock()
	}()
	var b [1]byte
	for {
		if _, err := conn.Read(b[:]); err != nil {
			return
		}
		switch b[0] {
		case requestClose:
			return
		case requestReset:
			conn.(*net.TCPConn).SetLinger(0)
			return
		}
		if _, err := conn.Write(b[:]); err != nil {
			return
		}
	}
}
