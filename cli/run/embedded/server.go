// Package embedded runs a nats-server with JetStream and the services on it in
// this process, on the files of one directory.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sys/unix"

	"headstart/daemon"
)

// DataDirectory returns the default of --data; empty without a home directory.
func DataDirectory() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "headstart")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "state", "headstart")
}

// LockDirectory creates a directory and locks it for this process until the
// returned file is closed.
func LockDirectory(dir string) (*os.File, error) {
	if dir == "" {
		return nil, daemon.Usage("--data: there is no home directory: name a directory for the data")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w (choose another with --data)", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w (choose another with --data)", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("data directory %s is in use: is another headstart running? (choose another with --data)", dir)
	}
	return lock, nil
}

// CheckLoopback returns a usage error for an address that isn't loopback: the
// server has no authentication.
func CheckLoopback(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().IsLoopback() {
		return daemon.Usage("--nats-listen %q: want a loopback address such as 127.0.0.1:4222, because the server has no authentication", address)
	}
	return nil
}

// StartServer starts a nats-server with JetStream in this process. It listens
// on a loopback address for the other commands and for NATS tools.
func StartServer(dir, address string, storage int64, log *slog.Logger) (*server.Server, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen for NATS: %w", err)
	}
	// The server exits the process if the port is taken: check before.
	probe, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for NATS: %w (is another nats-server or headstart running? choose another with --nats-listen)", err)
	}
	probe.Close()
	options := &server.Options{
		ServerName: "headstart", Host: to.Addr().String(), Port: int(to.Port()), NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: filepath.Join(dir, "nats"),
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: storage * 2,
	}
	if to.Port() == 0 {
		options.Port = server.RANDOM_PORT
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("start nats-server: %w", err)
	}
	messages := serverLog{log.With("part", "nats-server"), make(chan error, 1)}
	s.SetLoggerV2(messages, false, false, false)
	s.Start()
	if err := messages.await(s); err != nil {
		s.Shutdown()
		return nil, fmt.Errorf("start nats-server: %w (is %s writable, with free space? choose another with --data)", err, dir)
	}
	return s, nil
}

// StopServer stops a server, and waits for its end until the context ends.
func StopServer(ctx context.Context, s *server.Server) {
	s.Shutdown()
	stopped := make(chan struct{})
	go func() { s.WaitForShutdown(); close(stopped) }()
	select {
	case <-stopped:
	case <-ctx.Done():
	}
}

// serverLog logs the warnings and errors of the server.
type serverLog struct {
	log   *slog.Logger
	fatal chan error // the first fatal error
}

// await waits until the server is ready. An embedded server goes on after what
// it logs as fatal.
func (l serverLog) await(s *server.Server) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if s.ReadyForConnections(100 * time.Millisecond) {
			return nil
		}
		select {
		case err := <-l.fatal:
			return err
		default:
		}
	}
	return errors.New("not ready after 30 s")
}

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Fatalf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	select {
	case l.fatal <- err:
	default:
		l.log.Error(err.Error())
	}
}
func (l serverLog) Errorf(format string, v ...any) { l.log.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(string, ...any)          {}
func (l serverLog) Tracef(string, ...any)          {}
