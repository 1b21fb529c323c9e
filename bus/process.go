package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"headstart/daemon"
)

// Process is a service as its own program: flags, environment, logger, metrics
// and health, a connection to NATS, and an orderly shutdown.
type Process struct {
	Name  string
	About string

	// Patient connects in the background and retries forever. Otherwise the
	// process exits with an error if NATS can't be reached within a minute.
	Patient bool

	// Flags defines the service's own flags.
	Flags func(*daemon.Flags)

	// Before, if set, runs after the flags are parsed and before anything else.
	// The process ends if it returns done.
	Before func(context.Context) (done bool, err error)

	// Run is the service.
	Run func(context.Context, Parts) error
}

// Parts are what a process passes to its service.
type Parts struct {
	Bus       *Bus
	Log       *slog.Logger
	Telemetry *daemon.Telemetry
}

// Main runs the process and returns its exit code.
func (p Process) Main() int { return daemon.Main(p.run) }

func (p Process) run(ctx context.Context) (err error) {
	var (
		options Options
		logging daemon.LogOptions
		listen  string
		version bool
	)
	f := daemon.NewFlags(p.Name, p.About)
	options.Flags(f)
	logging.Flags(f)
	f.StringVar(&listen, "listen", "", "`address` of the HTTP server for metrics and health, such as 127.0.0.1:9470; none if empty")
	f.BoolVar(&version, "version", false, "version of the program: print it and exit")
	p.Flags(f)
	if err := f.Parse(os.Args[1:], os.Stdout); err != nil {
		return err
	}
	if version {
		fmt.Println(p.Name, daemon.Version())
		return nil
	}
	if p.Before != nil {
		if done, err := p.Before(ctx); done || err != nil {
			return err
		}
	}
	log := logging.Logger(os.Stderr)
	telemetry := daemon.NewTelemetry()
	telemetry.Ready(p.Name, errors.New("starting")) // until Run sets it
	address, err := telemetry.Listen(ctx, listen, log)
	if err != nil {
		return err
	}
	log.Info("starting", "version", daemon.Version(), "listen", address)

	options.Name, options.Telemetry = "headstart-"+p.Name, telemetry
	if !p.Patient {
		options.Wait = time.Minute
	}
	b, err := Connect(ctx, log, options)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		err = errors.Join(err, b.Close(closing))
		log.Info("stopped")
	}()
	return p.Run(ctx, Parts{Bus: b, Log: log, Telemetry: telemetry})
}
