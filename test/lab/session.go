package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Session is a client's connection to a [Server].
type Session struct {
	Local, Remote netip.AddrPort
	Opened        time.Time // before the SYN
	Ended         time.Time // after the end; zero while it lasts

	conn *net.TCPConn
}

// Ending is how a session ends. The side that closes first is left with a
// TIME_WAIT row for a minute; after a reset neither side has a row.
type Ending uint8

// The endings.
const (
	ClientCloses Ending = iota
	ServerCloses
	ClientResets
	ServerResets
)

// sessionTimeout bounds every exchange with a server.
const sessionTimeout = 10 * time.Second

// Open connects to a server and returns once the server has answered, so both
// hosts show the connection as ESTABLISHED. The session is closed when the
// test ends, if not before.
func (h *Host) Open(ctx context.Context, server netip.AddrPort) (*Session, error) {
	s, err := h.session(ctx, server)
	if err == nil {
		h.t.Cleanup(func() { s.conn.Close() })
	}
	return s, err
}

func (h *Host) session(ctx context.Context, server netip.AddrPort) (*Session, error) {
	opened := time.Now()
	conn, err := h.dial(ctx, "tcp", server.String())
	if err != nil {
		return nil, err
	}
	s := &Session{
		Local:  conn.LocalAddr().(*net.TCPAddr).AddrPort(),
		Remote: server,
		Opened: opened,
		conn:   conn.(*net.TCPConn),
	}
	if err := s.Ping(); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// Ping sends a byte to the server and waits for its echo.
func (s *Session) Ping() error {
	s.conn.SetDeadline(time.Now().Add(sessionTimeout))
	b := []byte{'.'}
	if _, err := s.conn.Write(b); err != nil {
		return fmt.Errorf("session %s to %s: %w", s.Local, s.Remote, err)
	}
	if _, err := io.ReadFull(s.conn, b); err != nil {
		return fmt.Errorf("session %s to %s: no echo: %w", s.Local, s.Remote, err)
	}
	return nil
}

// End ends the session. When it returns, the FIN or RST is out; if the server
// was to end it, it has arrived.
func (s *Session) End(how Ending) error {
	err := s.end(how)
	s.Ended = time.Now()
	if err != nil {
		return fmt.Errorf("end session %s to %s: %w", s.Local, s.Remote, err)
	}
	return nil
}

func (s *Session) end(how Ending) error {
	defer s.conn.Close()
	switch how {
	case ClientCloses:
		return s.conn.Close()
	case ClientResets:
		return errors.Join(s.conn.SetLinger(0), s.conn.Close())
	case ServerCloses:
		return s.request(requestClose, io.EOF)
	default:
		return s.request(requestReset, syscall.ECONNRESET)
	}
}

func (s *Session) request(kind byte, want error) error {
	s.conn.SetDeadline(time.Now().Add(sessionTimeout))
	b := []byte{kind}
	if _, err := s.conn.Write(b); err != nil {
		return err
	}
	if _, err := s.conn.Read(b); !errors.Is(err, want) {
		return fmt.Errorf("got %v, want %v", err, want)
	}
	return nil
}

// Repeat opens a session and ends it at once, now and then every so often,
// until the context ends. It returns all of them in order; the error is the
// first session's that failed for another reason than the context's end.
func (h *Host) Repeat(ctx context.Context, server netip.AddrPort, every time.Duration, how Ending) ([]*Session, error) {
	var all []*Session
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		s, err := h.session(ctx, server)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			return all, err
		}
		all = append(all, s)
		if err := s.End(how); err != nil {
			return all, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return all, nil
}
