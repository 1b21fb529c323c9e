package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
	"headstart/services/notifier"
	"headstart/services/poller"
	"headstart/services/tracker"
)

// runOptions are those of headstart run: the services' own, and what one
// process needs around them.
type runOptions struct {
	data       string
	natsListen string
	listen     string
	output     string
	show       []string

	logging    daemon.LogOptions
	storage    bus.Storage
	poller     poller.Options
	tracker    tracker.Options
	correlator correlator.Options
	notifier   notifier.Options
}

func (o *runOptions) flags(f *daemon.Flags) {
	f.StringVar(&o.data, "data", dataDirectory(), "`directory` for everything that is kept")
	f.StringVar(&o.natsListen, "nats-listen", "127.0.0.1:4222", "loopback `address` of the embedded NATS server")
	f.StringVar(&o.listen, "listen", "127.0.0.1:9470", "`address` for metrics and health; empty for none")
	f.StringVar(&o.output, "output", "text", "how to print alerts: `text` or json (JSON lines)")
	f.ListVar(&o.show, "show", "`what` to print beside alerts: connections")
	o.logging.Flags(f)
	o.logging.Level = slog.LevelWarn
	f.BytesVar(&o.storage.Bytes, "storage", 2<<30, "`bytes` that all streams together may take; the oldest messages make room")
	o.storage.Replicas = 1
	o.poller.Flags(f)
	o.tracker.Flags(f)
	o.correlator.Flags(f)
	o.notifier.Flags(f)
}

func (o *runOptions) check() error {
	if o.output != "text" && o.output != "json" {
		return daemon.Usage("--output %q: want text or json", o.output)
	}
	for _, s := range o.show {
		if s != "connections" {
			return daemon.Usage("--show %q: want connections", s)
		}
	}
	return o.poller.Check()
}

func runCommand() *cobra.Command {
	o := new(runOptions)
	o.correlator.Default = rules.Files
	f := daemon.NewFlags("headstart run", "")
	o.flags(f)
	c := &cobra.Command{
		Use:   "run",
		Short: "Run everything in one process: poller, tracker, correlator, notifier and an embedded NATS server",
		Long: `Run everything in one process: poller, tracker, correlator, notifier and an
embedded NATS server. It watches this host, needs no root, and prints each
alert as it comes. Stopped and started again it goes on where it was.

Each flag has an environment variable as its default: HEADSTART_ and its name
in capitals, such as HEADSTART_INTERVAL.`,
		Example: `  headstart run --show connections
  headstart run --roles web --rules ./rules.expr --output json`,
		Args: func(c *cobra.Command, args []string) error { return asUsage(cobra.NoArgs(c, args)) },
		PreRunE: func(c *cobra.Command, _ []string) error {
			return applyEnv(c, f)
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return run(c.Context(), o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().AddGoFlagSet(f.FlagSet)
	complete(c, "output", "text", "json")
	complete(c, "show", "connections")
	complete(c, "log-format", "text", "json")
	complete(c, "log-level", "debug", "info", "warn", "error")
	for _, name := range []string{"data", "proc", "spool", "rules"} {
		c.MarkFlagDirname(name)
	}
	c.MarkFlagFilename("config", "yaml", "yml")
	return c
}

func complete(c *cobra.Command, flagName string, values ...string) {
	c.RegisterFlagCompletionFunc(flagName, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// applyEnv sets the flags that the command line doesn't from the environment.
func applyEnv(c *cobra.Command, f *daemon.Flags) error {
	err := f.ApplyEnv(func(variable string) (string, bool) {
		for _, name := range changedFlags(c) {
			if f.Variable(name) == variable {
				return "", false
			}
		}
		return os.LookupEnv(variable)
	})
	if err != nil {
		return daemon.Usage("%w", err)
	}
	return nil
}

// run starts the server, then the services, and ends when one fails or the
// context does.
func run(ctx context.Context, o *runOptions, out, errs io.Writer) (err error) {
	log := o.logging.Logger(errs)
	lock, err := lockDirectory(o.data)
	if err != nil {
		return err
	}
	defer lock.Close()
	nats, err := startServer(o.data, o.natsListen, o.storage.Bytes, log)
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		stopServer(stopping, nats)
	}()
	telemetry := daemon.NewTelemetry()
	listen, err := telemetry.Listen(ctx, o.listen, log)
	if err != nil {
		return err
	}
	o.announce(errs, nats.ClientURL(), listen)

	parts, ctx := errgroup.WithContext(ctx)
	start := func(name string, service func(context.Context, *bus.Bus, *slog.Logger) error) {
		parts.Go(func() error { return connected(ctx, nats, name, log, telemetry, service) })
	}
	start("poller", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		if err := b.EnsureStreams(ctx, o.storage, event.StreamSnapshots); err != nil {
			return err
		}
		o.poller.Bus, o.poller.Log, o.poller.Telemetry = b, log, telemetry
		return poller.Run(ctx, o.poller)
	})
	start("tracker", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.tracker.Bus, o.tracker.Log, o.tracker.Telemetry, o.tracker.Storage = b, log, telemetry, o.storage
		return tracker.Run(ctx, o.tracker)
	})
	start("correlator", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.correlator.Bus, o.correlator.Log, o.correlator.Telemetry, o.correlator.Storage = b, log, telemetry, o.storage
		return correlator.Run(ctx, o.correlator)
	})
	start("notifier", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.notifier.Bus, o.notifier.Log, o.notifier.Telemetry, o.notifier.Storage = b, log, telemetry, o.storage
		return notifier.Run(ctx, o.notifier)
	})
	screen := newConsole(out, o.output == "json")
	start("console", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		return printAlerts(ctx, b, o.storage, screen, log)
	})
	if slices.Contains(o.show, "connections") {
		start("console", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
			return printConnections(ctx, b, o.storage, screen, log)
		})
	}
	return parts.Wait()
}

