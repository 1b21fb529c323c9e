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

// Process is a service as a program of its own: flags, environment, logger,
// metrics and health, a connection to NATS, and an orderly end.
type Process struct {
	Name  string
	About string

	// Patient connects in the background and never gives up. Otherwise the
	// process ends with an error when NATS can't be reached within a minute.
	Patient bool

	// Flags defines the service's own flags.
	Flags func(*daemon.Flags)

	// Before, if set, runs after the flags are read and before anything else.
	// done ends the process.
	Before func(context.Context) (done bool, err error)

	// Run is the service.
	Run func(context.Context, Parts) error
}

// Parts are what a service's process gives to its Run.
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
	f.StringVar(&listen, "listen", "", "`address` for metrics and health, such as 127.0.0.1:9470; empty for none")
	f.BoolVar(&version, "version", false, "print the version and exit")
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
	telemetry.Ready(p.Name, errors.New("starting")) // until Run says otherwise
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
