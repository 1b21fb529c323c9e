package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
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

// startServer starts a nats-server with JetStream in this process. It listens
// on an address of this machine for headstart's other commands and NATS tools.
func startServer(dir, address string, storage int64, log *slog.Logger) (*server.Server, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, daemon.Usage("--nats-listen %q: %w", address, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, daemon.Usage("--nats-listen %q: want a loopback address such as 127.0.0.1:4222: there is no password", address)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, daemon.Usage("--nats-listen %q: bad port", address)
	}
	// The server answers a port that is taken by exiting; ask before.
	probe, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for NATS: %w (is another nats-server or headstart running? choose another with --nats-listen)", err)
	}
	probe.Close()
	options := &server.Options{
		ServerName: "headstart", Host: host, Port: int(number), NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: filepath.Join(dir, "nats"),
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: storage * 2,
	}
	if number == 0 {
		options.Port = server.RANDOM_PORT
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("start nats-server: %w", err)
	}
	s.SetLoggerV2(serverLog{log.With("part", "nats-server")}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		s.Shutdown()
		return nil, errors.New("start nats-server: not ready after 30 s")
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
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(string, ...any)           {}
func (l serverLog) Tracef(string, ...any)           {}
