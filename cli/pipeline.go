package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sync/errgroup"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	"headstart/services/correlator"
	"headstart/services/notifier"
	"headstart/services/tracker"
)

// pipeline is an embedded server and what runs on it in this process: parts
// that have a connection each. When one fails all end.
type pipeline struct {
	nats      *server.Server
	telemetry *daemon.Telemetry
	link      bus.Options
	log       *slog.Logger
	parts     *errgroup.Group
	ctx       context.Context // of the parts
}

// open starts the server and makes the streams: no service has to wait for
// another's.
func (o *runOptions) open(ctx context.Context, log *slog.Logger) (*pipeline, error) {
	nats, err := startServer(o.data, o.natsListen, o.storage.Bytes, log)
	if err != nil {
		return nil, err
	}
	p := &pipeline{nats: nats, telemetry: daemon.NewTelemetry(), log: log, link: bus.Options{Name: "headstart", InProcess: nats, Wait: 10 * time.Second}}
	err = connected(ctx, p.link, log, func(ctx context.Context, b *bus.Bus, _ *slog.Logger) error {
		return b.EnsureStreams(ctx, o.storage, event.StreamSnapshots, event.StreamConnections, event.StreamAlerts, event.StreamIncidents, event.StreamDeadLetters)
	})
	if err != nil {
		p.close(ctx)
		return nil, err
	}
	p.link.Telemetry = p.telemetry
	p.parts, p.ctx = errgroup.WithContext(ctx)
	return p, nil
}

// close stops the server, after the parts have ended.
func (p *pipeline) close(ctx context.Context) {
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	stopServer(stopping, p.nats)
}

type service func(context.Context, *bus.Bus, *slog.Logger) error

func (p *pipeline) start(name string, do service) {
	link := p.link
	link.Name = "headstart-" + name
	p.parts.Go(func() error { return connected(p.ctx, link, p.log.With("part", name), do) })
}

// expect makes the process not ready until the parts' own Run says otherwise.
func (p *pipeline) expect(names ...string) {
	for _, name := range names {
		p.telemetry.Ready(name, errors.New("starting"))
	}
}

// ready waits until all that is expected does its work.
func (p *pipeline) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		parts, ready := p.telemetry.Status()
		if ready {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until all parts are ready: %w: %v", ctx.Err(), parts)
		}
	}
}

// startServices starts what answers snapshots: tracker, correlator, notifier.
func (p *pipeline) startServices(o *runOptions) {
	p.start("notifier", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.notifier.Bus, o.notifier.Log, o.notifier.Telemetry, o.notifier.Storage = b, log, p.telemetry, o.storage
		return notifier.Run(ctx, o.notifier)
	})
	p.start("correlator", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.correlator.Bus, o.correlator.Log, o.correlator.Telemetry, o.correlator.Storage = b, log, p.telemetry, o.storage
		return correlator.Run(ctx, o.correlator)
	})
	p.start("tracker", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.tracker.Bus, o.tracker.Log, o.tracker.Telemetry, o.tracker.Storage = b, log, p.telemetry, o.storage
		return tracker.Run(ctx, o.tracker)
	})
}

// connected runs a service on a connection of its own.
func connected(ctx context.Context, link bus.Options, log *slog.Logger, do service) (err error) {
	b, err := bus.Connect(ctx, log, link)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, b.Close(closing))
	}()
	return do(ctx, b, log)
}
