package cli

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

// dataDirectory is where everything is kept unless --data says otherwise.
func dataDirectory() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "headstart")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "state", "headstart")
}

// lockDirectory makes a directory and keeps other processes out of it until
// the returned file is closed.
func lockDirectory(dir string) (*os.File, error) {
	if dir == "" {
		return nil, daemon.Usage("--data: say where to keep data: there is no home directory")
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

// checkLoopback returns a usage error for an address that isn't loopback: the
// server asks nobody for a password.
func checkLoopback(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().IsLoopback() {
		return daemon.Usage("--nats-listen %q: want a loopback address such as 127.0.0.1:4222, because there is no password", address)
	}
	return nil
}

// startServer starts a nats-server with JetStream in this process. It listens
// on an address of this machine for headstart's other commands and NATS tools.
func startServer(dir, address string, storage int64, log *slog.Logger) (*server.Server, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen for NATS: %w", err)
	}
	// The server answers a port that is taken by exiting; ask before.
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
	complaints := serverLog{log.With("part", "nats-server"), make(chan error, 1)}
	s.SetLoggerV2(complaints, false, false, false)
	s.Start()
	if err := complaints.await(s); err != nil {
		s.Shutdown()
		return nil, fmt.Errorf("start nats-server: %w (is there room, and may you write, in %s? choose another with --data)", err, dir)
	}
	return s, nil
}

func stopServer(ctx context.Context, s *server.Server) {
	s.Shutdown()
	stopped := make(chan struct{})
	go func() { s.WaitForShutdown(); close(stopped) }()
	select {
	case <-stopped:
	case <-ctx.Done():
	}
}

// serverLog passes on what the server has to complain about.
type serverLog struct {
	log   *slog.Logger
	fatal chan error // the first reason for which it can't go on
}

// await waits until the server is ready. What it calls fatal ends it as a
// process, but not as a part of one.
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
