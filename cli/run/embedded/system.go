package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sync/errgroup"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/event"
	"headstart/services/correlator"
	"headstart/services/notifier"
	"headstart/services/tracker"
)

// DefaultListen is where the server listens by default, and where every command
// looks for a system.
const DefaultListen = "127.0.0.1:4222"

// Options configure a system.
type Options struct {
	Data    string // directory
	Listen  string // loopback address of the NATS server
	Storage bus.Storage

	Tracker    tracker.Options
	Correlator correlator.Options
	Notifier   notifier.Options
}

// System is an embedded server and the services that run on it, each with a
// connection of its own. When one fails, all end.
type System struct {
	Telemetry *daemon.Telemetry

	nats     *server.Server
	link     bus.Options
	log      *slog.Logger
	services *errgroup.Group
	ctx      context.Context // of the services
}

// Open starts the server and creates the streams, so that no service has to
// wait for another.
func (o *Options) Open(ctx context.Context, log *slog.Logger) (*System, error) {
	nats, err := StartServer(o.Data, o.Listen, o.Storage.Bytes, log)
	if err != nil {
		return nil, err
	}
	s := &System{nats: nats, Telemetry: daemon.NewTelemetry(), log: log, link: bus.Options{Name: "headstart", InProcess: nats, Wait: 10 * time.Second}}
	err = cmdutil.Connected(ctx, s.link, log, func(ctx context.Context, b *bus.Bus, _ *slog.Logger) error {
		return b.EnsureStreams(ctx, o.Storage, event.StreamSnapshots, event.StreamConnections, event.StreamAlerts, event.StreamIncidents, event.StreamDeadLetters)
	})
	if err != nil {
		s.Close(ctx)
		return nil, err
	}
	s.link.Telemetry = s.Telemetry
	s.services, s.ctx = errgroup.WithContext(ctx)
	return s, nil
}

// URL returns the address of the server.
func (s *System) URL() string { return s.nats.ClientURL() }

// Close stops the server. The services have ended.
func (s *System) Close(ctx context.Context) {
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	StopServer(stopping, s.nats)
}

// Start runs a service.
func (s *System) Start(name string, do cmdutil.Service) {
	link := s.link
	link.Name = "headstart-" + name
	s.services.Go(func() error { return cmdutil.Connected(s.ctx, link, s.log.With("part", name), do) })
}

// Wait waits until all services have ended, and returns the first error.
func (s *System) Wait() error { return s.services.Wait() }

// Expect makes the process not ready until each of the services reports that it
// is.
func (s *System) Expect(names ...string) {
	for _, name := range names {
		s.Telemetry.Ready(name, errors.New("starting"))
	}
}

// Ready waits until all expected services are ready.
func (s *System) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		parts, ready := s.Telemetry.Status()
		if ready {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until all services are ready: %w: %v", ctx.Err(), parts)
		}
	}
}

// StartServices starts tracker, correlator and notifier.
func (s *System) StartServices(o *Options) {
	s.Start("notifier", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.Notifier.Bus, o.Notifier.Log, o.Notifier.Telemetry, o.Notifier.Storage = b, log, s.Telemetry, o.Storage
		return notifier.Run(ctx, o.Notifier)
	})
	s.Start("correlator", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.Correlator.Bus, o.Correlator.Log, o.Correlator.Telemetry, o.Correlator.Storage = b, log, s.Telemetry, o.Storage
		return correlator.Run(ctx, o.Correlator)
	})
	s.Start("tracker", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.Tracker.Bus, o.Tracker.Log, o.Tracker.Telemetry, o.Tracker.Storage = b, log, s.Telemetry, o.Storage
		return tracker.Run(ctx, o.Tracker)
	})
}