// connected runs a service on a connection of its own.
func connected(ctx context.Context, nats *server.Server, name string, log *slog.Logger, telemetry *daemon.Telemetry, service func(context.Context, *bus.Bus, *slog.Logger) error) (err error) {
	log = log.With("part", name)
	b, err := bus.Connect(ctx, log, bus.Options{Name: "headstart-" + name, InProcess: nats, Wait: 10 * time.Second, Telemetry: telemetry})
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, b.Close(closing))
	}()
	return service(ctx, b, log)
}

// announce says in a few lines what runs where.
func (o *runOptions) announce(out io.Writer, natsURL, listen string) {
	rulesFrom := "the default rules"
	if o.correlator.Rules != "" {
		rulesFrom = "the rules in " + o.correlator.Rules
	}
	receivers := "only this terminal (--config FILE for Slack and webhooks)"
	if o.notifier.Config != "" {
		receivers = "the receivers in " + o.notifier.Config
	}
	roles := "none (--roles web,… lets more rules apply)"
	if len(o.poller.Roles) > 0 {
		roles = strings.Join(o.poller.Roles, ", ")
	}
	metrics := "off"
	if listen != "" {
		metrics = "http://" + listen + "/metrics"
	}
	fmt.Fprintf(out, `headstart %s
  watching   %s every %s, roles: %s
  alerts     by %s, to %s
  metrics    %s
  NATS       %s, kept in %s
Ctrl-C ends it; it goes on where it was when started again.

`, daemon.Version(), o.poller.Host, o.poller.Interval, roles, rulesFrom, receivers, metrics, natsURL, filepath.Clean(o.data))
}

func newConsole(out io.Writer, json bool) *console {
	c := &console{out: out, json: json, local: time.Local}
	if f, ok := out.(*os.File); ok && os.Getenv("NO_COLOR") == "" {
		c.colour = term.IsTerminal(int(f.Fd()))
	}
	return c
}

// printAlerts prints every alert once, also over restarts.
func printAlerts(ctx context.Context, b *bus.Bus, storage bus.Storage, screen *console, log *slog.Logger) error {
	if err := b.EnsureStreams(ctx, storage, event.StreamAlerts); err != nil {
		return err
	}
	return b.Deliver(ctx, bus.Delivery{
		Stream: event.StreamAlerts, Durable: "console", InFlight: 1,
		Handle: func(_ context.Context, m bus.Message) bus.Retry {
			a, err := event.DecodeAlert(m.Data)
			if err != nil {
				log.Error("unreadable alert", "sequence", m.Sequence, "error", err)
				return bus.Retry{}
			}
			screen.alert(a)
			return bus.Retry{}
		},
	})
}

func printConnections(ctx context.Context, b *bus.Bus, storage bus.Storage, screen *console, log *slog.Logger) error {
	if err := b.EnsureStreams(ctx, storage, event.StreamConnections); err != nil {
		return err
	}
	var decoder event.ChangesDecoder
	var changes event.Changes
	return b.Tail(ctx, event.StreamConnections, func(m bus.Message) {
		if err := decoder.Decode(m.Data, &changes); err != nil {
			log.Error("unreadable connections", "sequence", m.Sequence, "error", err)
			return
		}
		screen.changes(&changes)
	})
}
