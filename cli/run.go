package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/services/correlator"
	"headstart/services/poller"
	"headstart/term"
)

func runCommand() *cobra.Command {
	o := new(runOptions)
	f := daemon.NewFlags("headstart run", "")
	o.flags(f)
	c := &cobra.Command{
		Use:   "run",
		Short: "Run everything in one process: poller, tracker, correlator, notifier and an embedded NATS server",
		Long: `Run everything in one process: poller, tracker, correlator, notifier and an
embedded NATS server. It watches this host, needs no root, and prints incidents
as they open, grow, get quiet and are resolved. Stopped and started again it goes
on where it was.

Each flag has an environment variable as its default: HEADSTART_ and its name
in capitals, such as HEADSTART_INTERVAL.`,
		Example: `  headstart run --show connections
  headstart run --roles web --rules ./rules.expr --output json`,
		Args: asUsage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			err := f.ApplyEnv(c.Flags().Changed)
			plan, mistakes := o.check()
			if err := errors.Join(err, mistakes); err != nil {
				return err
			}
			return run(c.Context(), o, plan, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().AddGoFlagSet(f.Documented())
	complete(c, "output", "text", "json")
	complete(c, "show", "alerts", "connections")
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

// run starts the server, then the services, and ends when one fails or the
// context does.
func run(ctx context.Context, o *runOptions, p plan, out, errs io.Writer) (err error) {
	log := o.logging.Logger(errs)
	lock, err := lockDirectory(o.data)
	if err != nil {
		return err
	}
	defer lock.Close()
	pipe, err := o.open(ctx, log)
	if err != nil {
		return err
	}
	defer pipe.close(ctx)
	pipe.expect("poller", "tracker", "correlator", "notifier")
	listen, err := pipe.telemetry.Listen(ctx, o.listen, log)
	if err != nil {
		return err
	}
	o.announce(errs, p, pipe.nats.ClientURL(), listen)

	screen := newConsole(out, o.poller.Host, o.output == "json")
	if o.natsListen != defaultNATS {
		screen.show += " --server " + pipe.nats.ClientURL()
	}
	pipe.start("incidents", screen.followIncidents)
	if screen.json || slices.Contains(o.show, "alerts") {
		pipe.start("alerts", screen.followAlerts)
	}
	if slices.Contains(o.show, "connections") {
		pipe.start("connections", screen.followConnections)
	}
	pipe.startServices(o)
	pipe.start("poller", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o.poller.Bus, o.poller.Log, o.poller.Telemetry = b, log, pipe.telemetry
		return poller.Run(ctx, o.poller)
	})
	return pipe.parts.Wait()
}

// announce says in a few lines what runs where.
func (o *runOptions) announce(out io.Writer, p plan, natsURL, listen string) {
	rules := fmt.Sprintf("%d by default (--rules DIR for your own)", p.rules)
	if len(o.correlator.Rules) > 0 {
		rules = fmt.Sprintf("%d in %s, in force within seconds when a file changes", p.rules, strings.Join(o.correlator.Rules, ", "))
	}
	if slices.Contains(o.correlator.Rules, correlator.PushedRules) {
		rules = strings.Join(o.correlator.Rules, ", ") + " ('headstart rules push' stores them, 'headstart rules status' shows them)"
	}
	receivers := "this terminal (--config FILE adds Slack and webhooks)"
	if len(p.receivers) > 0 {
		receivers = "this terminal, " + strings.Join(p.receivers, ", ")
	}
	roles := "none (--roles web or database,… lets more rules apply)"
	if len(o.poller.Roles) > 0 {
		roles = strings.Join(o.poller.Roles, ", ")
	}
	metrics := "off"
	if listen != "" {
		metrics = "http://" + listen + "/metrics"
	}
	fmt.Fprintf(out, `headstart %s
  watches    %s every %s
  roles      %s
  rules      %s
  tells      %s
  metrics    %s
  NATS       %s
  data       %s
Ctrl-C ends it; started again, it goes on where it was.

`, daemon.Version(), term.Plain(o.poller.Host), term.Duration(o.poller.Interval), roles, rules, receivers, metrics, natsURL, filepath.Clean(o.data))
}
